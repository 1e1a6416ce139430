// SPDX-License-Identifier: Apache-2.0
//! Types of values, and a value as it is bound: encoded as the protocol has it.
use crate::uuid::CassUuid;
use scylla::frame::response::result::{CollectionType, ColumnType, NativeType};
use std::ffi::c_int;

pub const TYPE_UNKNOWN: u32 = 0xFFFF;
pub const TYPE_ASCII: u32 = 0x01;
pub const TYPE_BIGINT: u32 = 0x02;
pub const TYPE_BLOB: u32 = 0x03;
pub const TYPE_BOOLEAN: u32 = 0x04;
pub const TYPE_COUNTER: u32 = 0x05;
pub const TYPE_DOUBLE: u32 = 0x07;
pub const TYPE_FLOAT: u32 = 0x08;
pub const TYPE_INT: u32 = 0x09;
pub const TYPE_TIMESTAMP: u32 = 0x0B;
pub const TYPE_UUID: u32 = 0x0C;
pub const TYPE_VARCHAR: u32 = 0x0D;
pub const TYPE_VARINT: u32 = 0x0E;
pub const TYPE_TIMEUUID: u32 = 0x0F;
pub const TYPE_INET: u32 = 0x10;
pub const TYPE_DATE: u32 = 0x11;
pub const TYPE_TIME: u32 = 0x12;
pub const TYPE_SMALL_INT: u32 = 0x13;
pub const TYPE_TINY_INT: u32 = 0x14;

/// The API's number of a column's type. text is VARCHAR, as the protocol sends it.
pub fn number_of_type(typ: &ColumnType) -> u32 {
    match typ {
        ColumnType::Native(native) => match native {
            NativeType::Ascii => TYPE_ASCII,
            NativeType::BigInt => TYPE_BIGINT,
            NativeType::Blob => TYPE_BLOB,
            NativeType::Boolean => TYPE_BOOLEAN,
            NativeType::Counter => TYPE_COUNTER,
            NativeType::Decimal => 0x06,
            NativeType::Double => TYPE_DOUBLE,
            NativeType::Float => TYPE_FLOAT,
            NativeType::Int => TYPE_INT,
            NativeType::Timestamp => TYPE_TIMESTAMP,
            NativeType::Uuid => TYPE_UUID,
            NativeType::Text => TYPE_VARCHAR,
            NativeType::Varint => TYPE_VARINT,
            NativeType::Timeuuid => TYPE_TIMEUUID,
            NativeType::Inet => TYPE_INET,
            NativeType::Date => TYPE_DATE,
            NativeType::Time => TYPE_TIME,
            NativeType::SmallInt => TYPE_SMALL_INT,
            NativeType::TinyInt => TYPE_TINY_INT,
            NativeType::Duration => 0x15,
            _ => TYPE_UNKNOWN,
        },
        ColumnType::Collection { typ, .. } => match typ {
            CollectionType::List(_) => 0x20,
            CollectionType::Map(..) => 0x21,
            CollectionType::Set(_) => 0x22,
            _ => TYPE_UNKNOWN,
        },
        ColumnType::UserDefinedType { .. } => 0x30,
        ColumnType::Tuple(_) => 0x31,
        // as any type that the API has no number for
        ColumnType::Vector { .. } => 0x00,
        _ => TYPE_UNKNOWN,
    }
}

/// What the caller of a bind function says that a value is.
#[derive(Clone, Copy, PartialEq)]
pub enum Class {
    Null,
    Int8,
    Int16,
    Int32,
    Uint32,
    Int64,
    Float,
    Double,
    Bool,
    String,
    Bytes,
    Uuid,
    Inet,
}

impl Class {
    /// Whether a column of this type takes it.
    pub fn fits(self, typ: u32) -> bool {
        match self {
            Class::Null => true,
            Class::Int8 => typ == TYPE_TINY_INT,
            Class::Int16 => typ == TYPE_SMALL_INT,
            Class::Int32 => typ == TYPE_INT,
            Class::Uint32 => typ == TYPE_DATE,
            Class::Int64 => is_int64(typ),
            Class::Float => typ == TYPE_FLOAT,
            Class::Double => typ == TYPE_DOUBLE,
            Class::Bool => typ == TYPE_BOOLEAN,
            Class::String => typ == TYPE_ASCII || typ == TYPE_VARCHAR || Class::Bytes.fits(typ),
            Class::Bytes => typ == TYPE_BLOB || typ == TYPE_VARINT,
            Class::Uuid => is_uuid(typ),
            Class::Inet => typ == TYPE_INET,
        }
    }
}

pub fn is_int64(typ: u32) -> bool {
    matches!(typ, TYPE_BIGINT | TYPE_COUNTER | TYPE_TIMESTAMP | TYPE_TIME)
}

pub fn is_uuid(typ: u32) -> bool {
    matches!(typ, TYPE_UUID | TYPE_TIMEUUID)
}

/// A parameter's value. Short ones need no allocation of their own.
#[derive(Clone)]
pub enum Cell {
    Unset,
    Null,
    Short {
        class: Class,
        length: u8,
        bytes: [u8; 16],
    },
    Long {
        class: Class,
        bytes: Box<[u8]>,
    },
}

impl Cell {
    pub fn new(class: Class, value: &[u8]) -> Cell {
        if value.len() > 16 {
            return Cell::Long {
                class,
                bytes: value.into(),
            };
        }
        let mut bytes = [0; 16];
        bytes[..value.len()].copy_from_slice(value);
        Cell::Short {
            class,
            length: value.len() as u8,
            bytes,
        }
    }

    pub fn class(&self) -> Class {
        match self {
            Cell::Unset | Cell::Null => Class::Null,
            Cell::Short { class, .. } | Cell::Long { class, .. } => *class,
        }
    }
}

/// An address, 4 or 16 bytes of it used.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CassInet {
    pub address: [u8; 16],
    pub address_length: u8,
}

/// A value of C's that can be bound as it is.
pub trait Encode {
    const CLASS: Class;
    /// None: not a value of this class.
    fn cell(self) -> Option<Cell>;
}

macro_rules! encode {
    ($($typ:ty, $class:ident, |$value:ident| $bytes:expr;)*) => {
        $(impl Encode for $typ {
            const CLASS: Class = Class::$class;
            fn cell(self) -> Option<Cell> {
                let $value = self;
                Some(Cell::new(Class::$class, &$bytes))
            }
        })*
    };
}

encode! {
    i8, Int8, |v| v.to_be_bytes();
    i16, Int16, |v| v.to_be_bytes();
    i32, Int32, |v| v.to_be_bytes();
    u32, Uint32, |v| v.to_be_bytes();
    i64, Int64, |v| v.to_be_bytes();
    f32, Float, |v| v.to_be_bytes();
    f64, Double, |v| v.to_be_bytes();
    CassUuid, Uuid, |v| v.to_bytes();
}

/// cass_bool_t: any number but 0 is true.
pub struct Truth(pub c_int);

impl Encode for Truth {
    const CLASS: Class = Class::Bool;
    fn cell(self) -> Option<Cell> {
        Some(Cell::new(Class::Bool, &[u8::from(self.0 != 0)]))
    }
}

impl Encode for CassInet {
    const CLASS: Class = Class::Inet;
    fn cell(self) -> Option<Cell> {
        let length = usize::from(self.address_length);
        matches!(length, 4 | 16).then(|| Cell::new(Class::Inet, &self.address[..length]))
    }
}
