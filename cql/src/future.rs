// SPDX-License-Identifier: Apache-2.0
//! CassFuture: the result of a request, once. The session's task holds one reference, C
//! the other, so each may let go first.
use crate::errors::{self, CassError};
use crate::failure::{CassErrorResult, Failure};
use crate::ffi::{Bool, bool_of, guard};
use crate::prepared::CassPrepared;
use crate::result::CassResult;
use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::{Handle, RuntimeFlavor};

pub enum Success {
    Done,
    Result(Arc<CassResult>),
    Prepared(Arc<CassPrepared>),
}

pub type Outcome = Result<Success, Failure>;
pub type Callback = unsafe extern "C" fn(*mut CassFuture, *mut c_void);

pub struct CassFuture {
    /// Set once, and then read without the lock: texts in it are lent to C.
    outcome: OnceLock<Outcome>,
    callback: Mutex<Waiting>,
    is_set: Condvar,
}

#[derive(Default)]
struct Waiting {
    /// Taken when it runs.
    callback: Option<(Callback, Data)>,
    has_callback: bool,
    is_set: bool,
}

struct Data(*mut c_void);
// SAFETY: the API says that callbacks run on the driver's threads; what `data` points to
// is the caller's to protect.
unsafe impl Send for Data {}

impl CassFuture {
    fn new() -> Arc<CassFuture> {
        Arc::new(CassFuture {
            outcome: OnceLock::new(),
            callback: Mutex::new(Waiting::default()),
            is_set: Condvar::new(),
        })
    }

    fn set(self: &Arc<Self>, outcome: Outcome) {
        let mut waiting = self.callback.lock().unwrap_or_else(PoisonError::into_inner);
        if self.outcome.set(outcome).is_err() {
            return;
        }
        waiting.is_set = true;
        let callback = waiting.callback.take();
        drop(waiting);
        if let Some((function, data)) = callback {
            unsafe { function(Arc::as_ptr(self).cast_mut(), data.0) };
        }
        // Those that wait are woken afterwards, so that they see what the callback did.
        let _held = self.callback.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_set.notify_all();
    }

    /// Until it is set, or the time is over; whether it is set.
    fn wait(&self, limit: Option<Duration>) -> bool {
        if self.outcome.get().is_some() {
            return true;
        }
        // A callback that waits must not keep the driver's thread from its work.
        let on_driver =
            Handle::try_current().is_ok_and(|h| h.runtime_flavor() == RuntimeFlavor::MultiThread);
        if on_driver {
            tokio::task::block_in_place(|| self.block(limit))
        } else {
            self.block(limit)
        }
    }

    fn block(&self, limit: Option<Duration>) -> bool {
        let end = limit.and_then(|l| Instant::now().checked_add(l));
        let mut waiting = self.callback.lock().unwrap_or_else(PoisonError::into_inner);
        while !waiting.is_set {
            waiting = match end {
                None => self
                    .is_set
                    .wait(waiting)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(end) => {
                    let left = end.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    let woken = self.is_set.wait_timeout(waiting, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        true
    }

    fn outcome(&self) -> Option<&Outcome> {
        self.wait(None);
        self.outcome.get()
    }
}

/// The duty to set a future. Whoever drops it without, by a panic or because its runtime
/// ended, sets an error: no callback is ever left out.
pub struct Promise(Option<Arc<CassFuture>>);

impl Promise {
    /// With the future as C gets it.
    pub fn new() -> (Promise, *mut CassFuture) {
        let future = CassFuture::new();
        let for_c = Arc::into_raw(Arc::clone(&future)).cast_mut();
        (Promise(Some(future)), for_c)
    }

    pub fn set(mut self, outcome: Outcome) {
        if let Some(future) = self.0.take() {
            future.set(outcome);
        }
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        if let Some(future) = self.0.take() {
            let lost = Failure::new(errors::INTERNAL_ERROR, "the request was lost in the driver");
            future.set(Err(lost));
        }
    }
}

/// A future that is set already.
pub fn ready(outcome: Outcome) -> *mut CassFuture {
    let (promise, future) = Promise::new();
    promise.set(outcome);
    future
}

unsafe fn shared<'a>(future: *mut CassFuture) -> Option<&'a CassFuture> {
    unsafe { future.as_ref() }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_future_free(future: *mut CassFuture) {
    guard((), || {
        if !future.is_null() {
            drop(unsafe { Arc::from_raw(future) });
        }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_future_set_callback(
    future: *mut CassFuture,
    callback: Option<Callback>,
    data: *mut c_void,
) -> CassError {
    guard(errors::INTERNAL_ERROR, || {
        let (Some(this), Some(callback)) = (unsafe { shared(future) }, callback) else {
            return errors::BAD_PARAMS;
        };
        let mut waiting = this.callback.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.has_callback {
            return errors::CALLBACK_ALREADY_SET;
        }
        waiting.has_callback = true;
        if !waiting.is_set {
            waiting.callback = Some((callback, Data(data)));
            return errors::OK;
        }
        drop(waiting);
        // It may free the future: nothing of it is touched afterwards.
        unsafe { callback(future, data) };
        errors::OK
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_future_ready(future: *mut CassFuture) -> Bool {
    guard(0, || {
        bool_of(unsafe { shared(future) }.is_some_and(|f| f.outcome.get().is_some()))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_future_wait(future: *mut CassFuture) {
    guard((), || {
        if let Some(future) = unsafe { shared(future) } {
            future.wait(None);
        }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_future_wait_timed(future: *mut CassFuture, limit_us: u64) -> Bool {
    guard(0, || {
        let limit = Some(Duration::from_micros(limit_us));
        bool_of(unsafe { shared(future) }.is_some_and(|f| f.wait(limit)))
    })
}

/// Waits; a result of the caller's own, or NULL if there is an error or no result.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_future_get_result(future: *mut CassFuture) -> *const CassResult {
    guard(ptr::null(), || {
        match unsafe { shared(future) }.and_then(CassFuture::outcome) {
            Some(Ok(Success::Result(result))) => Arc::into_raw(Arc::clone(result)),
            _ => ptr::null(),
        }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_future_get_prepared(future: *mut CassFuture) -> *const CassPrepared {
    guard(ptr::null(), || {
        match unsafe { shared(future) }.and_then(CassFuture::outcome) {
            Some(Ok(Success::Prepared(prepared))) => Arc::into_raw(Arc::clone(prepared)),
            _ => ptr::null(),
        }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_future_get_error_result(
    future: *mut CassFuture,
) -> *const CassErrorResult {
    guard(ptr::null(), || {
        match unsafe { shared(future) }.and_then(CassFuture::outcome) {
            Some(Err(Failure {
                server: Some(error),
                ..
            })) => Arc::into_raw(Arc::clone(error)),
            _ => ptr::null(),
        }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_future_error_code(future: *mut CassFuture) -> CassError {
    guard(errors::INTERNAL_ERROR, || {
        match unsafe { shared(future) }.map(CassFuture::outcome) {
            Some(Some(Ok(_))) => errors::OK,
            Some(Some(Err(failure))) => failure.code,
            Some(None) => errors::INTERNAL_ERROR,
            None => errors::BAD_PARAMS,
        }
    })
}

/// The text is the future's and not ended by a NUL; empty if there is no error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_future_error_message(
    future: *mut CassFuture,
    message: *mut *const c_char,
    length: *mut usize,
) {
    guard((), || {
        let text = match unsafe { shared(future) }.and_then(CassFuture::outcome) {
            Some(Err(failure)) => failure.message.as_str(),
            _ => "",
        };
        unsafe {
            *message = text.as_ptr().cast();
            *length = text.len();
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{CassFuture, Promise, Success, cass_future_error_code, cass_future_free};
    use super::{cass_future_set_callback, ready};
    use crate::errors;
    use std::ffi::c_void;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    unsafe extern "C" fn count(future: *mut CassFuture, calls: *mut c_void) {
        unsafe {
            *calls.cast::<u32>() += 1;
            cass_future_free(future);
        }
    }

    #[test]
    fn a_request_that_panics_still_calls_back_once() {
        let (promise, future) = Promise::new();
        let mut calls = 0u32;
        let data = (&raw mut calls).cast();
        assert_eq!(
            unsafe { cass_future_set_callback(future, Some(count), data) },
            errors::OK
        );
        let outcome = catch_unwind(AssertUnwindSafe(move || {
            let _kept = promise;
            panic!("in a request");
        }));
        assert!(outcome.is_err());
        assert_eq!(calls, 1);
    }

    #[test]
    fn what_is_dropped_without_a_result_is_an_error() {
        let (promise, future) = Promise::new();
        drop(promise);
        assert_eq!(
            unsafe { cass_future_error_code(future) },
            errors::INTERNAL_ERROR
        );
        unsafe { cass_future_free(future) };
        let done = ready(Ok(Success::Done));
        assert_eq!(unsafe { cass_future_error_code(done) }, errors::OK);
        unsafe { cass_future_free(done) };
    }
}
