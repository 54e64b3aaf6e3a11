//! Time and new identifiers: the only module that asks the machine for them.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the module that the others must ask"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

/// The time of day. A test can set it forward.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_seconds: Arc<AtomicI64>,
}

impl Clock {
    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn unix_seconds(&self) -> i64 {
        Timestamp::now().as_second() + self.offset_seconds.load(Ordering::Relaxed)
    }

    /// Sets this clock, and every clone of it, forward.
    pub fn advance(&self, seconds: i64) {
        self.offset_seconds.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Now, in UTC to the whole second, as orders keep it (RFC 3339).
    #[must_use]
    pub fn now_rfc3339(&self) -> String {
        let now = Timestamp::from_second(self.unix_seconds()).unwrap_or(Timestamp::UNIX_EPOCH);
        now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}

/// A new order's id: a `UUIDv7` (RFC 9562), so that ids made later sort later.
#[must_use]
pub fn new_id() -> String {
    Uuid::now_v7().to_string()
}

/// 128 random bits (a `UUIDv4`'s 122) as 32 hexadecimal digits.
#[must_use]
pub fn random_hex() -> String {
    Uuid::new_v4().simple().to_string()
}

/// How long it is until a moment given in milliseconds since 1970-01-01T00:00:00Z; nothing when it is past.
#[must_use]
pub fn until_unix_ms(moment_ms: u64) -> Duration {
    let now_ms = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default();
    Duration::from_millis(moment_ms.saturating_sub(now_ms))
}
