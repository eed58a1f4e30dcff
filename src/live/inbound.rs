//! What a session keeps of its inbound side: a partial frame, a message in fragments, and a token bucket. Nothing
//! else is held for a peer that sends.

use std::time::Duration;

use actix_web_actors::ws::CloseCode;
use tokio::time::Instant;

use super::{
    frame::{self, Goodbye, Head, Opcode},
    limits::LiveLimits,
};

/// What came whole.
#[derive(Debug, PartialEq)]
pub enum Whole<'a> {
    /// A text message.
    Text(&'a str),
    /// Answer with a pong.
    Ping(&'a [u8]),
    /// Alive.
    Pong,
    /// The peer says goodbye; answer with this code.
    Close(u16),
}

/// A message in fragments.
#[derive(Default)]
pub struct Fragments(Option<Vec<u8>>);

impl Fragments {
    /// Takes one unmasked frame. `whole` gets what is complete with it.
    ///
    /// # Errors
    /// What to close with.
    pub fn take<T>(
        &mut self,
        head: Head,
        payload: &[u8],
        message_bytes_max: usize,
        whole: impl FnOnce(Whole<'_>) -> T,
    ) -> Result<Option<T>, Goodbye> {
        let protocol = |reason| Goodbye::standard(CloseCode::Protocol, reason);
        match (head.opcode, &mut self.0) {
            (Opcode::Ping, _) => Ok(Some(whole(Whole::Ping(payload)))),
            (Opcode::Pong, _) => Ok(Some(whole(Whole::Pong))),
            (Opcode::Close, _) => frame::goodbye(payload).map(|code| Some(whole(Whole::Close(code.unwrap_or(1000))))),
            (Opcode::Binary, _) => Err(Goodbye::standard(CloseCode::Unsupported, "text only")),
            (Opcode::Text, Some(_)) => Err(protocol("a message began inside another")),
            (Opcode::Text, None) if head.fin => text(payload).map(|text| Some(whole(Whole::Text(text)))),
            (Opcode::Text, None) => {
                self.0 = Some(payload.to_vec());
                Ok(None)
            }
            (Opcode::Continuation, None) => Err(protocol("a continuation of nothing")),
            (Opcode::Continuation, Some(begun)) => {
                if begun.len() + payload.len() > message_bytes_max {
                    return Err(Goodbye::standard(CloseCode::Size, "message is too big"));
                }
                begun.extend_from_slice(payload);
                if !head.fin {
                    return Ok(None);
                }
                let message = self.0.take().unwrap_or_default();
                text(&message).map(|text| Some(whole(Whole::Text(text))))
            }
        }
    }
}

fn text(bytes: &[u8]) -> Result<&str, Goodbye> {
    std::str::from_utf8(bytes).map_err(|_| Goodbye::standard(CloseCode::Invalid, "text is not UTF-8"))
}

/// How much a socket may send: bytes, with a least price for a read and for a frame.
pub struct Bucket {
    tokens: i64,
    filled_at: Instant,
    short_since: Option<Instant>,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub fn new(now: Instant, limits: &LiveLimits) -> Self {
        Self { tokens: i64::from(limits.inbound_burst_bytes), filled_at: now, short_since: None }
    }
    /// Pays for `bytes`, or the least price. May go into debt: what was read is read.
    pub fn pay(&mut self, bytes: usize, limits: &LiveLimits) {
        let price = i64::try_from(bytes).unwrap_or(i64::MAX).max(i64::from(limits.inbound_cost_min_bytes));
        self.tokens = self.tokens.saturating_sub(price);
    }
    /// Whether more may be read now. `Err`: it has been sending too much for too long.
    ///
    /// # Errors
    /// What to close with.
    pub fn may_read(&mut self, now: Instant, limits: &LiveLimits) -> Result<bool, Goodbye> {
        if self.tokens > 0 {
            return Ok(true);
        }
        let earned = earned(now - self.filled_at, limits.inbound_bytes_per_s);
        let full = i64::from(limits.inbound_burst_bytes);
        // A peer that paused long enough to fill half a bucket has stopped flooding.
        if self.tokens.saturating_add(earned) > full / 2 {
            self.short_since = None;
        }
        self.tokens = self.tokens.saturating_add(earned).min(full);
        self.filled_at = now;
        if self.tokens > 0 {
            return Ok(true);
        }
        let since = *self.short_since.get_or_insert(now);
        if now - since > limits.flood_closes_after {
            return Err(Goodbye::new(4429, "too many messages for too long"));
        }
        Ok(false)
    }
}

fn earned(since: Duration, bytes_per_s: u32) -> i64 {
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX).saturating_mul(i64::from(bytes_per_s)) / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(opcode: Opcode, fin: bool) -> Head {
        Head { fin, opcode, mask: [0; 4], head_bytes: 6, payload_bytes: 0 }
    }
    fn take(fragments: &mut Fragments, opcode: Opcode, fin: bool, payload: &[u8]) -> Result<Option<String>, u16> {
        let whole = |whole: Whole<'_>| format!("{whole:?}");
        fragments.take(head(opcode, fin), payload, 10, whole).map_err(|goodbye| goodbye.code)
    }

    #[test]
    fn fragments_become_one_message_with_pings_in_between() {
        let mut fragments = Fragments::default();
        assert_eq!(take(&mut fragments, Opcode::Text, false, b"ab"), Ok(None));
        assert!(take(&mut fragments, Opcode::Ping, true, b"").unwrap().is_some());
        assert_eq!(take(&mut fragments, Opcode::Continuation, false, b"c"), Ok(None));
        let whole = take(&mut fragments, Opcode::Continuation, true, b"d");
        assert_eq!(whole, Ok(Some(r#"Text("abcd")"#.to_owned())));
        assert_eq!(take(&mut fragments, Opcode::Continuation, true, b"x"), Err(1002));
    }

    #[test]
    fn a_message_that_grows_too_big_is_refused() {
        let mut fragments = Fragments::default();
        assert_eq!(take(&mut fragments, Opcode::Text, false, b"0123456"), Ok(None));
        assert_eq!(take(&mut fragments, Opcode::Continuation, false, b"0123456"), Err(1009));
    }

    #[test]
    fn text_is_utf8_and_nothing_is_binary() {
        let mut fragments = Fragments::default();
        assert_eq!(take(&mut fragments, Opcode::Text, true, &[0xFF]), Err(1007));
        assert_eq!(take(&mut fragments, Opcode::Binary, true, b"x"), Err(1003));
        assert_eq!(take(&mut fragments, Opcode::Close, true, &[3]), Err(1002));
    }

    #[test]
    fn a_bucket_gives_its_burst_then_its_rate_and_ends_a_flood() {
        let limits = LiveLimits { flood_closes_after: Duration::from_secs(10), ..LiveLimits::default() };
        let start = Instant::now();
        let mut bucket = Bucket::new(start, &limits);
        for _ in 0..1_024 {
            assert_eq!(bucket.may_read(start, &limits), Ok(true));
            bucket.pay(7, &limits);
        }
        assert_eq!(bucket.may_read(start, &limits), Ok(false), "1,024 tiny frames cost 64 KiB");
        assert_eq!(bucket.may_read(start + Duration::from_secs(1), &limits), Ok(true));
        bucket.pay(100 * 1024 * 1024, &limits);
        assert_eq!(bucket.may_read(start + Duration::from_secs(9), &limits), Ok(false));
        assert_eq!(bucket.may_read(start + Duration::from_secs(12), &limits).unwrap_err().code, 4429);
    }

    #[test]
    fn a_peer_that_pauses_has_not_flooded() {
        let limits = LiveLimits { flood_closes_after: Duration::from_secs(10), ..LiveLimits::default() };
        let mut now = Instant::now();
        let mut bucket = Bucket::new(now, &limits);
        for _ in 0..100 {
            bucket.pay(70_000, &limits);
            bucket.may_read(now, &limits).unwrap();
            now += Duration::from_secs(4);
            assert_eq!(bucket.may_read(now, &limits), Ok(true));
        }
    }
}
