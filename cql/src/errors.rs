// SPDX-License-Identifier: Apache-2.0
//! The numbers of the API's errors: (source << 24) | code. One table, from which the
//! constants and `cass_error_desc` come.
use crate::ffi::guard;
use std::ffi::{CStr, c_char};

pub type CassError = u32;

const LIB: u32 = 1;
const SERVER: u32 = 2;
const SSL: u32 = 3;

macro_rules! table {
    ($($name:ident, $source:ident, $code:literal, $text:literal;)*) => {
        $(pub const $name: CassError = $source << 24 | $code;)*

        fn describe(error: CassError) -> &'static CStr {
            match error {
                $($name => $text,)*
                _ => c"",
            }
        }
    };
}

pub const OK: CassError = 0;

#[rustfmt::skip]
table! {
    BAD_PARAMS,                LIB,  1, c"an argument is not valid";
    NO_STREAMS,                LIB,  2, c"too many requests on the connection";
    UNABLE_TO_INIT,            LIB,  3, c"the session could not be set up";
    MESSAGE_ENCODE,            LIB,  4, c"the request could not be encoded";
    HOST_RESOLUTION,           LIB,  5, c"the host name was not found";
    UNEXPECTED_RESPONSE,       LIB,  6, c"the server's answer was not understood";
    REQUEST_QUEUE_FULL,        LIB,  7, c"too many requests wait";
    NO_AVAILABLE_IO_THREAD,    LIB,  8, c"no thread is there for the request";
    WRITE_ERROR,               LIB,  9, c"the request could not be sent";
    NO_HOSTS_AVAILABLE,        LIB, 10, c"no host could take the request";
    INDEX_OUT_OF_BOUNDS,       LIB, 11, c"there is no such index";
    INVALID_ITEM_COUNT,        LIB, 12, c"the number of items is not right";
    INVALID_VALUE_TYPE,        LIB, 13, c"the value has another type";
    REQUEST_TIMED_OUT,         LIB, 14, c"no answer came in time";
    UNABLE_TO_SET_KEYSPACE,    LIB, 15, c"the keyspace could not be used";
    CALLBACK_ALREADY_SET,      LIB, 16, c"the future has a callback already";
    INVALID_STATEMENT_TYPE,    LIB, 17, c"not for this kind of statement";
    NAME_DOES_NOT_EXIST,       LIB, 18, c"there is no such name";
    UNABLE_TO_DETERMINE_PROTOCOL, LIB, 19, c"no protocol version that both speak";
    NULL_VALUE,                LIB, 20, c"the value is null";
    NOT_IMPLEMENTED,           LIB, 21, c"this driver does not have it";
    UNABLE_TO_CONNECT,         LIB, 22, c"the session cannot connect now";
    UNABLE_TO_CLOSE,           LIB, 23, c"the session is closed or closing";
    NO_PAGING_STATE,           LIB, 24, c"the result has no further page";
    PARAMETER_UNSET,           LIB, 25, c"a parameter was not bound";
    INVALID_ERROR_RESULT_TYPE, LIB, 26, c"the error has no such detail";
    INVALID_FUTURE_TYPE,       LIB, 27, c"not for this kind of future";
    INTERNAL_ERROR,            LIB, 28, c"a fault in the driver";
    INVALID_CUSTOM_TYPE,       LIB, 29, c"the custom type is another";
    INVALID_DATA,              LIB, 30, c"the data is malformed";
    NOT_ENOUGH_DATA,           LIB, 31, c"the data ends too early";
    INVALID_STATE,             LIB, 32, c"not in this state";
    NO_CUSTOM_PAYLOAD,         LIB, 33, c"the answer has no custom payload";
    EXECUTION_PROFILE_INVALID, LIB, 34, c"there is no such execution profile";
    NO_TRACING_ID,             LIB, 35, c"the request was not traced";

    SERVER_ERROR,              SERVER, 0x0000, c"the server failed";
    PROTOCOL_ERROR,            SERVER, 0x000A, c"the server did not understand the request";
    BAD_CREDENTIALS,           SERVER, 0x0100, c"user name or password is wrong";
    UNAVAILABLE,               SERVER, 0x1000, c"too few replicas are alive";
    OVERLOADED,                SERVER, 0x1001, c"the server is overloaded";
    IS_BOOTSTRAPPING,          SERVER, 0x1002, c"the server is still starting";
    TRUNCATE_ERROR,            SERVER, 0x1003, c"the table could not be truncated";
    WRITE_TIMEOUT,             SERVER, 0x1100, c"too few replicas confirmed the write in time";
    READ_TIMEOUT,              SERVER, 0x1200, c"too few replicas answered the read in time";
    READ_FAILURE,              SERVER, 0x1300, c"a replica failed to read";
    FUNCTION_FAILURE,          SERVER, 0x1400, c"a function in the database failed";
    WRITE_FAILURE,             SERVER, 0x1500, c"a replica failed to write";
    SYNTAX_ERROR,              SERVER, 0x2000, c"the statement is no CQL";
    UNAUTHORIZED,              SERVER, 0x2100, c"the user may not do this";
    INVALID_QUERY,             SERVER, 0x2200, c"the statement is not valid";
    CONFIG_ERROR,              SERVER, 0x2300, c"the server's configuration does not allow it";
    ALREADY_EXISTS,            SERVER, 0x2400, c"it exists already";
    UNPREPARED,                SERVER, 0x2500, c"the statement is not prepared there";

    SSL_INVALID_CERT,          SSL, 1, c"the certificate could not be read";
    SSL_INVALID_PRIVATE_KEY,   SSL, 2, c"the private key could not be read";
    SSL_NO_PEER_CERT,          SSL, 3, c"the server showed no certificate";
    SSL_INVALID_PEER_CERT,     SSL, 4, c"the server's certificate is not trusted";
    SSL_IDENTITY_MISMATCH,     SSL, 5, c"the server's certificate is another host's";
    SSL_PROTOCOL_ERROR,        SSL, 6, c"the TLS handshake failed";
    SSL_CLOSED,                SSL, 7, c"the TLS connection was closed";
}

#[unsafe(no_mangle)]
pub extern "C" fn cass_error_desc(error: CassError) -> *const c_char {
    guard(c"".as_ptr(), || describe(error).as_ptr())
}
