//! RFC 6455 frames on byte slices: heads are read and refused before a payload is waited for, payloads are unmasked
//! where they lie, outgoing messages are framed once into shared bytes. No extension is negotiated.

use actix_web_actors::ws::CloseCode;
use bytes::Bytes;

/// What a frame is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opcode {
    /// Goes on with a fragmented message.
    Continuation,
    /// UTF-8 text.
    Text,
    /// Bytes; we speak no binary.
    Binary,
    /// Goodbye.
    Close,
    /// Are you there?
    Ping,
    /// I am.
    Pong,
}

/// The head of an inbound frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// Last (or only) fragment.
    pub fin: bool,
    /// What for.
    pub opcode: Opcode,
    /// Key of the client's mask.
    pub mask: [u8; 4],
    /// Bytes before the payload.
    pub head_bytes: usize,
    /// Bytes of the payload.
    pub payload_bytes: usize,
}

/// Why a socket is closed, as the close frame says it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Goodbye {
    /// RFC 6455 or one of ours (44xx).
    pub code: u16,
    /// At most 123 bytes.
    pub reason: String,
}

impl Goodbye {
    /// A goodbye with `code` and `reason`.
    #[must_use]
    pub fn new(code: u16, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }
    /// One of RFC 6455's codes.
    #[must_use]
    pub fn standard(code: CloseCode, reason: &str) -> Self {
        Self::new(code.into(), reason)
    }
    fn protocol(reason: &str) -> Self {
        Self::standard(CloseCode::Protocol, reason)
    }
}

/// Reads the head of a client's frame. `None`: more bytes are needed.
///
/// # Errors
/// What to close with, as soon as the bytes at hand show it: a claim of a gigabyte is refused before its payload.
pub fn head(bytes: &[u8], payload_bytes_max: usize) -> Result<Option<Head>, Goodbye> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    if first & 0x70 != 0 {
        return Err(Goodbye::protocol("reserved bits are set"));
    }
    let fin = first & 0x80 != 0;
    let opcode = match first & 0x0F {
        0 => Opcode::Continuation,
        1 => Opcode::Text,
        2 => Opcode::Binary,
        8 => Opcode::Close,
        9 => Opcode::Ping,
        10 => Opcode::Pong,
        _ => return Err(Goodbye::protocol("unknown opcode")),
    };
    if second & 0x80 == 0 {
        return Err(Goodbye::protocol("client frames must be masked"));
    }
    let short = second & 0x7F;
    if matches!(opcode, Opcode::Close | Opcode::Ping | Opcode::Pong) && (!fin || short > 125) {
        return Err(Goodbye::protocol("control frames are whole and at most 125 bytes"));
    }
    let (length, extended) = match (short, rest) {
        (126, [a, b, ..]) => (u64::from(u16::from_be_bytes([*a, *b])), 2),
        (127, [a, b, c, d, e, f, g, h, ..]) => (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), 8),
        (126 | 127, _) => return Ok(None),
        (length, _) => (u64::from(length), 0),
    };
    let payload_bytes = usize::try_from(length).unwrap_or(usize::MAX);
    if payload_bytes > payload_bytes_max {
        return Err(Goodbye::standard(CloseCode::Size, "frame is too big"));
    }
    if (extended == 2 && length < 126) || (extended == 8 && length <= u64::from(u16::MAX)) {
        return Err(Goodbye::protocol("length is not in its shortest form"));
    }
    let Some(mask) = rest.get(extended..extended + 4) else { return Ok(None) };
    let mask = [mask[0], mask[1], mask[2], mask[3]];
    Ok(Some(Head { fin, opcode, mask, head_bytes: 2 + extended + 4, payload_bytes }))
}

/// Takes the client's mask off, in place.
pub fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    // Eight bytes at a time: the compiler turns this into vector code.
    let wide = u64::from_ne_bytes([mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3]]);
    let (blocks, tail) = payload.as_chunks_mut::<8>();
    for block in blocks {
        *block = (u64::from_ne_bytes(*block) ^ wide).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

/// What a client's close frame says.
///
/// # Errors
/// What to answer when it is malformed.
pub fn goodbye(payload: &[u8]) -> Result<Option<u16>, Goodbye> {
    let [a, b, reason @ ..] = payload else {
        return if payload.is_empty() { Ok(None) } else { Err(Goodbye::protocol("a close code has two bytes")) };
    };
    let code = u16::from_be_bytes([*a, *b]);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Goodbye::protocol("this close code is not for the wire"));
    }
    std::str::from_utf8(reason).map_err(|_| Goodbye::protocol("close reason is not UTF-8"))?;
    Ok(Some(code))
}

/// A text message, framed once and shared by every socket it goes to.
#[derive(Clone, Debug)]
pub struct Framed {
    bytes: Bytes,
    head_bytes: usize,
}

impl Framed {
    /// Longest head of a server's frame.
    const GAP: usize = 10;

    /// Frames `value` as JSON text.
    #[must_use]
    pub fn json(value: &impl serde::Serialize) -> Self {
        let mut buffer = vec![0; Self::GAP];
        serde_json::to_writer(&mut buffer, value).expect("wire types are plain data and always serialize");
        let length = buffer.len() - Self::GAP;
        let head_bytes = match length {
            0..=125 => 2,
            126..=0xFFFF => 4,
            _ => 10,
        };
        let start = Self::GAP - head_bytes;
        buffer[start] = 0x81; // FIN, text
        let wide = (length as u64).to_be_bytes();
        match head_bytes {
            2 => buffer[start + 1] = wide[7],
            4 => {
                buffer[start + 1] = 126;
                buffer[start + 2..Self::GAP].copy_from_slice(&wide[6..]);
            }
            _ => {
                buffer[start + 1] = 127;
                buffer[start + 2..Self::GAP].copy_from_slice(&wide);
            }
        }
        Self { bytes: Bytes::from(buffer).slice(start..), head_bytes }
    }
    /// As a socket wants it.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }
    /// The JSON text alone.
    #[must_use]
    pub fn text(&self) -> Bytes {
        self.bytes.slice(self.head_bytes..)
    }
    /// Bytes on a socket.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }
    /// Never: a frame has a head.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// A ping without payload.
pub const PING: &[u8] = &[0x89, 0];

/// A control frame (pong, close) with a payload of at most 125 bytes; longer ones are cut at a character.
fn control(first: u8, payload: &[u8]) -> Bytes {
    let length = payload.len().min(125);
    let mut frame = Vec::with_capacity(2 + length);
    frame.push(first);
    frame.push(u8::try_from(length).unwrap_or(125));
    frame.extend_from_slice(&payload[..length]);
    Bytes::from(frame)
}

/// The pong for a ping.
#[must_use]
pub fn pong(payload: &[u8]) -> Bytes {
    control(0x8A, payload)
}

/// A close frame.
#[must_use]
pub fn close(goodbye: &Goodbye) -> Bytes {
    let mut payload = goodbye.code.to_be_bytes().to_vec();
    let cut = (0..=goodbye.reason.len().min(123)).rev().find(|at| goodbye.reason.is_char_boundary(*at));
    payload.extend_from_slice(&goodbye.reason.as_bytes()[..cut.unwrap_or(0)]);
    control(0x88, &payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_of_a_gigabyte_is_refused_by_its_head() {
        let claim = [0x81, 0xFF, 0, 0, 0, 0, 0x40, 0, 0, 0];
        assert_eq!(head(&claim, 16 * 1024).unwrap_err().code, 1009);
        assert_eq!(head(&claim[..9], 16 * 1024), Ok(None));
    }

    #[test]
    fn what_breaks_the_rules_is_refused_at_once() {
        for (bytes, why) in [
            (&[0x81, 0x01][..], "unmasked"),
            (&[0xC1, 0x80], "reserved bit"),
            (&[0x83, 0x80], "reserved opcode"),
            (&[0x09, 0x80], "fragmented ping"),
            (&[0x89, 0xFE], "long ping"),
            (&[0x81, 0xFE, 0, 5], "length not shortest"),
        ] {
            assert_eq!(head(bytes, 16 * 1024).unwrap_err().code, 1002, "{why}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_head_is_judged_alike_however_much_of_it_has_come(bytes in proptest::collection::vec(0_u8.., 0..20)) {
            let whole = head(&bytes, 16 * 1024);
            for come in 0..bytes.len() {
                let part = head(&bytes[..come], 16 * 1024);
                assert!(part == Ok(None) || part == whole, "{part:?} became {whole:?}");
            }
        }
    }

    #[test]
    fn unmasking_is_its_own_inverse_at_every_length() {
        for length in 0..40 {
            let original: Vec<u8> = (0..length).collect();
            let mut bytes = original.clone();
            unmask(&mut bytes, [1, 2, 3, 4]);
            for (at, byte) in bytes.iter().enumerate() {
                assert_eq!(*byte, original[at] ^ [1, 2, 3, 4][at % 4]);
            }
        }
    }

    #[test]
    fn a_message_is_framed_with_the_shortest_length() {
        for (text, head_bytes) in [("a".repeat(10), 2), ("a".repeat(200), 4), ("a".repeat(70_000), 10)] {
            let frame = Framed::json(&text);
            assert_eq!(frame.len(), head_bytes + text.len() + 2);
            assert_eq!(frame.text(), serde_json::to_vec(&text).unwrap());
        }
    }

    #[test]
    fn a_close_reason_is_cut_at_a_character() {
        let frame = close(&Goodbye::new(4400, "ü".repeat(100)));
        assert!(frame.len() <= 127 && std::str::from_utf8(&frame[4..]).is_ok());
    }
}
