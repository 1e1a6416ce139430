// SPDX-License-Identifier: Apache-2.0
//! What went wrong: a number of the API, a sentence, and what the server said of it.
use crate::errors::{self, CassError};
use crate::ffi::{Bool, bool_of, guard};
use crate::names::{CONSISTENCY_UNKNOWN, number_of_consistency, number_of_write_type};
use crate::value::Class;
use scylla::errors::{
    BadQuery, ConnectionError, ConnectionPoolError, ConnectionSetupRequestErrorKind, DbError,
    ExecutionError, MetadataError, MetadataFetchErrorKind, NewSessionError, PrepareError,
    RequestAttemptError, SchemaAgreementError, SerializationError, UseKeyspaceError,
};
use std::ffi::c_char;
use std::sync::Arc;

pub struct Failure {
    pub code: CassError,
    pub message: String,
    /// Of errors that the server sent.
    pub server: Option<Arc<CassErrorResult>>,
}

/// The server's error, as C may look into it.
pub struct CassErrorResult {
    code: CassError,
    error: DbError,
}

/// A bound value that the column of an unprepared statement does not take.
#[derive(Debug)]
pub enum Misfit {
    Type { index: usize },
    Count { bound: usize, wanted: usize },
}

impl std::fmt::Display for Misfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Misfit::Type { index } => write!(f, "parameter {index} has another type"),
            Misfit::Count { bound, wanted } => {
                write!(f, "{bound} parameters bound, the statement has {wanted}")
            }
        }
    }
}

impl std::error::Error for Misfit {}

pub fn misfit(index: usize, class: Class, typ: u32) -> Option<Misfit> {
    (!class.fits(typ)).then_some(Misfit::Type { index })
}

impl Failure {
    pub fn new(code: CassError, message: impl Into<String>) -> Failure {
        Failure {
            code,
            message: message.into(),
            server: None,
        }
    }

    fn server(error: &DbError, message: &str) -> Failure {
        let code = code_of(error);
        let result = CassErrorResult {
            code,
            error: error.clone(),
        };
        Failure {
            code,
            message: message.to_owned(),
            server: Some(Arc::new(result)),
        }
    }
}

fn code_of(error: &DbError) -> CassError {
    match error {
        DbError::SyntaxError => errors::SYNTAX_ERROR,
        DbError::Invalid => errors::INVALID_QUERY,
        DbError::AlreadyExists { .. } => errors::ALREADY_EXISTS,
        DbError::FunctionFailure { .. } => errors::FUNCTION_FAILURE,
        DbError::AuthenticationError => errors::BAD_CREDENTIALS,
        DbError::Unauthorized => errors::UNAUTHORIZED,
        DbError::ConfigError => errors::CONFIG_ERROR,
        DbError::Unavailable { .. } => errors::UNAVAILABLE,
        DbError::Overloaded => errors::OVERLOADED,
        DbError::IsBootstrapping => errors::IS_BOOTSTRAPPING,
        DbError::TruncateError => errors::TRUNCATE_ERROR,
        DbError::ReadTimeout { .. } => errors::READ_TIMEOUT,
        DbError::WriteTimeout { .. } => errors::WRITE_TIMEOUT,
        DbError::ReadFailure { .. } => errors::READ_FAILURE,
        DbError::WriteFailure { .. } => errors::WRITE_FAILURE,
        DbError::Unprepared { .. } => errors::UNPREPARED,
        DbError::ProtocolError => errors::PROTOCOL_ERROR,
        // CAS_WRITE_UNKNOWN of protocol 5 and what else may come: an outcome nobody knows
        DbError::Other(_) => errors::SERVER_ERROR,
        _ => errors::SERVER_ERROR,
    }
}

/// What was said, with what caused it.
fn sentence(error: &dyn std::error::Error) -> String {
    error.to_string()
}

impl From<&SerializationError> for Failure {
    fn from(error: &SerializationError) -> Failure {
        let code = match error.downcast_ref::<Misfit>() {
            Some(Misfit::Type { .. }) => errors::INVALID_VALUE_TYPE,
            Some(Misfit::Count { .. }) => errors::INVALID_ITEM_COUNT,
            None => errors::MESSAGE_ENCODE,
        };
        Failure::new(code, sentence(error))
    }
}

impl From<&RequestAttemptError> for Failure {
    fn from(error: &RequestAttemptError) -> Failure {
        use RequestAttemptError as E;
        let code = match error {
            E::DbError(db, message) => return Failure::server(db, message),
            E::SerializationError(e) => return e.into(),
            E::CqlRequestSerialization(_) => errors::MESSAGE_ENCODE,
            E::UnableToAllocStreamId => errors::NO_STREAMS,
            // whether the server did it nobody knows, just as after a time-out
            E::BrokenConnectionError(_) => errors::REQUEST_TIMED_OUT,
            _ => errors::UNEXPECTED_RESPONSE,
        };
        Failure::new(code, sentence(error))
    }
}

impl From<ExecutionError> for Failure {
    fn from(error: ExecutionError) -> Failure {
        use ExecutionError as E;
        let code = match &error {
            E::LastAttemptError(e) => return e.into(),
            E::PrepareError(e) => return e.into(),
            E::BadQuery(BadQuery::SerializationError(e)) => return e.into(),
            E::BadQuery(_) => errors::BAD_PARAMS,
            E::UseKeyspaceError(e) => return e.into(),
            E::EmptyPlan | E::ConnectionPoolError(_) => errors::NO_HOSTS_AVAILABLE,
            // the change itself is done; whoever needs it on every node must ask again
            E::SchemaAgreementError(SchemaAgreementError::RequestError(e)) => return e.into(),
            E::RequestTimeout(_) | E::SchemaAgreementError(_) => errors::REQUEST_TIMED_OUT,
            _ => errors::UNEXPECTED_RESPONSE,
        };
        Failure::new(code, sentence(&error))
    }
}

impl From<&PrepareError> for Failure {
    fn from(error: &PrepareError) -> Failure {
        let code = match error {
            PrepareError::AllAttemptsFailed { first_attempt } => return first_attempt.into(),
            PrepareError::ConnectionPoolError(_) => errors::NO_HOSTS_AVAILABLE,
            _ => errors::UNEXPECTED_RESPONSE,
        };
        Failure::new(code, sentence(error))
    }
}

impl From<&UseKeyspaceError> for Failure {
    fn from(error: &UseKeyspaceError) -> Failure {
        Failure::new(errors::UNABLE_TO_SET_KEYSPACE, sentence(error))
    }
}

/// Why a session did not connect; `tls` says what a handshake that failed met.
pub fn of_connect(error: &NewSessionError, tls: impl Fn() -> CassError) -> Failure {
    let code = match error {
        NewSessionError::UseKeyspaceError(e) => return e.into(),
        NewSessionError::FailedToResolveAnyHostname(_) => errors::NO_HOSTS_AVAILABLE,
        NewSessionError::MetadataError(MetadataError::ConnectionPoolError(
            ConnectionPoolError::Broken {
                last_connection_error,
            },
        )) => return of_connection(last_connection_error, error, tls),
        NewSessionError::MetadataError(MetadataError::FetchError(fetch)) => match &fetch.error {
            MetadataFetchErrorKind::PrepareError(e) => return e.into(),
            _ => errors::NO_HOSTS_AVAILABLE,
        },
        _ => errors::NO_HOSTS_AVAILABLE,
    };
    Failure::new(code, sentence(error))
}

fn of_connection(
    error: &ConnectionError,
    whole: &NewSessionError,
    tls: impl Fn() -> CassError,
) -> Failure {
    match error {
        ConnectionError::IoError(io) => {
            let handshake = io.get_ref().is_some_and(|e| e.is::<openssl::ssl::Error>());
            let code = if handshake {
                tls()
            } else {
                errors::NO_HOSTS_AVAILABLE
            };
            Failure::new(code, sentence(whole))
        }
        ConnectionError::ConnectionSetupRequestError(setup) => match setup.get_error() {
            ConnectionSetupRequestErrorKind::DbError(db, message) => Failure::server(db, message),
            ConnectionSetupRequestErrorKind::MissingAuthentication => Failure::new(
                errors::BAD_CREDENTIALS,
                "the server asks for a user name and a password",
            ),
            _ => Failure::new(errors::NO_HOSTS_AVAILABLE, sentence(whole)),
        },
        _ => Failure::new(errors::NO_HOSTS_AVAILABLE, sentence(whole)),
    }
}

// What C may ask of a server's error.

unsafe fn ask<T>(
    result: *const CassErrorResult,
    fallback: T,
    answer: impl FnOnce(&CassErrorResult) -> Option<T>,
) -> T
where
    T: Copy,
{
    guard(fallback, || {
        unsafe { result.as_ref() }
            .and_then(answer)
            .unwrap_or(fallback)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_error_result_free(result: *const CassErrorResult) {
    guard((), || {
        if !result.is_null() {
            drop(unsafe { Arc::from_raw(result) });
        }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_error_result_code(result: *const CassErrorResult) -> CassError {
    unsafe { ask(result, errors::BAD_PARAMS, |r| Some(r.code)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_error_result_consistency(result: *const CassErrorResult) -> u32 {
    use DbError as E;
    let answer = |r: &CassErrorResult| match &r.error {
        E::Unavailable { consistency, .. }
        | E::ReadTimeout { consistency, .. }
        | E::WriteTimeout { consistency, .. }
        | E::ReadFailure { consistency, .. }
        | E::WriteFailure { consistency, .. } => Some(number_of_consistency(*consistency)),
        _ => None,
    };
    unsafe { ask(result, CONSISTENCY_UNKNOWN, answer) }
}

/// Replicas that answered, or are alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_error_result_responses_received(
    result: *const CassErrorResult,
) -> i32 {
    use DbError as E;
    let answer = |r: &CassErrorResult| match &r.error {
        E::Unavailable { alive, .. } => Some(*alive),
        E::ReadTimeout { received, .. }
        | E::WriteTimeout { received, .. }
        | E::ReadFailure { received, .. }
        | E::WriteFailure { received, .. } => Some(*received),
        _ => None,
    };
    unsafe { ask(result, -1, answer) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_error_result_responses_required(
    result: *const CassErrorResult,
) -> i32 {
    use DbError as E;
    let answer = |r: &CassErrorResult| match &r.error {
        E::Unavailable { required, .. }
        | E::ReadTimeout { required, .. }
        | E::WriteTimeout { required, .. }
        | E::ReadFailure { required, .. }
        | E::WriteFailure { required, .. } => Some(*required),
        _ => None,
    };
    unsafe { ask(result, -1, answer) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_error_result_num_failures(result: *const CassErrorResult) -> i32 {
    use DbError as E;
    let answer = |r: &CassErrorResult| match &r.error {
        E::ReadFailure { numfailures, .. } | E::WriteFailure { numfailures, .. } => {
            Some(*numfailures)
        }
        _ => None,
    };
    unsafe { ask(result, -1, answer) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_error_result_data_present(result: *const CassErrorResult) -> Bool {
    use DbError as E;
    let answer = |r: &CassErrorResult| match &r.error {
        E::ReadTimeout { data_present, .. } | E::ReadFailure { data_present, .. } => {
            Some(bool_of(*data_present))
        }
        _ => None,
    };
    unsafe { ask(result, 0, answer) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_error_result_write_type(result: *const CassErrorResult) -> u32 {
    use DbError as E;
    let answer = |r: &CassErrorResult| match &r.error {
        E::WriteTimeout { write_type, .. } | E::WriteFailure { write_type, .. } => {
            Some(number_of_write_type(write_type))
        }
        _ => None,
    };
    unsafe { ask(result, 0, answer) }
}

unsafe fn name(
    result: *const CassErrorResult,
    text: *mut *const c_char,
    length: *mut usize,
    find: impl FnOnce(&DbError) -> Option<&String>,
) -> CassError {
    unsafe {
        ask(result, errors::INVALID_ERROR_RESULT_TYPE, |r| {
            let found = find(&r.error)?;
            *text = found.as_ptr().cast();
            *length = found.len();
            Some(errors::OK)
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_error_result_keyspace(
    result: *const CassErrorResult,
    text: *mut *const c_char,
    length: *mut usize,
) -> CassError {
    unsafe {
        name(result, text, length, |e| match e {
            DbError::AlreadyExists { keyspace, .. } => Some(keyspace),
            DbError::FunctionFailure { keyspace, .. } => Some(keyspace),
            _ => None,
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_error_result_table(
    result: *const CassErrorResult,
    text: *mut *const c_char,
    length: *mut usize,
) -> CassError {
    unsafe {
        name(result, text, length, |e| match e {
            DbError::AlreadyExists { table, .. } => Some(table),
            _ => None,
        })
    }
}
