// SPDX-License-Identifier: Apache-2.0
//! Consistency levels and write types: the API's numbers, their names, the crate's values.
use crate::ffi::guard;
use scylla::errors::WriteType;
use scylla::statement::{Consistency, SerialConsistency};
use std::ffi::{CStr, c_char};

pub const CONSISTENCY_UNKNOWN: u32 = 0xFFFF;
const CONSISTENCY_ANY: u32 = 0;

/// (number in the API and the protocol, name, value of the crate)
const LEVELS: [(u32, &CStr, Consistency); 11] = [
    (CONSISTENCY_ANY, c"ANY", Consistency::Any),
    (1, c"ONE", Consistency::One),
    (2, c"TWO", Consistency::Two),
    (3, c"THREE", Consistency::Three),
    (4, c"QUORUM", Consistency::Quorum),
    (5, c"ALL", Consistency::All),
    (6, c"LOCAL_QUORUM", Consistency::LocalQuorum),
    (7, c"EACH_QUORUM", Consistency::EachQuorum),
    (8, c"SERIAL", Consistency::Serial),
    (9, c"LOCAL_SERIAL", Consistency::LocalSerial),
    (10, c"LOCAL_ONE", Consistency::LocalOne),
];

pub fn consistency(number: u32) -> Option<Consistency> {
    LEVELS.iter().find(|l| l.0 == number).map(|l| l.2)
}

pub fn number_of_consistency(value: Consistency) -> u32 {
    LEVELS
        .iter()
        .find(|l| l.2 == value)
        .map_or(CONSISTENCY_UNKNOWN, |l| l.0)
}

/// The condition's consistency; the inner None (ANY) leaves it to the server.
pub fn serial_consistency(number: u32) -> Option<Option<SerialConsistency>> {
    match number {
        CONSISTENCY_ANY => Some(None),
        8 => Some(Some(SerialConsistency::Serial)),
        9 => Some(Some(SerialConsistency::LocalSerial)),
        _ => None,
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn cass_consistency_string(number: u32) -> *const c_char {
    guard(c"".as_ptr(), || {
        let level = LEVELS.iter().find(|l| l.0 == number);
        let unknown = if number == CONSISTENCY_UNKNOWN {
            c"UNKNOWN"
        } else {
            c""
        };
        level.map_or(unknown, |l| l.1).as_ptr()
    })
}

const WRITE_TYPES: [&CStr; 9] = [
    c"UNKNOWN",
    c"SIMPLE",
    c"BATCH",
    c"UNLOGGED_BATCH",
    c"COUNTER",
    c"BATCH_LOG",
    c"CAS",
    c"VIEW",
    c"CDC",
];

pub fn number_of_write_type(value: &WriteType) -> u32 {
    match value {
        WriteType::Simple => 1,
        WriteType::Batch => 2,
        WriteType::UnloggedBatch => 3,
        WriteType::Counter => 4,
        WriteType::BatchLog => 5,
        WriteType::Cas => 6,
        WriteType::View => 7,
        WriteType::Cdc => 8,
        _ => 0,
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn cass_write_type_string(number: u32) -> *const c_char {
    guard(c"".as_ptr(), || {
        WRITE_TYPES.get(number as usize).unwrap_or(&c"").as_ptr()
    })
}
