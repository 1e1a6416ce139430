// SPDX-License-Identifier: Apache-2.0
//! CassCluster: how to reach a cluster. A session takes a copy when it connects.
use crate::errors::{self, CassError};
use crate::ffi::{guard, length_of, text_of};
use crate::names;
use crate::policies::{CassRetryPolicy, CassTimestampGen};
use crate::settings::limit_of;
use crate::tls::{self, CassSsl, Tls};
use scylla::authentication::PlainTextAuthenticator;
use scylla::client::PoolSize;
use scylla::client::SelfIdentity;
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::SessionConfig;
use scylla::policies::load_balancing::DefaultPolicy;
use scylla::policies::retry::{DefaultRetryPolicy, RetryPolicy};
use scylla::policies::speculative_execution::SimpleSpeculativeExecutionPolicy;
use scylla::statement::{Consistency, SerialConsistency};
use std::ffi::{c_char, c_int, c_uint};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Clone)]
pub struct CassCluster {
    contact_points: Vec<String>,
    port: u16,
    credentials: Option<(String, String)>,
    tls: Option<Arc<Mutex<tls::Settings>>>,
    pub local_dc: Option<String>,
    allow_remote_dcs: bool,
    token_aware: bool,
    shuffle_replicas: bool,
    consistency: Consistency,
    serial_consistency: Option<SerialConsistency>,
    connect_timeout: Duration,
    request_timeout: Duration,
    resolve_timeout: Duration,
    schema_wait: Duration,
    heartbeat: Duration,
    idle_timeout: Duration,
    speculative: Option<(Duration, usize)>,
    retry_policy: Arc<dyn RetryPolicy>,
    connections: NonZeroUsize,
    tcp_nodelay: bool,
    tcp_keepalive: Option<Duration>,
    application: (Option<String>, Option<String>),
    pub io_threads: usize,
    pub timestamps: CassTimestampGen,
}

impl Default for CassCluster {
    /// The values that the API documents.
    fn default() -> CassCluster {
        CassCluster {
            contact_points: Vec::new(),
            port: 9042,
            credentials: None,
            tls: None,
            local_dc: None,
            allow_remote_dcs: false,
            token_aware: true,
            shuffle_replicas: true,
            consistency: Consistency::LocalOne,
            serial_consistency: None,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(12),
            resolve_timeout: Duration::from_secs(5),
            schema_wait: Duration::from_secs(10),
            heartbeat: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            speculative: None,
            retry_policy: Arc::new(DefaultRetryPolicy::new()),
            connections: NonZeroUsize::MIN,
            tcp_nodelay: true,
            tcp_keepalive: None,
            application: (None, None),
            io_threads: 1,
            timestamps: CassTimestampGen::monotonic(),
        }
    }
}

impl CassCluster {
    /// What the crate connects with; with TLS also what explains a failed handshake.
    pub fn config(&self) -> Result<(SessionConfig, Option<Tls>), (CassError, String)> {
        let mut config = SessionConfig::new();
        for host in &self.contact_points {
            match host.parse::<IpAddr>() {
                Ok(ip) => config.add_known_node_addr(SocketAddr::new(ip, self.port)),
                Err(_) => config.add_known_node(format!("{host}:{}", self.port)),
            }
        }
        let tls = self.tls.as_deref().map(Tls::of).transpose()?;
        config.tls_context = tls.as_ref().map(|t| t.context.clone().into());
        if let Some((user, password)) = &self.credentials {
            let plain = PlainTextAuthenticator::new(user.clone(), password.clone());
            config.authenticator = Some(Arc::new(plain));
        }
        config.default_execution_profile_handle = self.profile().into_handle();
        config.connect_timeout = self.connect_timeout;
        config.hostname_resolution_timeout = Some(self.resolve_timeout);
        config.schema_agreement_timeout = self.schema_wait;
        config.keepalive_interval = (!self.heartbeat.is_zero()).then_some(self.heartbeat);
        // The idle time-out counts from the last answer, the crate's from the question.
        let patience = self.idle_timeout.saturating_sub(self.heartbeat);
        config.keepalive_timeout = Some(patience.max(Duration::from_secs(1)));
        config.connection_pool_size = PoolSize::PerHost(self.connections);
        config.tcp_nodelay = self.tcp_nodelay;
        config.tcp_keepalive_interval = self.tcp_keepalive;
        // Tables and types are of no use here: there is no schema in this API's part.
        config.fetch_schema_metadata = false;
        config.identity = self.identity();
        Ok((config, tls))
    }

    /// The crate gives up a host that takes the connection and then says nothing only when
    /// its heartbeat fails, if there is one.
    pub fn connect_limit(&self) -> Duration {
        let hosts = u32::try_from(self.contact_points.len().max(1)).unwrap_or(u32::MAX);
        (self.connect_timeout + self.request_timeout).saturating_mul(hosts)
    }

    pub fn request_timeout(&self) -> Duration {
        self.request_timeout
    }

    fn profile(&self) -> ExecutionProfile {
        let mut balancing = DefaultPolicy::builder()
            .token_aware(self.token_aware)
            .enable_shuffling_replicas(self.shuffle_replicas)
            .permit_dc_failover(self.allow_remote_dcs);
        if let Some(dc) = &self.local_dc {
            balancing = balancing.prefer_datacenter(dc.clone());
        }
        let mut profile = ExecutionProfile::builder()
            .consistency(self.consistency)
            .serial_consistency(self.serial_consistency)
            .request_timeout(Some(self.request_timeout))
            .retry_policy(Arc::clone(&self.retry_policy))
            .load_balancing_policy(balancing.build());
        if let Some((retry_interval, max_retry_count)) = self.speculative {
            let policy = SimpleSpeculativeExecutionPolicy {
                max_retry_count,
                retry_interval,
            };
            profile = profile.speculative_execution_policy(Some(Arc::new(policy)));
        }
        profile.build()
    }

    fn identity(&self) -> SelfIdentity<'static> {
        let mut identity = SelfIdentity::new();
        if let Some(name) = &self.application.0 {
            identity.set_application_name(name.clone());
        }
        if let Some(version) = &self.application.1 {
            identity.set_application_version(version.clone());
        }
        identity
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn cass_cluster_new() -> *mut CassCluster {
    guard(std::ptr::null_mut(), || Box::into_raw(Box::default()))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_free(cluster: *mut CassCluster) {
    guard((), || {
        if !cluster.is_null() {
            drop(unsafe { Box::from_raw(cluster) });
        }
    })
}

/// Some(()) from `work`: done; None: what it was given is not valid.
unsafe fn change(
    cluster: *mut CassCluster,
    work: impl FnOnce(&mut CassCluster) -> Option<()>,
) -> CassError {
    guard(errors::INTERNAL_ERROR, || {
        let done = unsafe { cluster.as_mut() }.and_then(work);
        if done.is_some() {
            errors::OK
        } else {
            errors::BAD_PARAMS
        }
    })
}

fn milliseconds(count: c_uint) -> Duration {
    Duration::from_millis(count.into())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_contact_points(
    cluster: *mut CassCluster,
    hosts: *const c_char,
) -> CassError {
    unsafe { cass_cluster_set_contact_points_n(cluster, hosts, length_of(hosts)) }
}

/// Separated by commas, added to those there are; an empty text removes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_contact_points_n(
    cluster: *mut CassCluster,
    hosts: *const c_char,
    length: usize,
) -> CassError {
    unsafe {
        change(cluster, |c| {
            let hosts = text_of(hosts, length)?;
            if hosts.is_empty() {
                c.contact_points.clear();
            }
            let names = hosts.split(',').map(str::trim).filter(|h| !h.is_empty());
            c.contact_points.extend(names.map(str::to_owned));
            Some(())
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_port(
    cluster: *mut CassCluster,
    port: c_int,
) -> CassError {
    unsafe {
        change(cluster, |c| {
            c.port = u16::try_from(port).ok().filter(|p| *p != 0)?;
            Some(())
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_credentials(
    cluster: *mut CassCluster,
    user: *const c_char,
    password: *const c_char,
) {
    unsafe {
        let lengths = (length_of(user), length_of(password));
        cass_cluster_set_credentials_n(cluster, user, lengths.0, password, lengths.1);
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_credentials_n(
    cluster: *mut CassCluster,
    user: *const c_char,
    user_length: usize,
    password: *const c_char,
    password_length: usize,
) {
    unsafe {
        change(cluster, |c| {
            let user = text_of(user, user_length)?.to_owned();
            let password = text_of(password, password_length)?.to_owned();
            c.credentials = Some((user, password));
            Some(())
        });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_ssl(cluster: *mut CassCluster, ssl: *mut CassSsl) {
    unsafe {
        change(cluster, |c| {
            c.tls = ssl.as_ref().map(|s| Arc::clone(&s.0));
            Some(())
        });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_load_balance_round_robin(cluster: *mut CassCluster) {
    unsafe {
        change(cluster, |c| {
            c.local_dc = None;
            Some(())
        });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_load_balance_dc_aware(
    cluster: *mut CassCluster,
    local_dc: *const c_char,
    remote_hosts: c_uint,
    allow_remote: c_int,
) -> CassError {
    unsafe {
        let length = length_of(local_dc);
        cass_cluster_set_load_balance_dc_aware_n(
            cluster,
            local_dc,
            length,
            remote_hosts,
            allow_remote,
        )
    }
}

/// Hosts of other data centres are used if both say so: their number is not limited.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_load_balance_dc_aware_n(
    cluster: *mut CassCluster,
    local_dc: *const c_char,
    length: usize,
    remote_hosts: c_uint,
    allow_remote: c_int,
) -> CassError {
    unsafe {
        change(cluster, |c| {
            let dc = text_of(local_dc, length).filter(|dc| !dc.is_empty())?;
            c.local_dc = Some(dc.to_owned());
            c.allow_remote_dcs = remote_hosts > 0 && allow_remote != 0;
            Some(())
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_token_aware_routing(
    cluster: *mut CassCluster,
    enabled: c_int,
) {
    unsafe {
        change(cluster, |c| {
            c.token_aware = enabled != 0;
            Some(())
        });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_token_aware_routing_shuffle_replicas(
    cluster: *mut CassCluster,
    enabled: c_int,
) {
    unsafe {
        change(cluster, |c| {
            c.shuffle_replicas = enabled != 0;
            Some(())
        });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_consistency(
    cluster: *mut CassCluster,
    consistency: u32,
) -> CassError {
    unsafe {
        change(cluster, |c| {
            c.consistency = names::consistency(consistency)?;
            Some(())
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_serial_consistency(
    cluster: *mut CassCluster,
    consistency: u32,
) -> CassError {
    unsafe {
        change(cluster, |c| {
            c.serial_consistency = names::serial_consistency(consistency)?;
            Some(())
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_connect_timeout(
    cluster: *mut CassCluster,
    timeout_ms: c_uint,
) {
    unsafe {
        change(cluster, |c| {
            c.connect_timeout = limit_of(timeout_ms.into());
            Some(())
        });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_request_timeout(
    cluster: *mut CassCluster,
    timeout_ms: c_uint,
) {
    unsafe {
        change(cluster, |c| {
            c.request_timeout = limit_of(timeout_ms.into());
            Some(())
        });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_resolve_timeout(
    cluster: *mut CassCluster,
    timeout_ms: c_uint,
) {
    unsafe {
        change(cluster, |c| {
            c.resolve_timeout = limit_of(timeout_ms.into());
            Some(())
        });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_max_schema_wait_time(
    cluster: *mut CassCluster,
    wait_ms: c_uint,
) {
    unsafe {
        change(cluster, |c| {
            c.schema_wait = milliseconds(wait_ms);
            Some(())
        });
    }
}

/// 0 turns heartbeats off.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_connection_heartbeat_interval(
    cluster: *mut CassCluster,
    seconds: c_uint,
) {
    unsafe {
        change(cluster, |c| {
            c.heartbeat = Duration::from_secs(seconds.into());
            Some(())
        });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_connection_idle_timeout(
    cluster: *mut CassCluster,
    seconds: c_uint,
) {
    unsafe {
        change(cluster, |c| {
            c.idle_timeout = Duration::from_secs(seconds.into());
            Some(())
        });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_constant_speculative_execution_policy(
    cluster: *mut CassCluster,
    delay_ms: i64,
    executions: c_int,
) -> CassError {
    unsafe {
        change(cluster, |c| {
            let delay = Duration::from_millis(u64::try_from(delay_ms).ok()?);
            c.speculative = Some((delay, usize::try_from(executions).ok()?));
            Some(())
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_no_speculative_execution_policy(
    cluster: *mut CassCluster,
) -> CassError {
    unsafe {
        change(cluster, |c| {
            c.speculative = None;
            Some(())
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_retry_policy(
    cluster: *mut CassCluster,
    policy: *mut CassRetryPolicy,
) {
    unsafe {
        change(cluster, |c| {
            c.retry_policy = Arc::clone(&policy.as_ref()?.0);
            Some(())
        });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_timestamp_gen(
    cluster: *mut CassCluster,
    generator: *mut CassTimestampGen,
) {
    unsafe {
        change(cluster, |c| {
            c.timestamps = generator.as_ref()?.clone();
            Some(())
        });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_num_threads_io(
    cluster: *mut CassCluster,
    threads: c_uint,
) -> CassError {
    unsafe {
        change(cluster, |c| {
            c.io_threads = usize::try_from(threads)
                .ok()
                .filter(|n| (1..=256).contains(n))?;
            Some(())
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_core_connections_per_host(
    cluster: *mut CassCluster,
    connections: c_uint,
) -> CassError {
    unsafe {
        change(cluster, |c| {
            c.connections = NonZeroUsize::new(usize::try_from(connections).ok()?)?;
            Some(())
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_tcp_nodelay(cluster: *mut CassCluster, enabled: c_int) {
    unsafe {
        change(cluster, |c| {
            c.tcp_nodelay = enabled != 0;
            Some(())
        });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_tcp_keepalive(
    cluster: *mut CassCluster,
    enabled: c_int,
    delay_seconds: c_uint,
) {
    unsafe {
        change(cluster, |c| {
            let delay = Duration::from_secs(delay_seconds.max(1).into());
            c.tcp_keepalive = (enabled != 0).then_some(delay);
            Some(())
        });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_application_name(
    cluster: *mut CassCluster,
    name: *const c_char,
) {
    unsafe {
        change(cluster, |c| {
            c.application.0 = Some(text_of(name, length_of(name))?.to_owned());
            Some(())
        });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_cluster_set_application_version(
    cluster: *mut CassCluster,
    version: *const c_char,
) {
    unsafe {
        change(cluster, |c| {
            c.application.1 = Some(text_of(version, length_of(version))?.to_owned());
            Some(())
        });
    }
}
