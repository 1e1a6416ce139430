// SPDX-License-Identifier: Apache-2.0
//! Retry policies and timestamp generators: objects that a cluster or a statement is
//! given, and that live on in it when C frees them.
use crate::ffi::guard;
use scylla::policies::retry::{DefaultRetryPolicy, FallthroughRetryPolicy, RetryPolicy};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

pub struct CassRetryPolicy(pub Arc<dyn RetryPolicy>);

#[unsafe(no_mangle)]
pub extern "C" fn cass_retry_policy_default_new() -> *mut CassRetryPolicy {
    Box::into_raw(Box::new(CassRetryPolicy(Arc::new(
        DefaultRetryPolicy::new(),
    ))))
}

#[unsafe(no_mangle)]
pub extern "C" fn cass_retry_policy_fallthrough_new() -> *mut CassRetryPolicy {
    Box::into_raw(Box::new(CassRetryPolicy(Arc::new(
        FallthroughRetryPolicy::new(),
    ))))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_retry_policy_free(policy: *mut CassRetryPolicy) {
    guard((), || {
        if !policy.is_null() {
            drop(unsafe { Box::from_raw(policy) });
        }
    })
}

/// One timestamp a request, drawn before its first attempt: a repeated or speculative
/// attempt carries the same, so that it cannot overwrite what came in between.
#[derive(Clone)]
pub enum CassTimestampGen {
    ServerSide,
    Monotonic(Arc<AtomicI64>),
}

impl CassTimestampGen {
    pub fn monotonic() -> CassTimestampGen {
        CassTimestampGen::Monotonic(Arc::new(AtomicI64::new(0)))
    }

    /// Microseconds since 1970, each greater than the one before.
    pub fn next(&self) -> Option<i64> {
        let CassTimestampGen::Monotonic(last) = self else {
            return None;
        };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
        let later = |before: i64| Some(now.max(before.saturating_add(1)));
        let before = last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
        before.ok().and_then(later)
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn cass_timestamp_gen_server_side_new() -> *mut CassTimestampGen {
    Box::into_raw(Box::new(CassTimestampGen::ServerSide))
}

#[unsafe(no_mangle)]
pub extern "C" fn cass_timestamp_gen_monotonic_new() -> *mut CassTimestampGen {
    Box::into_raw(Box::new(CassTimestampGen::monotonic()))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_timestamp_gen_free(generator: *mut CassTimestampGen) {
    guard((), || {
        if !generator.is_null() {
            drop(unsafe { Box::from_raw(generator) });
        }
    })
}

#[cfg(test)]
mod tests {
    use super::CassTimestampGen;

    #[test]
    fn timestamps_ascend_even_within_a_microsecond() {
        let generator = CassTimestampGen::monotonic();
        let drawn: Vec<i64> = (0..10_000).filter_map(|_| generator.next()).collect();
        assert_eq!(drawn.len(), 10_000);
        assert!(drawn.windows(2).all(|w| w[0] < w[1]));
    }

    #[test]
    fn the_servers_own_time_is_no_timestamp() {
        assert_eq!(CassTimestampGen::ServerSide.next(), None);
    }
}
