// SPDX-License-Identifier: Apache-2.0
//! CassUuid: two 64-bit halves. The first has the time's low word lowest, as RFC 9562
//! numbers the fields, not as the text shows them; the second is plain big-endian.
use crate::errors::{BAD_PARAMS, CassError, OK};
use crate::ffi::{guard, length_of, text_of};
use std::ffi::c_char;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct CassUuid {
    pub time_and_version: u64,
    pub clock_seq_and_node: u64,
}

/// Between 1582-10-15, where the time of a version 1 UUID starts, and 1970, in 100 ns.
const EPOCH: u64 = 0x01B2_1DD2_1381_4000;
const TIME: u64 = 0x0FFF_FFFF_FFFF_FFFF;

impl CassUuid {
    pub fn from_bytes(b: [u8; 16]) -> CassUuid {
        let high = u64::from_be_bytes(b[..8].try_into().unwrap());
        CassUuid {
            time_and_version: (high >> 32) | ((high & 0xFFFF_0000) << 16) | (high << 48),
            clock_seq_and_node: u64::from_be_bytes(b[8..].try_into().unwrap()),
        }
    }

    pub fn to_bytes(self) -> [u8; 16] {
        let t = self.time_and_version;
        let high = (t << 32) | ((t >> 16) & 0xFFFF_0000) | (t >> 48);
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&high.to_be_bytes());
        bytes[8..].copy_from_slice(&self.clock_seq_and_node.to_be_bytes());
        bytes
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn cass_uuid_timestamp(uuid: CassUuid) -> u64 {
    (uuid.time_and_version & TIME).wrapping_sub(EPOCH) / 10_000
}

#[unsafe(no_mangle)]
pub extern "C" fn cass_uuid_version(uuid: CassUuid) -> u8 {
    (uuid.time_and_version >> 60) as u8
}

/// `output` has 37 bytes: 36 characters and a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_uuid_string(uuid: CassUuid, output: *mut c_char) {
    guard((), || {
        let mut text = [0u8; 37];
        ::uuid::Uuid::from_bytes(uuid.to_bytes())
            .hyphenated()
            .encode_lower(&mut text);
        unsafe { output.cast::<u8>().copy_from(text.as_ptr(), text.len()) };
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_uuid_from_string(
    text: *const c_char,
    output: *mut CassUuid,
) -> CassError {
    unsafe { cass_uuid_from_string_n(text, length_of(text), output) }
}

/// Takes the form with hyphens alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_uuid_from_string_n(
    text: *const c_char,
    length: usize,
    output: *mut CassUuid,
) -> CassError {
    guard(BAD_PARAMS, || {
        let parsed = unsafe { text_of(text, length) }
            .filter(|t| t.len() == 36)
            .and_then(|t| ::uuid::Uuid::try_parse(t).ok());
        match parsed {
            Some(uuid) => {
                unsafe { *output = CassUuid::from_bytes(*uuid.as_bytes()) };
                OK
            }
            None => BAD_PARAMS,
        }
    })
}
