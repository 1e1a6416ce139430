// SPDX-License-Identifier: Apache-2.0
//! CassSsl: whom to trust, who we are, and what is verified.
use crate::errors::{self, CassError};
use crate::ffi::{guard, length_of, slice_of};
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslContext, SslContextBuilder, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::{X509, X509VerifyResult};
use std::ffi::{c_char, c_int};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

const PEER_CERT: c_int = 1;
const PEER_IDENTITY: c_int = 2;
const PEER_IDENTITY_DNS: c_int = 4;

/// X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL.
const NAME_MISMATCH: c_int = 62;
const ADDRESS_MISMATCH: c_int = 64;

/// Shared with the clusters that use it, so that C may free it first.
pub struct CassSsl(pub Arc<Mutex<Settings>>);

#[derive(Clone)]
pub struct Settings {
    trusted: Vec<X509>,
    chain: Vec<X509>,
    key: Option<PKey<Private>>,
    flags: c_int,
}

/// What the connections of one session are made with.
pub struct Tls {
    pub context: SslContext,
    /// The last thing that was wrong with a server's certificate, 0 if nothing was. The
    /// error of a handshake says only that the certificate was refused.
    last: Arc<AtomicI32>,
}

impl Tls {
    pub fn of(ssl: &Mutex<Settings>) -> Result<Tls, (CassError, String)> {
        let settings = ssl.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if settings.flags & PEER_IDENTITY_DNS != 0 {
            let text = "names are not verified, only addresses (PEER_IDENTITY)".to_owned();
            return Err((errors::NOT_IMPLEMENTED, text));
        }
        let last = Arc::new(AtomicI32::new(0));
        let context = settings.context(Arc::clone(&last));
        let context = context.map_err(|e| (errors::SSL_INVALID_CERT, e.to_string()))?;
        Ok(Tls { context, last })
    }

    /// What to call a handshake that failed.
    pub fn error(&self) -> CassError {
        match self.last.load(Ordering::Relaxed) {
            0 => errors::SSL_PROTOCOL_ERROR,
            NAME_MISMATCH | ADDRESS_MISMATCH => errors::SSL_IDENTITY_MISMATCH,
            _ => errors::SSL_INVALID_PEER_CERT,
        }
    }
}

impl Settings {
    fn context(&self, last: Arc<AtomicI32>) -> Result<SslContext, openssl::error::ErrorStack> {
        let mut builder = SslContextBuilder::new(SslMethod::tls_client())?;
        builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
        for certificate in &self.trusted {
            builder.cert_store_mut().add_cert(certificate.clone())?;
        }
        if let Some((own, rest)) = self.chain.split_first() {
            builder.set_certificate(own)?;
            for certificate in rest {
                builder.add_extra_chain_cert(certificate.clone())?;
            }
        }
        if let Some(key) = &self.key {
            builder.set_private_key(key)?;
        }
        if self.flags & (PEER_CERT | PEER_IDENTITY) == 0 {
            builder.set_verify(SslVerifyMode::NONE);
            return Ok(builder.build());
        }
        // The crate always gives OpenSSL the address to compare; whether that counts is
        // ours to say.
        let identity = self.flags & PEER_IDENTITY != 0;
        builder.set_verify_callback(SslVerifyMode::PEER, move |good, chain| {
            let error = chain.error().as_raw();
            if good {
                return true;
            }
            if error == ADDRESS_MISMATCH && !identity {
                chain.set_error(X509VerifyResult::OK);
                return true;
            }
            last.store(error, Ordering::Relaxed);
            false
        });
        Ok(builder.build())
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn cass_ssl_new() -> *mut CassSsl {
    guard(std::ptr::null_mut(), || {
        let settings = Settings {
            trusted: Vec::new(),
            chain: Vec::new(),
            key: None,
            flags: PEER_CERT,
        };
        Box::into_raw(Box::new(CassSsl(Arc::new(Mutex::new(settings)))))
    })
}

/// OpenSSL sets itself up when it is first used; there is nothing to leave out.
#[unsafe(no_mangle)]
pub extern "C" fn cass_ssl_new_no_lib_init() -> *mut CassSsl {
    cass_ssl_new()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_ssl_free(ssl: *mut CassSsl) {
    guard((), || {
        if !ssl.is_null() {
            drop(unsafe { Box::from_raw(ssl) });
        }
    })
}

unsafe fn change(ssl: *mut CassSsl, work: impl FnOnce(&mut Settings) -> CassError) -> CassError {
    guard(errors::INTERNAL_ERROR, || match unsafe { ssl.as_ref() } {
        Some(ssl) => work(&mut ssl.0.lock().unwrap_or_else(PoisonError::into_inner)),
        None => errors::BAD_PARAMS,
    })
}

/// Every certificate in a PEM text; None if there is none.
unsafe fn certificates(pem: *const c_char, length: usize) -> Option<Vec<X509>> {
    let pem = unsafe { slice_of(pem.cast::<u8>(), length) }?;
    X509::stack_from_pem(pem)
        .ok()
        .filter(|found| !found.is_empty())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_ssl_add_trusted_cert(
    ssl: *mut CassSsl,
    pem: *const c_char,
) -> CassError {
    unsafe { cass_ssl_add_trusted_cert_n(ssl, pem, length_of(pem)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_ssl_add_trusted_cert_n(
    ssl: *mut CassSsl,
    pem: *const c_char,
    length: usize,
) -> CassError {
    unsafe {
        change(ssl, |settings| match certificates(pem, length) {
            Some(found) => {
                settings.trusted.extend(found);
                errors::OK
            }
            None => errors::SSL_INVALID_CERT,
        })
    }
}

/// The client's own certificate first, then those that lead to its authority.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_ssl_set_cert(ssl: *mut CassSsl, pem: *const c_char) -> CassError {
    unsafe { cass_ssl_set_cert_n(ssl, pem, length_of(pem)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_ssl_set_cert_n(
    ssl: *mut CassSsl,
    pem: *const c_char,
    length: usize,
) -> CassError {
    unsafe {
        change(ssl, |settings| match certificates(pem, length) {
            Some(found) => {
                settings.chain = found;
                errors::OK
            }
            None => errors::SSL_INVALID_CERT,
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_ssl_set_private_key(
    ssl: *mut CassSsl,
    pem: *const c_char,
    password: *const c_char,
) -> CassError {
    unsafe { cass_ssl_set_private_key_n(ssl, pem, length_of(pem), password, length_of(password)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_ssl_set_private_key_n(
    ssl: *mut CassSsl,
    pem: *const c_char,
    length: usize,
    password: *const c_char,
    password_length: usize,
) -> CassError {
    unsafe {
        change(ssl, |settings| {
            let pem = slice_of(pem.cast::<u8>(), length);
            let password = slice_of(password.cast::<u8>(), password_length).unwrap_or(&[]);
            // Without a callback of ours OpenSSL would ask at the terminal.
            let answer = |into: &mut [u8]| {
                let n = password.len().min(into.len());
                into[..n].copy_from_slice(&password[..n]);
                Ok(n)
            };
            let key = pem.and_then(|p| PKey::private_key_from_pem_callback(p, answer).ok());
            match key {
                Some(key) => {
                    settings.key = Some(key);
                    errors::OK
                }
                None => errors::SSL_INVALID_PRIVATE_KEY,
            }
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_ssl_set_verify_flags(ssl: *mut CassSsl, flags: c_int) {
    unsafe {
        change(ssl, |settings| {
            settings.flags = flags;
            errors::OK
        });
    }
}
