// SPDX-License-Identifier: Apache-2.0
//! What the crate has to say, for the program's log. Without a callback it goes to stderr.
use crate::ffi::guard;
use std::ffi::{c_char, c_int, c_void};
use std::fmt::{Debug, Write};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tracing_core::field::{Field, Visit};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Dispatch, Event, Level, Metadata, Subscriber};

const MESSAGE_SIZE: usize = 1024;
const ERROR: u32 = 2;
const WARN: u32 = 3;
const INFO: u32 = 4;
const DEBUG: u32 = 5;
const TRACE: u32 = 6;

const NAMES: [&std::ffi::CStr; 7] = [
    c"",
    c"CRITICAL",
    c"ERROR",
    c"WARN",
    c"INFO",
    c"DEBUG",
    c"TRACE",
];

#[repr(C)]
pub struct CassLogMessage {
    time_ms: u64,
    severity: u32,
    file: *const c_char,
    line: c_int,
    function: *const c_char,
    message: [c_char; MESSAGE_SIZE],
}

type Callback = unsafe extern "C" fn(*const CassLogMessage, *mut c_void);

/// The data as a number: what it points to is the caller's to protect.
static CALLBACK: Mutex<Option<(Callback, usize)>> = Mutex::new(None);
static LEVEL: AtomicU32 = AtomicU32::new(WARN);
static SAID: Mutex<Vec<(u64, Instant)>> = Mutex::new(Vec::new());
const REMEMBERED: usize = 64;
static INSTALLED: Once = Once::new();

/// Listens to the crate, unless the program has a listener of its own.
pub fn install() {
    INSTALLED.call_once(|| {
        let _ = tracing_core::dispatcher::set_global_default(Dispatch::new(Listener));
    });
}

fn severity(level: &Level) -> u32 {
    match *level {
        Level::ERROR => ERROR,
        Level::WARN => WARN,
        Level::INFO => INFO,
        Level::DEBUG => DEBUG,
        _ => TRACE,
    }
}

struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && metadata.target().starts_with("scylla")
            && severity(metadata.level()) <= LEVEL.load(Ordering::Relaxed)
    }

    /// The level may change at any time: ask each time.
    fn register_callsite(
        &self,
        metadata: &'static Metadata<'static>,
    ) -> tracing_core::subscriber::Interest {
        if metadata.is_event() && metadata.target().starts_with("scylla") {
            tracing_core::subscriber::Interest::sometimes()
        } else {
            tracing_core::subscriber::Interest::never()
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        deliver(severity(event.metadata().level()), &text.0);
    }
}

/// The message first, then its fields.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0.insert_str(0, &format!("{value:?}"));
        } else {
            let _ = write!(self.0, " {}={value:?}", field.name());
        }
    }
}

/// Whether it was said within the last minute: the crate repeats some warnings at every
/// request.
fn is_repeated(text: &str) -> bool {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let (hash, now) = (hasher.finish(), Instant::now());
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    said.retain(|(_, at)| now.duration_since(*at) < Duration::from_secs(60));
    let repeated = said.iter().any(|(h, _)| *h == hash);
    if !repeated {
        if said.len() == REMEMBERED {
            said.remove(0);
        }
        said.push((hash, now));
    }
    repeated
}

fn deliver(severity: u32, text: &str) {
    if is_repeated(text) {
        return;
    }
    let callback = *CALLBACK.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((callback, data)) = callback else {
        let name = NAMES[severity as usize].to_string_lossy();
        eprintln!("cassandra driver: {name}: {text}");
        return;
    };
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let mut message = CassLogMessage {
        time_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
        severity,
        file: c"".as_ptr(),
        line: 0,
        function: c"".as_ptr(),
        message: [0; MESSAGE_SIZE],
    };
    for (to, from) in message.message[..MESSAGE_SIZE - 1]
        .iter_mut()
        .zip(text.bytes())
    {
        *to = from as c_char;
    }
    unsafe { callback(&raw const message, data as *mut c_void) };
}

#[unsafe(no_mangle)]
pub extern "C" fn cass_log_set_level(level: u32) {
    LEVEL.store(level, Ordering::Relaxed);
}

/// NULL: back to stderr.
#[unsafe(no_mangle)]
pub extern "C" fn cass_log_set_callback(callback: Option<Callback>, data: *mut c_void) {
    guard((), || {
        let mut place = CALLBACK.lock().unwrap_or_else(PoisonError::into_inner);
        *place = callback.map(|c| (c, data as usize));
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn cass_log_level_string(level: u32) -> *const c_char {
    guard(c"".as_ptr(), || {
        NAMES.get(level as usize).unwrap_or(&c"").as_ptr()
    })
}
