// SPDX-License-Identifier: Apache-2.0
//! CassSession: connects, executes, closes. Each has threads of its own, which end with it.
use crate::batch::CassBatch;
use crate::cluster::CassCluster;
use crate::errors;
use crate::failure::{Failure, of_connect};
use crate::ffi::{guard, length_of, text_of};
use crate::future::{CassFuture, Outcome, Promise, Success, cass_future_free, ready};
use crate::log;
use crate::policies::CassTimestampGen;
use crate::prepared::CassPrepared;
use crate::result::CassResult;
use crate::settings::apply;
use crate::statement::{Bound, CassStatement, Text};
use scylla::client::session::Session;
use scylla::response::PagingStateResponse;
use scylla::statement::unprepared::Statement;
use std::ffi::c_char;
use std::future::Future;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

pub struct CassSession(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    changed: Condvar,
    /// Made by the first connect, ended by free.
    runtime: Mutex<Option<Runtime>>,
}

enum State {
    /// Before connect, after a connect that failed, after close.
    Idle,
    Connecting(Option<AbortHandle>),
    Connected(Arc<Connected>),
    Closing,
}

struct Connected {
    session: Session,
    timestamps: CassTimestampGen,
    /// Of what the crate itself does not limit.
    request_timeout: Duration,
    handle: Handle,
    requests: AtomicUsize,
    idle: Notify,
}

/// How long the end of a session waits for what its threads cannot be stopped in, as the
/// resolver of the system.
const PATIENCE: Duration = Duration::from_secs(5);

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, to: State) {
        *self.lock() = to;
        self.changed.notify_all();
    }

    fn handle(&self, threads: usize) -> Result<Handle, Failure> {
        let mut runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        if runtime.is_none() {
            let made = Builder::new_multi_thread()
                .worker_threads(threads)
                .thread_name("cql")
                .enable_all()
                .build();
            *runtime = Some(made.map_err(|e| Failure::new(errors::UNABLE_TO_INIT, e.to_string()))?);
        }
        match &*runtime {
            Some(runtime) => Ok(runtime.handle().clone()),
            None => Err(Failure::new(errors::UNABLE_TO_INIT, "no threads")),
        }
    }

    /// The session with one more request on it; a close waits for that.
    fn enter(&self) -> Result<Request, Failure> {
        match &*self.lock() {
            State::Connected(connected) => {
                connected.requests.fetch_add(1, Ordering::Relaxed);
                Ok(Request(Arc::clone(connected)))
            }
            _ => Err(Failure::new(
                errors::NO_HOSTS_AVAILABLE,
                "the session is not connected",
            )),
        }
    }
}

/// A request under way.
struct Request(Arc<Connected>);

impl Drop for Request {
    fn drop(&mut self) {
        if self.0.requests.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.idle.notify_one();
        }
    }
}

impl Request {
    /// Runs it on the driver's threads. The future is set, and its callback has run, before
    /// the request counts as done.
    fn run<F>(self, work: impl FnOnce(Arc<Connected>) -> F) -> *mut CassFuture
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let (promise, future) = Promise::new();
        let work = work(Arc::clone(&self.0));
        let handle = self.0.handle.clone();
        handle.spawn(async move {
            let _until_done = self;
            let outcome = work.await;
            promise.set(outcome);
        });
        future
    }
}

fn start(
    session: *mut CassSession,
    make: impl FnOnce(Request) -> *mut CassFuture,
) -> *mut CassFuture {
    let Some(session) = (unsafe { session.as_ref() }) else {
        return ready(Err(Failure::new(errors::BAD_PARAMS, "no session")));
    };
    match session.0.enter() {
        Ok(request) => make(request),
        Err(failure) => ready(Err(failure)),
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn cass_session_new() -> *mut CassSession {
    guard(ptr::null_mut(), || {
        Box::into_raw(Box::new(CassSession(Arc::new(Inner {
            state: Mutex::new(State::Idle),
            changed: Condvar::new(),
            runtime: Mutex::new(None),
        }))))
    })
}

/// Closes it first if need be, and waits for that: every callback has run when it returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_session_free(session: *mut CassSession) {
    guard((), || {
        if session.is_null() {
            return;
        }
        let inner = unsafe { Box::from_raw(session) }.0;
        if let State::Connecting(Some(task)) = &*inner.lock() {
            task.abort();
        }
        let closing = close(&inner);
        unsafe { cass_future_free(closing) };
        let on_driver = Handle::try_current().is_ok();
        let end = move || {
            let mut state = inner.lock();
            while matches!(*state, State::Closing) {
                state = inner
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            drop(state);
            let runtime = inner
                .runtime
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            if let Some(runtime) = runtime {
                runtime.shutdown_timeout(PATIENCE);
            }
        };
        // A callback cannot wait for the thread that it runs on.
        if on_driver {
            std::thread::spawn(end);
        } else {
            end();
        }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_session_connect(
    session: *mut CassSession,
    cluster: *const CassCluster,
) -> *mut CassFuture {
    guard(ptr::null_mut(), || unsafe {
        connect(session, cluster, None)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_session_connect_keyspace(
    session: *mut CassSession,
    cluster: *const CassCluster,
    keyspace: *const c_char,
) -> *mut CassFuture {
    unsafe { cass_session_connect_keyspace_n(session, cluster, keyspace, length_of(keyspace)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_session_connect_keyspace_n(
    session: *mut CassSession,
    cluster: *const CassCluster,
    keyspace: *const c_char,
    length: usize,
) -> *mut CassFuture {
    guard(ptr::null_mut(), || {
        match unsafe { text_of(keyspace, length) } {
            Some(keyspace) => unsafe { connect(session, cluster, Some(keyspace)) },
            None => ready(Err(Failure::new(
                errors::BAD_PARAMS,
                "no name of a keyspace",
            ))),
        }
    })
}

unsafe fn connect(
    session: *mut CassSession,
    cluster: *const CassCluster,
    keyspace: Option<&str>,
) -> *mut CassFuture {
    let (session, cluster) = unsafe { (session.as_ref(), cluster.as_ref()) };
    let (Some(session), Some(cluster)) = (session, cluster) else {
        return ready(Err(Failure::new(
            errors::BAD_PARAMS,
            "no session or no cluster",
        )));
    };
    log::install();
    let inner = Arc::clone(&session.0);
    let handle = match inner.handle(cluster.io_threads) {
        Ok(handle) => handle,
        Err(failure) => return ready(Err(failure)),
    };
    let mut state = inner.lock();
    if !matches!(*state, State::Idle) {
        let text = "the session is connected, connecting or closing";
        return ready(Err(Failure::new(errors::UNABLE_TO_CONNECT, text)));
    }
    *state = State::Connecting(None);
    let (promise, future) = Promise::new();
    let connecting = Connecting(Arc::clone(&inner));
    let cluster = cluster.clone();
    let keyspace = keyspace.map(str::to_owned);
    let on = handle.clone();
    let task = handle.spawn(async move {
        let outcome = match open(cluster, keyspace, on).await {
            Ok(connected) => {
                connecting.done(connected);
                Ok(Success::Done)
            }
            Err(failure) => {
                drop(connecting);
                Err(failure)
            }
        };
        promise.set(outcome);
    });
    *state = State::Connecting(Some(task.abort_handle()));
    future
}

/// The state Connecting; whatever ends it, a failure, a panic or an abort, leads to Idle.
struct Connecting(Arc<Inner>);

impl Connecting {
    fn done(self, connected: Connected) {
        self.0.change(State::Connected(Arc::new(connected)));
    }
}

impl Drop for Connecting {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if matches!(*state, State::Connecting(_)) {
            *state = State::Idle;
        }
        drop(state);
        self.0.changed.notify_all();
    }
}

async fn open(
    cluster: CassCluster,
    keyspace: Option<String>,
    handle: Handle,
) -> Result<Connected, Failure> {
    let (mut config, tls) = cluster
        .config()
        .map_err(|(code, text)| Failure::new(code, text))?;
    if let Some(name) = keyspace {
        let quoted = name.strip_prefix('"').and_then(|n| n.strip_suffix('"'));
        config.keyspace_case_sensitive = quoted.is_some();
        config.used_keyspace = Some(quoted.unwrap_or(&name).to_owned());
    }
    let silent = |_| Failure::new(errors::NO_HOSTS_AVAILABLE, "no contact point answers");
    let opening = tokio::time::timeout(cluster.connect_limit(), Session::connect(config));
    let session = opening.await.map_err(silent)?.map_err(|e| {
        of_connect(&e, || {
            tls.as_ref()
                .map_or(errors::SSL_PROTOCOL_ERROR, |t| t.error())
        })
    })?;
    if let Some(dc) = &cluster.local_dc {
        let state = session.get_cluster_state();
        let nodes = state.get_nodes_info();
        if !nodes.iter().any(|n| n.datacenter.as_ref() == Some(dc)) {
            let mut there: Vec<_> = nodes.iter().filter_map(|n| n.datacenter.clone()).collect();
            there.sort();
            there.dedup();
            let there = there.join(", ");
            let text = format!("no node is in the data centre '{dc}', but in: {there}");
            return Err(Failure::new(errors::NO_HOSTS_AVAILABLE, text));
        }
    }
    Ok(Connected {
        session,
        timestamps: cluster.timestamps.clone(),
        request_timeout: cluster.request_timeout(),
        handle,
        requests: AtomicUsize::new(0),
        idle: Notify::new(),
    })
}

/// Requests under way are finished, none is taken any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_session_close(session: *mut CassSession) -> *mut CassFuture {
    guard(ptr::null_mut(), || match unsafe { session.as_ref() } {
        Some(session) => close(&session.0),
        None => ready(Err(Failure::new(errors::BAD_PARAMS, "no session"))),
    })
}

fn close(inner: &Arc<Inner>) -> *mut CassFuture {
    let mut state = inner.lock();
    let State::Connected(connected) = &*state else {
        drop(state);
        return ready(Err(Failure::new(
            errors::UNABLE_TO_CLOSE,
            "the session is not connected",
        )));
    };
    let connected = Arc::clone(connected);
    *state = State::Closing;
    drop(state);
    let (promise, future) = Promise::new();
    let handle = connected.handle.clone();
    let inner = Arc::clone(inner);
    handle.spawn(async move {
        while connected.requests.load(Ordering::Acquire) != 0 {
            connected.idle.notified().await;
        }
        drop(connected);
        // first, so that whoever hears of it may connect again
        inner.change(State::Idle);
        promise.set(Ok(Success::Done));
    });
    future
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_session_prepare(
    session: *mut CassSession,
    query: *const c_char,
) -> *mut CassFuture {
    unsafe { cass_session_prepare_n(session, query, length_of(query)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_session_prepare_n(
    session: *mut CassSession,
    query: *const c_char,
    length: usize,
) -> *mut CassFuture {
    guard(ptr::null_mut(), || {
        let Some(query) = (unsafe { text_of(query, length) }) else {
            return ready(Err(Failure::new(
                errors::BAD_PARAMS,
                "the query is no text",
            )));
        };
        let statement = Statement::new(query);
        start(session, |request| {
            request.run(|on| async move {
                // The crate waits for every node, however long one takes.
                let preparing = on.session.prepare(statement);
                let silent = |_| Failure::new(errors::REQUEST_TIMED_OUT, "a node does not answer");
                let prepared = tokio::time::timeout(on.request_timeout, preparing).await;
                let prepared = prepared.map_err(silent)?.map_err(|e| Failure::from(&e))?;
                Ok(Success::Prepared(Arc::new(CassPrepared::new(prepared))))
            })
        })
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_session_execute(
    session: *mut CassSession,
    statement: *const CassStatement,
) -> *mut CassFuture {
    guard(ptr::null_mut(), || {
        let Some(statement) = (unsafe { statement.as_ref() }).cloned() else {
            return ready(Err(Failure::new(errors::BAD_PARAMS, "no statement")));
        };
        start(session, |request| request.run(|on| execute(on, statement)))
    })
}

async fn execute(on: Arc<Connected>, statement: CassStatement) -> Outcome {
    let CassStatement {
        text,
        values,
        settings,
        page_size,
        page,
    } = statement;
    let timestamp = on.timestamps.next();
    let (answer, paging) = match text {
        Text::Query(query) => {
            let mut query = Statement::new(&*query);
            apply!(&settings, timestamp, query);
            let bound = Bound {
                values,
                checked: false,
            };
            match page_size {
                Some(size) => {
                    query.set_page_size(size);
                    on.session.query_single_page(query, bound, page).await?
                }
                None => whole(on.session.query_unpaged(query, bound).await?),
            }
        }
        Text::Prepared(prepared) => {
            let mut query = prepared.statement.clone();
            apply!(&settings, timestamp, query);
            let bound = Bound {
                values,
                checked: true,
            };
            match page_size {
                Some(size) => {
                    query.set_page_size(size);
                    on.session.execute_single_page(&query, bound, page).await?
                }
                None => whole(on.session.execute_unpaged(&query, bound).await?),
            }
        }
    };
    Ok(Success::Result(Arc::new(CassResult::of(answer, paging)?)))
}

fn whole<T>(answer: T) -> (T, PagingStateResponse) {
    (answer, PagingStateResponse::NoMorePages)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cass_session_execute_batch(
    session: *mut CassSession,
    batch: *const CassBatch,
) -> *mut CassFuture {
    guard(ptr::null_mut(), || {
        let Some(batch) = (unsafe { batch.as_ref() }) else {
            return ready(Err(Failure::new(errors::BAD_PARAMS, "no batch")));
        };
        let (mut statements, values) = batch.build();
        let settings = batch.settings.clone();
        start(session, |request| {
            request.run(|on| async move {
                apply!(&settings, on.timestamps.next(), statements);
                let answer = on.session.batch(&statements, values).await?;
                let (answer, paging) = whole(answer);
                Ok(Success::Result(Arc::new(CassResult::of(answer, paging)?)))
            })
        })
    })
}
