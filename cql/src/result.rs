// SPDX-License-Identifier: Apache-2.0
//! CassResult and what is read out of it. Rows and values are looked up when the answer
//! comes; C gets pointers into the answer itself, good until cass_result_free.
use crate::errors::{self, CassError};
use crate::failure::Failure;
use crate::ffi::{Bool, bool_of, guard, length_of, slice_of};
use crate::uuid::CassUuid;
use crate::value::{self, CassInet, number_of_type};
use scylla::deserialize::row::ColumnIterator;
use scylla::errors::IntoRowsResultError;
use scylla::response::query_result::{QueryResult, QueryRowsResult};
use scylla::response::{PagingState, PagingStateResponse};
use std::ffi::c_char;
use std::ptr;
use std::slice;
use std::sync::Arc;

pub struct CassResult {
    columns: Box<[Column]>,
    rows: Box<[CassRow]>,
    /// Row by row. `rows` point into it, it points into `frame`.
    _cells: Box<[CassValue]>,
    _frame: Option<Box<QueryRowsResult>>,
    /// Where the next page starts, if there is one.
    pub next_page: Option<PagingState>,
}

struct Column {
    name: String,
    typ: u32,
}

pub struct CassRow {
    cells: *const [CassValue],
    columns: *const [Column],
}

pub struct CassValue {
    typ: u32,
    /// NULL if the value is null.
    data: *const u8,
    length: usize,
}

// SAFETY: nothing changes in a result once it is made; the pointers lead into the heap
// that it owns itself.
unsafe impl Send for CassResult {}
unsafe impl Sync for CassResult {}

impl CassResult {
    pub fn of(answer: QueryResult, paging: PagingStateResponse) -> Result<CassResult, Failure> {
        let next_page = match paging {
            PagingStateResponse::HasMorePages { state } => Some(state),
            PagingStateResponse::NoMorePages => None,
        };
        match answer.into_rows_result() {
            Ok(frame) => CassResult::of_rows(Box::new(frame), next_page),
            Err(IntoRowsResultError::ResultNotRows(_)) => Ok(CassResult {
                columns: Box::default(),
                rows: Box::default(),
                _cells: Box::default(),
                _frame: None,
                next_page,
            }),
            Err(e) => Err(Failure::new(errors::UNEXPECTED_RESPONSE, e.to_string())),
        }
    }

    fn of_rows(
        frame: Box<QueryRowsResult>,
        next_page: Option<PagingState>,
    ) -> Result<CassResult, Failure> {
        let malformed = |e: String| Failure::new(errors::UNEXPECTED_RESPONSE, e);
        let columns: Box<[Column]> = frame
            .column_specs()
            .iter()
            .map(|c| Column {
                name: c.name().to_owned(),
                typ: number_of_type(c.typ()),
            })
            .collect();
        let mut cells = Vec::with_capacity(frame.rows_num() * columns.len());
        let rows = frame
            .rows::<ColumnIterator>()
            .map_err(|e| malformed(e.to_string()))?;
        for row in rows {
            let row = row.map_err(|e| malformed(e.to_string()))?;
            for (cell, column) in row.zip(&columns) {
                let bytes = cell.map_err(|e| malformed(e.to_string()))?.slice;
                let bytes = bytes.map(|b| b.as_slice());
                cells.push(CassValue {
                    typ: column.typ,
                    data: bytes.map_or(ptr::null(), <[u8]>::as_ptr),
                    length: bytes.map_or(0, <[u8]>::len),
                });
            }
        }
        let cells = cells.into_boxed_slice();
        if cells.len() != frame.rows_num() * columns.len() {
            return Err(malformed("a row has too few columns".to_owned()));
        }
        let rows = cells
            .chunks(columns.len().max(1))
            .map(|row| CassRow {
                cells: row,
                columns: &*columns,
            })
            .collect();
        Ok(CassResult {
            columns,
            rows,
            _cells: cells,
            _frame: Some(frame),
            next_page,
        })
    }
}

impl CassRow {
    fn cells(&self) -> &[CassValue] {
        unsafe { &*self.cells }
    }

    /// As in CQL the case does not count, unless the name is in double quotes.
    fn by_name(&self, name: &[u8]) -> Option<&CassValue> {
        let columns = unsafe { &*self.columns };
        let quoted = name.strip_prefix(b"\"").and_then(|n| n.strip_suffix(b"\""));
        let found = columns.iter().position(|c| match quoted {
            Some(exact) => c.name.as_bytes() == exact,
            None => c.name.as_bytes().eq_ignore_ascii_case(name),
        })?;
        self.cells().get(found)
    }
}

impl CassValue {
    fn bytes(&self) -> Option<&[u8]> {
        (!self.data.is_null()).then(|| unsafe { slice::from_raw_parts(self.data, self.length) })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_result_free(result: *const CassResult) {
    guard((), || {
        if !result.is_null() {
            drop(unsafe { Arc::from_raw(result) });
        }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_result_row_count(result: *const CassResult) -> usize {
    guard(0, || unsafe { result.as_ref() }.map_or(0, |r| r.rows.len()))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_result_column_count(result: *const CassResult) -> usize {
    guard(0, || {
        unsafe { result.as_ref() }.map_or(0, |r| r.columns.len())
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_result_column_name(
    result: *const CassResult,
    index: usize,
    name: *mut *const c_char,
    length: *mut usize,
) -> CassError {
    guard(errors::INTERNAL_ERROR, || {
        let Some(column) = unsafe { result.as_ref() }.and_then(|r| r.columns.get(index)) else {
            return errors::INDEX_OUT_OF_BOUNDS;
        };
        unsafe {
            *name = column.name.as_ptr().cast();
            *length = column.name.len();
        }
        errors::OK
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_result_column_type(result: *const CassResult, index: usize) -> u32 {
    guard(value::TYPE_UNKNOWN, || {
        let column = unsafe { result.as_ref() }.and_then(|r| r.columns.get(index));
        column.map_or(value::TYPE_UNKNOWN, |c| c.typ)
    })
}

/// NULL if there is no row.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_result_first_row(result: *const CassResult) -> *const CassRow {
    guard(ptr::null(), || {
        let row = unsafe { result.as_ref() }.and_then(|r| r.rows.first());
        row.map_or(ptr::null(), ptr::from_ref)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_result_has_more_pages(result: *const CassResult) -> Bool {
    guard(0, || {
        bool_of(unsafe { result.as_ref() }.is_some_and(|r| r.next_page.is_some()))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_result_paging_state_token(
    result: *const CassResult,
    token: *mut *const c_char,
    length: *mut usize,
) -> CassError {
    guard(errors::INTERNAL_ERROR, || {
        let page = unsafe { result.as_ref() }.and_then(|r| r.next_page.as_ref());
        let Some(bytes) = page.and_then(PagingState::as_bytes_slice) else {
            return errors::NO_PAGING_STATE;
        };
        unsafe {
            *token = bytes.as_ptr().cast();
            *length = bytes.len();
        }
        errors::OK
    })
}

/// Over the rows of a result or the columns of a row.
pub struct CassIterator {
    over: Over,
    /// Of what it stands on, plus one; 0 before the first.
    next: usize,
}

enum Over {
    Rows(*const [CassRow]),
    Columns(*const [CassValue]),
}

impl CassIterator {
    fn new(over: Over) -> *mut CassIterator {
        Box::into_raw(Box::new(CassIterator { over, next: 0 }))
    }

    fn current(&self) -> Option<usize> {
        self.next.checked_sub(1)
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_iterator_from_result(result: *const CassResult) -> *mut CassIterator {
    guard(ptr::null_mut(), || match unsafe { result.as_ref() } {
        Some(result) => CassIterator::new(Over::Rows(&*result.rows)),
        None => ptr::null_mut(),
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_iterator_from_row(row: *const CassRow) -> *mut CassIterator {
    guard(ptr::null_mut(), || match unsafe { row.as_ref() } {
        Some(row) => CassIterator::new(Over::Columns(row.cells)),
        None => ptr::null_mut(),
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_iterator_free(iterator: *mut CassIterator) {
    guard((), || {
        if !iterator.is_null() {
            drop(unsafe { Box::from_raw(iterator) });
        }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_iterator_type(iterator: *mut CassIterator) -> u32 {
    guard(0, || match unsafe { iterator.as_ref() }.map(|i| &i.over) {
        Some(Over::Columns(_)) => 1,
        _ => 0,
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_iterator_next(iterator: *mut CassIterator) -> Bool {
    guard(0, || {
        let Some(iterator) = (unsafe { iterator.as_mut() }) else {
            return 0;
        };
        let count = match iterator.over {
            Over::Rows(rows) => rows.len(),
            Over::Columns(cells) => cells.len(),
        };
        let more = iterator.next < count;
        iterator.next += usize::from(more);
        bool_of(more)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_iterator_get_row(iterator: *const CassIterator) -> *const CassRow {
    guard(ptr::null(), || {
        let row = unsafe { iterator.as_ref() }.and_then(|i| match i.over {
            Over::Rows(rows) => unsafe { (&*rows).get(i.current()?) },
            Over::Columns(_) => None,
        });
        row.map_or(ptr::null(), ptr::from_ref)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_iterator_get_column(
    iterator: *const CassIterator,
) -> *const CassValue {
    guard(ptr::null(), || {
        let cell = unsafe { iterator.as_ref() }.and_then(|i| match i.over {
            Over::Columns(cells) => unsafe { (&*cells).get(i.current()?) },
            Over::Rows(_) => None,
        });
        cell.map_or(ptr::null(), ptr::from_ref)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_row_get_column(
    row: *const CassRow,
    index: usize,
) -> *const CassValue {
    guard(ptr::null(), || {
        let cell = unsafe { row.as_ref() }.and_then(|r| r.cells().get(index));
        cell.map_or(ptr::null(), ptr::from_ref)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_row_get_column_by_name(
    row: *const CassRow,
    name: *const c_char,
) -> *const CassValue {
    unsafe { cass_row_get_column_by_name_n(row, name, length_of(name)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_row_get_column_by_name_n(
    row: *const CassRow,
    name: *const c_char,
    length: usize,
) -> *const CassValue {
    guard(ptr::null(), || {
        let name = unsafe { slice_of(name.cast::<u8>(), length) };
        let cell = unsafe { row.as_ref() }.and_then(|r| r.by_name(name?));
        cell.map_or(ptr::null(), ptr::from_ref)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_value_type(value: *const CassValue) -> u32 {
    guard(value::TYPE_UNKNOWN, || {
        unsafe { value.as_ref() }.map_or(value::TYPE_UNKNOWN, |v| v.typ)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_value_is_null(value: *const CassValue) -> Bool {
    guard(1, || {
        bool_of(unsafe { value.as_ref() }.is_none_or(|v| v.data.is_null()))
    })
}

/// The value of a column of a type that `fits`, as `decode` makes it of its bytes.
unsafe fn get<T>(
    value: *const CassValue,
    output: *mut T,
    fits: impl FnOnce(u32) -> bool,
    decode: impl FnOnce(&[u8]) -> Result<T, CassError>,
) -> CassError {
    guard(errors::INTERNAL_ERROR, || {
        let value = unsafe { value.as_ref() };
        let Some((typ, bytes)) = value.and_then(|v| Some((v.typ, v.bytes()?))) else {
            return errors::NULL_VALUE;
        };
        if !fits(typ) {
            return errors::INVALID_VALUE_TYPE;
        }
        match decode(bytes) {
            Ok(decoded) => {
                unsafe { output.write(decoded) };
                errors::OK
            }
            Err(error) => error,
        }
    })
}

/// The first N bytes.
fn first<const N: usize>(bytes: &[u8]) -> Result<[u8; N], CassError> {
    bytes
        .first_chunk::<N>()
        .copied()
        .ok_or(errors::NOT_ENOUGH_DATA)
}

macro_rules! getters {
    ($($name:ident -> $typ:ty, $fits:expr, $decode:expr;)*) => {
        $(#[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(value: *const CassValue, output: *mut $typ) -> CassError {
            unsafe { get(value, output, $fits, $decode) }
        })*
    };
}

getters! {
    cass_value_get_int8 -> i8, |t| t == value::TYPE_TINY_INT,
        |b| first(b).map(i8::from_be_bytes);
    cass_value_get_int16 -> i16, |t| t == value::TYPE_SMALL_INT,
        |b| first(b).map(i16::from_be_bytes);
    cass_value_get_int32 -> i32, |t| t == value::TYPE_INT,
        |b| first(b).map(i32::from_be_bytes);
    cass_value_get_uint32 -> u32, |t| t == value::TYPE_DATE,
        |b| first(b).map(u32::from_be_bytes);
    cass_value_get_int64 -> i64, value::is_int64, |b| first(b).map(i64::from_be_bytes);
    cass_value_get_float -> f32, |t| t == value::TYPE_FLOAT,
        |b| first(b).map(f32::from_be_bytes);
    cass_value_get_double -> f64, |t| t == value::TYPE_DOUBLE,
        |b| first(b).map(f64::from_be_bytes);
    cass_value_get_bool -> Bool, |t| t == value::TYPE_BOOLEAN,
        |b| first::<1>(b).map(|b| bool_of(b[0] != 0));
    cass_value_get_uuid -> CassUuid, value::is_uuid, |b| first(b).map(CassUuid::from_bytes);
    cass_value_get_inet -> CassInet, |t| t == value::TYPE_INET, inet;
}

fn inet(bytes: &[u8]) -> Result<CassInet, CassError> {
    if !matches!(bytes.len(), 4 | 16) {
        return Err(errors::INVALID_DATA);
    }
    let mut address = [0; 16];
    address[..bytes.len()].copy_from_slice(bytes);
    Ok(CassInet {
        address,
        address_length: bytes.len() as u8,
    })
}

/// Of any type: the bytes as they are stored, not ended by a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_value_get_string(
    value: *const CassValue,
    output: *mut *const c_char,
    length: *mut usize,
) -> CassError {
    unsafe { cass_value_get_bytes(value, output.cast(), length) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_value_get_bytes(
    value: *const CassValue,
    output: *mut *const u8,
    length: *mut usize,
) -> CassError {
    guard(errors::INTERNAL_ERROR, || {
        let Some(bytes) = unsafe { value.as_ref() }.and_then(CassValue::bytes) else {
            return errors::NULL_VALUE;
        };
        unsafe {
            *output = bytes.as_ptr();
            *length = bytes.len();
        }
        errors::OK
    })
}
