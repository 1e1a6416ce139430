// SPDX-License-Identifier: Apache-2.0
//! CassPrepared: a statement that the servers know, with its parameters' types.
use crate::errors::{self, CassError};
use crate::ffi::guard;
use crate::statement::CassStatement;
use crate::value::number_of_type;
use scylla::statement::prepared::PreparedStatement;
use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;

pub struct CassPrepared {
    pub statement: PreparedStatement,
    pub parameters: Vec<Parameter>,
}

pub struct Parameter {
    pub name: String,
    pub typ: u32,
}

impl CassPrepared {
    pub fn new(mut statement: PreparedStatement) -> CassPrepared {
        // of whoever binds it, not of the text
        statement.set_is_idempotent(false);
        let parameters = statement
            .get_variable_col_specs()
            .iter()
            .map(|c| Parameter {
                name: c.name().to_owned(),
                typ: number_of_type(c.typ()),
            })
            .collect();
        CassPrepared {
            statement,
            parameters,
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_prepared_free(prepared: *const CassPrepared) {
    guard((), || {
        if !prepared.is_null() {
            drop(unsafe { Arc::from_raw(prepared) });
        }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_prepared_bind(prepared: *const CassPrepared) -> *mut CassStatement {
    guard(ptr::null_mut(), || {
        if prepared.is_null() {
            return ptr::null_mut();
        }
        // One more reference, for the statement: the caller keeps its own.
        let shared = unsafe {
            Arc::increment_strong_count(prepared);
            Arc::from_raw(prepared)
        };
        Box::into_raw(Box::new(CassStatement::of_prepared(shared)))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_prepared_parameter_name(
    prepared: *const CassPrepared,
    index: usize,
    name: *mut *const c_char,
    length: *mut usize,
) -> CassError {
    guard(errors::INTERNAL_ERROR, || {
        let Some(prepared) = (unsafe { prepared.as_ref() }) else {
            return errors::BAD_PARAMS;
        };
        let Some(parameter) = prepared.parameters.get(index) else {
            return errors::INDEX_OUT_OF_BOUNDS;
        };
        unsafe {
            *name = parameter.name.as_ptr().cast();
            *length = parameter.name.len();
        }
        errors::OK
    })
}
