// SPDX-License-Identifier: Apache-2.0
//! What every function at the border to C needs: no panic leaves, text comes in.
use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `body`; its value, or `fallback` if it panicked. To unwind into C is undefined.
pub fn guard<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(fallback)
}

/// The bytes of a C string; None for NULL.
///
/// # Safety
/// `text` is NULL or ends with a NUL and lives as long as the result is used.
pub unsafe fn bytes_of<'a>(text: *const c_char) -> Option<&'a [u8]> {
    if text.is_null() {
        return None;
    }
    Some(unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// `length` bytes at `data`; empty for NULL with length 0, None for NULL with another.
///
/// # Safety
/// `data` is NULL or has `length` bytes that live as long as the result is used.
pub unsafe fn slice_of<'a, T>(data: *const T, length: usize) -> Option<&'a [T]> {
    if data.is_null() {
        return (length == 0).then_some(&[]);
    }
    Some(unsafe { std::slice::from_raw_parts(data, length) })
}

/// UTF-8 text of that many bytes; None for NULL and for what is no UTF-8.
///
/// # Safety
/// As `slice_of`.
pub unsafe fn text_of<'a>(data: *const c_char, length: usize) -> Option<&'a str> {
    if data.is_null() {
        return None;
    }
    std::str::from_utf8(unsafe { slice_of(data.cast::<u8>(), length) }?).ok()
}

/// strlen that takes NULL as 0.
///
/// # Safety
/// As `bytes_of`.
pub unsafe fn length_of(text: *const c_char) -> usize {
    unsafe { bytes_of(text) }.map_or(0, <[u8]>::len)
}

/// cass_bool_t, an enum in C.
pub type Bool = u32;

pub fn bool_of(value: bool) -> Bool {
    u32::from(value)
}

#[cfg(test)]
mod tests {
    use super::{guard, slice_of, text_of};
    use std::ptr;

    #[test]
    fn a_panic_becomes_the_fallback() {
        assert_eq!(guard(7, || 8), 8);
        assert_eq!(guard(7, || panic!("must not leave")), 7);
    }

    #[test]
    fn null_is_empty_only_without_a_length() {
        assert_eq!(unsafe { slice_of(ptr::null::<u8>(), 0) }, Some(&[][..]));
        assert_eq!(unsafe { slice_of(ptr::null::<u8>(), 1) }, None);
        assert_eq!(unsafe { text_of(ptr::null(), 0) }, None);
        assert_eq!(unsafe { text_of(c"\xff".as_ptr(), 1) }, None);
        assert_eq!(unsafe { text_of(c"text".as_ptr(), 2) }, Some("te"));
    }
}
