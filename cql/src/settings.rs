// SPDX-License-Identifier: Apache-2.0
//! What a statement and a batch may each set for their own execution.
use crate::errors::{self, CassError};
use crate::names;
use scylla::policies::retry::RetryPolicy;
use scylla::statement::{Consistency, SerialConsistency};
use std::sync::Arc;
use std::time::Duration;

/// None: as the cluster has it.
#[derive(Clone, Default)]
pub struct Settings {
    pub consistency: Option<Consistency>,
    pub serial_consistency: Option<Option<SerialConsistency>>,
    pub timestamp: Option<i64>,
    pub timeout: Option<Duration>,
    pub is_idempotent: bool,
    pub retry_policy: Option<Arc<dyn RetryPolicy>>,
}

/// For a time-out of 0, which means none at all.
const NO_LIMIT: Duration = Duration::from_secs(365 * 24 * 3600);

pub fn limit_of(milliseconds: u64) -> Duration {
    match milliseconds {
        0 => NO_LIMIT,
        ms => Duration::from_millis(ms).min(NO_LIMIT),
    }
}

impl Settings {
    pub fn set_consistency(&mut self, number: u32) -> CassError {
        match names::consistency(number) {
            Some(level) => self.consistency = Some(level),
            None => return errors::BAD_PARAMS,
        }
        errors::OK
    }

    pub fn set_serial_consistency(&mut self, number: u32) -> CassError {
        match names::serial_consistency(number) {
            Some(level) => self.serial_consistency = Some(level),
            None => return errors::BAD_PARAMS,
        }
        errors::OK
    }

    /// CASS_UINT64_MAX takes back what was set.
    pub fn set_timeout(&mut self, milliseconds: u64) -> CassError {
        self.timeout = (milliseconds != u64::MAX).then(|| limit_of(milliseconds));
        errors::OK
    }

    pub fn set_timestamp(&mut self, timestamp: i64) -> CassError {
        // the protocol's "not set"
        self.timestamp = (timestamp != i64::MIN).then_some(timestamp);
        errors::OK
    }
}

/// The same calls on each of the crate's kinds of statement.
macro_rules! apply {
    ($settings:expr, $timestamp:expr, $target:expr) => {{
        let settings: &$crate::settings::Settings = $settings;
        if let Some(level) = settings.consistency {
            $target.set_consistency(level);
        }
        if let Some(level) = settings.serial_consistency {
            $target.set_serial_consistency(level);
        }
        $target.set_timestamp(settings.timestamp.or($timestamp));
        $target.set_request_timeout(settings.timeout);
        $target.set_is_idempotent(settings.is_idempotent);
        $target.set_retry_policy(settings.retry_policy.clone());
    }};
}
pub(crate) use apply;
