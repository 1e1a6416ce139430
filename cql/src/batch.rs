// SPDX-License-Identifier: Apache-2.0
//! CassBatch: statements that are executed as one. A statement is copied when it is added.
use crate::errors::{self, CassError};
use crate::ffi::guard;
use crate::policies::CassRetryPolicy;
use crate::settings::Settings;
use crate::statement::{Bound, CassStatement, Text};
use scylla::statement::batch::{Batch, BatchStatement, BatchType};
use scylla::statement::unprepared::Statement;
use std::ffi::c_int;
use std::ptr;
use std::sync::Arc;

pub struct CassBatch {
    kind: BatchType,
    statements: Vec<CassStatement>,
    pub settings: Settings,
}

impl CassBatch {
    /// What the crate executes, with the values of each statement.
    pub fn build(&self) -> (Batch, Vec<Bound>) {
        let statements = self.statements.iter().map(|s| match &s.text {
            Text::Query(query) => BatchStatement::Query(Statement::new(&**query)),
            Text::Prepared(p) => BatchStatement::PreparedStatement(p.statement.clone()),
        });
        let values = self.statements.iter().map(|s| Bound {
            values: Arc::clone(&s.values),
            checked: matches!(s.text, Text::Prepared(_)),
        });
        (
            Batch::new_with_statements(self.kind, statements.collect()),
            values.collect(),
        )
    }
}

/// NULL if there is no such type: logged 0, unlogged 1, counter 2.
#[unsafe(no_mangle)]
pub extern "C" fn cass_batch_new(kind: c_int) -> *mut CassBatch {
    guard(ptr::null_mut(), || {
        let kind = match kind {
            0 => BatchType::Logged,
            1 => BatchType::Unlogged,
            2 => BatchType::Counter,
            _ => return ptr::null_mut(),
        };
        let settings = Settings::default();
        Box::into_raw(Box::new(CassBatch {
            kind,
            statements: Vec::new(),
            settings,
        }))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_batch_free(batch: *mut CassBatch) {
    guard((), || {
        if !batch.is_null() {
            drop(unsafe { Box::from_raw(batch) });
        }
    })
}

unsafe fn change(
    batch: *mut CassBatch,
    work: impl FnOnce(&mut CassBatch) -> CassError,
) -> CassError {
    guard(errors::INTERNAL_ERROR, || {
        unsafe { batch.as_mut() }.map_or(errors::BAD_PARAMS, work)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_batch_add_statement(
    batch: *mut CassBatch,
    statement: *mut CassStatement,
) -> CassError {
    unsafe {
        change(batch, |b| match statement.as_ref() {
            Some(statement) => {
                b.statements.push(statement.clone());
                errors::OK
            }
            None => errors::BAD_PARAMS,
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_batch_set_consistency(
    batch: *mut CassBatch,
    consistency: u32,
) -> CassError {
    unsafe { change(batch, |b| b.settings.set_consistency(consistency)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_batch_set_serial_consistency(
    batch: *mut CassBatch,
    consistency: u32,
) -> CassError {
    unsafe { change(batch, |b| b.settings.set_serial_consistency(consistency)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_batch_set_timestamp(
    batch: *mut CassBatch,
    timestamp: i64,
) -> CassError {
    unsafe { change(batch, |b| b.settings.set_timestamp(timestamp)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_batch_set_request_timeout(
    batch: *mut CassBatch,
    timeout_ms: u64,
) -> CassError {
    unsafe { change(batch, |b| b.settings.set_timeout(timeout_ms)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_batch_set_is_idempotent(
    batch: *mut CassBatch,
    is_idempotent: c_int,
) -> CassError {
    unsafe {
        change(batch, |b| {
            b.settings.is_idempotent = is_idempotent != 0;
            errors::OK
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_batch_set_retry_policy(
    batch: *mut CassBatch,
    policy: *mut CassRetryPolicy,
) -> CassError {
    unsafe {
        change(batch, |b| {
            b.settings.retry_policy = policy.as_ref().map(|p| Arc::clone(&p.0));
            errors::OK
        })
    }
}
