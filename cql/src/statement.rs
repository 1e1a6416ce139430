// SPDX-License-Identifier: Apache-2.0
//! CassStatement: a query or a prepared statement with its values. Values are copied when
//! they are bound; an execution takes what is bound at that moment.
use crate::errors::{self, CassError};
use crate::failure::{Misfit, misfit};
use crate::ffi::{guard, length_of, slice_of, text_of};
use crate::policies::CassRetryPolicy;
use crate::prepared::CassPrepared;
use crate::result::CassResult;
use crate::settings::Settings;
use crate::uuid::CassUuid;
use crate::value::{CassInet, Cell, Class, Encode, Truth, number_of_type};
use scylla::errors::SerializationError;
use scylla::response::PagingState;
use scylla::serialize::row::{RowSerializationContext, SerializeRow};
use scylla::serialize::writers::RowWriter;
use std::ffi::{c_char, c_int};
use std::ptr;
use std::sync::Arc;

#[derive(Clone)]
pub enum Text {
    Query(Arc<str>),
    Prepared(Arc<CassPrepared>),
}

#[derive(Clone)]
pub struct CassStatement {
    pub text: Text,
    /// Shared with executions under way; a later bind copies them first.
    pub values: Arc<Vec<Cell>>,
    pub settings: Settings,
    /// Rows a page; None: all in one.
    pub page_size: Option<i32>,
    pub page: PagingState,
}

impl CassStatement {
    fn new(text: Text, parameters: usize) -> CassStatement {
        CassStatement {
            text,
            values: Arc::new(vec![Cell::Unset; parameters]),
            settings: Settings::default(),
            page_size: None,
            page: PagingState::start(),
        }
    }

    pub fn of_prepared(prepared: Arc<CassPrepared>) -> CassStatement {
        let parameters = prepared.parameters.len();
        CassStatement::new(Text::Prepared(prepared), parameters)
    }

    /// A query's parameters are checked when a server has told their types.
    fn bind(&mut self, index: usize, class: Class, cell: Option<Cell>) -> CassError {
        if index >= self.values.len() {
            return errors::INDEX_OUT_OF_BOUNDS;
        }
        if let Text::Prepared(prepared) = &self.text {
            if !class.fits(prepared.parameters[index].typ) {
                return errors::INVALID_VALUE_TYPE;
            }
        }
        let Some(cell) = cell else {
            return errors::BAD_PARAMS;
        };
        Arc::make_mut(&mut self.values)[index] = cell;
        errors::OK
    }

    /// Every parameter of that name: a statement may have one twice.
    fn bind_name(&mut self, name: &[u8], class: Class, cell: Option<Cell>) -> CassError {
        let Text::Prepared(prepared) = &self.text else {
            return errors::NAME_DOES_NOT_EXIST;
        };
        let quoted = name.strip_prefix(b"\"").and_then(|n| n.strip_suffix(b"\""));
        let is_it = |n: &[u8]| quoted.map_or_else(|| n.eq_ignore_ascii_case(name), |q| n == q);
        let parameters = prepared.parameters.iter().enumerate();
        let found: Vec<usize> = parameters
            .filter(|(_, p)| is_it(p.name.as_bytes()))
            .map(|(index, _)| index)
            .collect();
        if found.is_empty() {
            return errors::NAME_DOES_NOT_EXIST;
        }
        for index in found {
            let error = self.bind(index, class, cell.clone());
            if error != errors::OK {
                return error;
            }
        }
        errors::OK
    }
}

/// The values of one execution, as the crate takes them.
pub struct Bound {
    pub values: Arc<Vec<Cell>>,
    /// Of a prepared statement they were checked when they were bound.
    pub checked: bool,
}

impl SerializeRow for Bound {
    fn serialize(
        &self,
        context: &RowSerializationContext<'_>,
        writer: &mut RowWriter,
    ) -> Result<(), SerializationError> {
        let columns = context.columns();
        if columns.len() != self.values.len() {
            let (bound, wanted) = (self.values.len(), columns.len());
            return Err(SerializationError::new(Misfit::Count { bound, wanted }));
        }
        for (index, (cell, column)) in self.values.iter().zip(columns).enumerate() {
            if !self.checked {
                let wrong = misfit(index, cell.class(), number_of_type(column.typ()));
                wrong.map_or(Ok(()), |e| Err(SerializationError::new(e)))?;
            }
            let target = writer.make_cell_writer();
            match cell {
                Cell::Unset => target.set_unset(),
                Cell::Null => target.set_null(),
                Cell::Short { length, bytes, .. } => target
                    .set_value(&bytes[..usize::from(*length)])
                    .map_err(SerializationError::new)?,
                Cell::Long { bytes, .. } => {
                    target.set_value(bytes).map_err(SerializationError::new)?
                }
            };
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_statement_new(
    query: *const c_char,
    parameters: usize,
) -> *mut CassStatement {
    unsafe { cass_statement_new_n(query, length_of(query), parameters) }
}

/// NULL if the query is no UTF-8, or has more parameters than the protocol allows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_statement_new_n(
    query: *const c_char,
    length: usize,
    parameters: usize,
) -> *mut CassStatement {
    guard(ptr::null_mut(), || {
        let query = unsafe { text_of(query, length) };
        match query.filter(|_| parameters <= usize::from(u16::MAX)) {
            Some(query) => {
                let statement = CassStatement::new(Text::Query(query.into()), parameters);
                Box::into_raw(Box::new(statement))
            }
            None => ptr::null_mut(),
        }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_statement_free(statement: *mut CassStatement) {
    guard((), || {
        if !statement.is_null() {
            drop(unsafe { Box::from_raw(statement) });
        }
    })
}

unsafe fn change(
    statement: *mut CassStatement,
    work: impl FnOnce(&mut CassStatement) -> CassError,
) -> CassError {
    guard(errors::INTERNAL_ERROR, || {
        unsafe { statement.as_mut() }.map_or(errors::BAD_PARAMS, work)
    })
}

/// The same, of what has this name.
unsafe fn change_named(
    statement: *mut CassStatement,
    name: *const c_char,
    length: usize,
    work: impl FnOnce(&mut CassStatement, &[u8]) -> CassError,
) -> CassError {
    unsafe {
        change(statement, |s| match slice_of(name.cast::<u8>(), length) {
            Some(name) => work(s, name),
            None => errors::BAD_PARAMS,
        })
    }
}

/// Unbinds all and sets their number, which a prepared statement does not let change.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_statement_reset_parameters(
    statement: *mut CassStatement,
    count: usize,
) -> CassError {
    unsafe {
        change(statement, |s| {
            let count = match &s.text {
                Text::Prepared(prepared) => prepared.parameters.len(),
                Text::Query(_) if count > usize::from(u16::MAX) => return errors::BAD_PARAMS,
                Text::Query(_) => count,
            };
            s.values = Arc::new(vec![Cell::Unset; count]);
            errors::OK
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_statement_set_consistency(
    statement: *mut CassStatement,
    consistency: u32,
) -> CassError {
    unsafe { change(statement, |s| s.settings.set_consistency(consistency)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_statement_set_serial_consistency(
    statement: *mut CassStatement,
    consistency: u32,
) -> CassError {
    unsafe {
        change(statement, |s| {
            s.settings.set_serial_consistency(consistency)
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_statement_set_timestamp(
    statement: *mut CassStatement,
    timestamp: i64,
) -> CassError {
    unsafe { change(statement, |s| s.settings.set_timestamp(timestamp)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_statement_set_request_timeout(
    statement: *mut CassStatement,
    timeout_ms: u64,
) -> CassError {
    unsafe { change(statement, |s| s.settings.set_timeout(timeout_ms)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_statement_set_is_idempotent(
    statement: *mut CassStatement,
    is_idempotent: c_int,
) -> CassError {
    unsafe {
        change(statement, |s| {
            s.settings.is_idempotent = is_idempotent != 0;
            errors::OK
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_statement_set_retry_policy(
    statement: *mut CassStatement,
    policy: *mut CassRetryPolicy,
) -> CassError {
    unsafe {
        change(statement, |s| {
            s.settings.retry_policy = policy.as_ref().map(|p| Arc::clone(&p.0));
            errors::OK
        })
    }
}

/// 0 and less: no paging.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_statement_set_paging_size(
    statement: *mut CassStatement,
    rows: c_int,
) -> CassError {
    unsafe {
        change(statement, |s| {
            s.page_size = (rows > 0).then_some(rows);
            errors::OK
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_statement_set_paging_state(
    statement: *mut CassStatement,
    result: *const CassResult,
) -> CassError {
    unsafe {
        change(statement, |s| match result.as_ref() {
            Some(result) => {
                s.page = result.next_page.clone().unwrap_or_default();
                errors::OK
            }
            None => errors::BAD_PARAMS,
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_statement_set_paging_state_token(
    statement: *mut CassStatement,
    token: *const c_char,
    length: usize,
) -> CassError {
    unsafe {
        change(statement, |s| match slice_of(token.cast::<u8>(), length) {
            Some([]) => {
                s.page = PagingState::start();
                errors::OK
            }
            Some(token) => {
                s.page = PagingState::new_from_raw_bytes(token);
                errors::OK
            }
            None => errors::BAD_PARAMS,
        })
    }
}

/// Each type of value: by index, by name, and by a name of a given length.
macro_rules! binds {
    ($($index:ident, $name:ident, $name_n:ident, $typ:ty, $wrap:expr;)*) => {
        $(#[unsafe(no_mangle)]
        pub unsafe extern "C" fn $index(
            statement: *mut CassStatement,
            index: usize,
            value: $typ,
        ) -> CassError {
            unsafe { change(statement, |s| bind_as(s, index, $wrap(value))) }
        }

        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            statement: *mut CassStatement,
            name: *const c_char,
            value: $typ,
        ) -> CassError {
            unsafe { $name_n(statement, name, length_of(name), value) }
        }

        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name_n(
            statement: *mut CassStatement,
            name: *const c_char,
            length: usize,
            value: $typ,
        ) -> CassError {
            unsafe {
                change_named(statement, name, length, |s, name| {
                    bind_name_as(s, name, $wrap(value))
                })
            }
        })*
    };
}

fn bind_as<T: Encode>(statement: &mut CassStatement, index: usize, value: T) -> CassError {
    statement.bind(index, T::CLASS, value.cell())
}

fn bind_name_as<T: Encode>(statement: &mut CassStatement, name: &[u8], value: T) -> CassError {
    statement.bind_name(name, T::CLASS, value.cell())
}

#[rustfmt::skip]
binds! {
    cass_statement_bind_int8, cass_statement_bind_int8_by_name, cass_statement_bind_int8_by_name_n, i8, std::convert::identity;
    cass_statement_bind_int16, cass_statement_bind_int16_by_name, cass_statement_bind_int16_by_name_n, i16, std::convert::identity;
    cass_statement_bind_int32, cass_statement_bind_int32_by_name, cass_statement_bind_int32_by_name_n, i32, std::convert::identity;
    cass_statement_bind_uint32, cass_statement_bind_uint32_by_name, cass_statement_bind_uint32_by_name_n, u32, std::convert::identity;
    cass_statement_bind_int64, cass_statement_bind_int64_by_name, cass_statement_bind_int64_by_name_n, i64, std::convert::identity;
    cass_statement_bind_float, cass_statement_bind_float_by_name, cass_statement_bind_float_by_name_n, f32, std::convert::identity;
    cass_statement_bind_double, cass_statement_bind_double_by_name, cass_statement_bind_double_by_name_n, f64, std::convert::identity;
    cass_statement_bind_bool, cass_statement_bind_bool_by_name, cass_statement_bind_bool_by_name_n, c_int, Truth;
    cass_statement_bind_uuid, cass_statement_bind_uuid_by_name, cass_statement_bind_uuid_by_name_n, CassUuid, std::convert::identity;
    cass_statement_bind_inet, cass_statement_bind_inet_by_name, cass_statement_bind_inet_by_name_n, CassInet, std::convert::identity;
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_statement_bind_null(
    statement: *mut CassStatement,
    index: usize,
) -> CassError {
    unsafe { change(statement, |s| s.bind(index, Class::Null, Some(Cell::Null))) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_statement_bind_null_by_name(
    statement: *mut CassStatement,
    name: *const c_char,
) -> CassError {
    unsafe { cass_statement_bind_null_by_name_n(statement, name, length_of(name)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_statement_bind_null_by_name_n(
    statement: *mut CassStatement,
    name: *const c_char,
    length: usize,
) -> CassError {
    unsafe {
        change_named(statement, name, length, |s, name| {
            s.bind_name(name, Class::Null, Some(Cell::Null))
        })
    }
}

/// Text and bytes; NULL with a length of 0 is an empty value, not null.
unsafe fn cell_of(class: Class, data: *const u8, length: usize) -> Option<Cell> {
    unsafe { slice_of(data, length) }.map(|bytes| Cell::new(class, bytes))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_statement_bind_string(
    statement: *mut CassStatement,
    index: usize,
    value: *const c_char,
) -> CassError {
    unsafe { cass_statement_bind_string_n(statement, index, value, length_of(value)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_statement_bind_string_n(
    statement: *mut CassStatement,
    index: usize,
    value: *const c_char,
    length: usize,
) -> CassError {
    unsafe {
        let class = Class::String;
        change(statement, |s| {
            s.bind(index, class, cell_of(class, value.cast(), length))
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_statement_bind_string_by_name(
    statement: *mut CassStatement,
    name: *const c_char,
    value: *const c_char,
) -> CassError {
    unsafe {
        let lengths = (length_of(name), length_of(value));
        cass_statement_bind_string_by_name_n(statement, name, lengths.0, value, lengths.1)
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_statement_bind_string_by_name_n(
    statement: *mut CassStatement,
    name: *const c_char,
    name_length: usize,
    value: *const c_char,
    length: usize,
) -> CassError {
    unsafe {
        let class = Class::String;
        change_named(statement, name, name_length, |s, name| {
            s.bind_name(name, class, cell_of(class, value.cast(), length))
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_statement_bind_bytes(
    statement: *mut CassStatement,
    index: usize,
    value: *const u8,
    length: usize,
) -> CassError {
    unsafe {
        let class = Class::Bytes;
        change(statement, |s| {
            s.bind(index, class, cell_of(class, value, length))
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_statement_bind_bytes_by_name(
    statement: *mut CassStatement,
    name: *const c_char,
    value: *const u8,
    length: usize,
) -> CassError {
    unsafe {
        let name_length = length_of(name);
        cass_statement_bind_bytes_by_name_n(statement, name, name_length, value, length)
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_statement_bind_bytes_by_name_n(
    statement: *mut CassStatement,
    name: *const c_char,
    name_length: usize,
    value: *const u8,
    length: usize,
) -> CassError {
    unsafe {
        let class = Class::Bytes;
        change_named(statement, name, name_length, |s, name| {
            s.bind_name(name, class, cell_of(class, value, length))
        })
    }
}
