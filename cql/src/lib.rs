// SPDX-License-Identifier: Apache-2.0
//! The C driver API of Apache Cassandra (`cassandra.h`), as far as Inlay needs it, over
//! the crate `scylla`. README.md says what is there and what differs.
//!
//! Rules that hold in every file:
//! - A function that C calls runs inside [`ffi::guard`]: a panic becomes an error code.
//! - A handle that C holds is a `Box` or an `Arc` made raw; `..._free` takes it back.
//! - Enumerations come in as plain integers and are looked up: C may pass any number.
#![deny(unsafe_op_in_unsafe_fn)]
#![warn(clippy::all)]
// what a pointer must be is what cassandra.h says of the function
#![allow(clippy::missing_safety_doc)]

mod batch;
mod cluster;
mod errors;
mod failure;
mod ffi;
mod future;
mod log;
mod names;
mod policies;
mod prepared;
mod result;
mod session;
mod settings;
mod statement;
mod tls;
mod uuid;
mod value;
