//! What a camera writes into a file beside the picture (place, device, hour, a second picture) stays outside: a photo is
//! copied part by part, and only parts that draw it are copied. How it is to be turned is kept. Nothing is decoded.

use crate::ports::PhotoType;

/// A JPEG's beginning and end (ITU T.81, table B.1).
const SOI: [u8; 2] = [0xFF, 0xD8];
const EOI: [u8; 2] = [0xFF, 0xD9];
/// APP1, where Exif stands, and the start of a scan.
const APP1: u8 = 0xE1;
const SOS: u8 = 0xDA;
const EXIF: &[u8] = b"Exif\0\0";
const PNG: &[u8] = b"\x89PNG\r\n\x1A\n";
/// Chunks that draw a PNG: its size, colours, transparency, pixels and end (W3C PNG 4.7).
const PNG_DRAWN: [&[u8]; 12] =
    [b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT", b"pHYs"];
/// Flags of a WebP's VP8X chunk that speak of what is kept: colour profile and transparency; and the one of Exif (RFC 9649, 2.7).
const VP8X_KEPT: u8 = 0x20 | 0x10;
const VP8X_EXIF: u8 = 0x08;

/// The picture without what is no picture; `None`: it is none of its kind, it breaks off, or it moves.
#[must_use]
pub fn bare(media_type: PhotoType, bytes: &[u8]) -> Option<Vec<u8>> {
    match media_type {
        PhotoType::Jpeg => jpeg(bytes),
        PhotoType::Png => png(bytes),
        PhotoType::WebP => webp(bytes),
    }
}

/// Segments up to the end of the picture; whatever a phone hangs behind it (films, second pictures) is left.
fn jpeg(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut rest, mut kept, mut drawn) = (bytes.strip_prefix(&SOI)?, SOI.to_vec(), false);
    loop {
        if rest.is_empty() && drawn {
            break; // broke off inside the pixels, which is drawn as far as it goes
        }
        // Any number of fill bytes may stand before a marker (B.1.1.2).
        let fill = rest.iter().take_while(|byte| **byte == 0xFF).count();
        let (&marker, after) = rest.get(fill..)?.split_first()?;
        if fill == 0 {
            return None;
        } else if marker == EOI[1] {
            break;
        } else if matches!(marker, 0x01 | 0xD0..=0xD7) {
            rest = after;
            continue;
        }
        let length = usize::from(u16::from_be_bytes(*after.first_chunk()?));
        let body = after.get(2..length)?;
        rest = after.get(length..)?;
        match marker {
            // Tables, frames and scans.
            0xC0..=0xCF | 0xDA..=0xDF => segment(&mut kept, marker, body)?,
            // JFIF without its thumbnail, the colour profile, and what Adobe says of colours.
            0xE0 if body.starts_with(b"JFIF\0") => segment(&mut kept, marker, &[body.get(..12)?, &[0, 0]].concat())?,
            0xE2 if body.starts_with(b"ICC_PROFILE\0") => segment(&mut kept, marker, body)?,
            0xEE if body.starts_with(b"Adobe") => segment(&mut kept, marker, body)?,
            APP1 => {
                if let Some(turned) = body.strip_prefix(EXIF).and_then(orientation) {
                    segment(&mut kept, APP1, &[EXIF, &turned_by(turned)].concat())?;
                }
            }
            _ => {}
        }
        if marker == SOS {
            // Pixels go on until a marker that is neither a stuffed zero, nor a restart, nor a fill byte (B.1.1.5).
            let ends = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xD0..=0xD7 | 0xFF);
            let end = rest.windows(2).position(ends).unwrap_or(rest.len());
            kept.extend_from_slice(&rest[..end]);
            (rest, drawn) = (&rest[end..], true);
        }
    }
    kept.extend_from_slice(&EOI);
    drawn.then_some(kept)
}

fn segment(kept: &mut Vec<u8>, marker: u8, body: &[u8]) -> Option<()> {
    kept.extend_from_slice(&[0xFF, marker]);
    kept.extend_from_slice(&u16::try_from(body.len() + 2).ok()?.to_be_bytes());
    kept.extend_from_slice(body);
    Some(())
}

/// Chunks up to the end, as they are: their sums stay right. A phone's camera makes none that is to be turned.
fn png(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut rest, mut kept) = (bytes.strip_prefix(PNG)?, PNG.to_vec());
    loop {
        let length = usize::try_from(u32::from_be_bytes(*rest.first_chunk()?)).ok()?;
        let chunk = rest.get(..length.checked_add(12)?)?;
        rest = &rest[chunk.len()..];
        let kind = &chunk[4..8];
        if PNG_DRAWN.contains(&kind) {
            kept.extend_from_slice(chunk);
        }
        if kind == b"IEND" {
            return Some(kept);
        }
    }
}

/// Chunks of a picture that stands still. The first one of the longer form says which others there are.
fn webp(bytes: &[u8]) -> Option<Vec<u8>> {
    let (head, body) = bytes.split_at_checked(12)?;
    let length = usize::try_from(u32::from_le_bytes(*head[4..].first_chunk()?)).ok()?;
    let mut rest = body.get(..length.checked_sub(4)?)?;
    let (mut kept, mut flags_at, mut drawn) = (head.to_vec(), None, false);
    while !rest.is_empty() {
        let length = usize::try_from(u32::from_le_bytes(*rest.get(4..)?.first_chunk()?)).ok()?;
        let chunk = rest.get(..length.checked_add(8)?)?;
        // Padded to an even length; the last one is now and then without.
        rest = rest.get(chunk.len() + length % 2..).unwrap_or_default();
        let (kind, data) = (&chunk[..4], &chunk[8..]);
        match kind {
            b"VP8X" if flags_at.is_none() => {
                flags_at = Some(kept.len() + 8);
                riff(&mut kept, kind, &[&[data.first()? & VP8X_KEPT], data.get(1..10)?].concat())?;
            }
            b"VP8 " | b"VP8L" => {
                drawn = true;
                riff(&mut kept, kind, data)?;
            }
            b"ALPH" | b"ICCP" => riff(&mut kept, kind, data)?,
            b"EXIF" => {
                let turned = orientation(data.strip_prefix(EXIF).unwrap_or(data));
                if let (Some(turned), Some(at)) = (turned, flags_at) {
                    kept[at] |= VP8X_EXIF;
                    riff(&mut kept, kind, &turned_by(turned))?;
                }
            }
            _ => {}
        }
    }
    let length = u32::try_from(kept.len() - 8).ok()?;
    kept[4..8].copy_from_slice(&length.to_le_bytes());
    drawn.then_some(kept)
}

fn riff(kept: &mut Vec<u8>, kind: &[u8], data: &[u8]) -> Option<()> {
    kept.extend_from_slice(kind);
    kept.extend_from_slice(&u32::try_from(data.len()).ok()?.to_le_bytes());
    kept.extend_from_slice(data);
    kept.resize(kept.len() + data.len() % 2, 0);
    Some(())
}

/// How the picture is to be turned (Exif 3.0, 4.6.5: tag 0x0112, 1 to 8), unless it stands upright.
fn orientation(tiff: &[u8]) -> Option<u8> {
    let big = match tiff.get(..4)? {
        b"MM\0*" => true,
        b"II*\0" => false,
        _ => return None,
    };
    let two = |at: usize| {
        let pair = *tiff.get(at..)?.first_chunk()?;
        Some(if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) })
    };
    let four = *tiff.get(4..)?.first_chunk()?;
    let table = usize::try_from(if big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }).ok()?;
    let entries = usize::from(two(table)?);
    let entry = (0..entries).map(|number| table + 2 + 12 * number).find(|at| two(*at) == Some(0x0112))?;
    u8::try_from(two(entry + 8)?).ok().filter(|turned| (2..=8).contains(turned))
}

/// The smallest Exif there is: one table with one entry.
fn turned_by(orientation: u8) -> [u8; 26] {
    let mut tiff = *b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0";
    tiff[19] = orientation;
    tiff
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sixteen pixels wide, made by a common library, with place, device, comment and XMP; the JPEG with a second picture behind it.
    const TURNED: &[u8] = include_bytes!("../../tests/api/photos/turned.jpg");
    const PROGRESSIVE: &[u8] = include_bytes!("../../tests/api/photos/progressive.jpg");
    const SCREEN: &[u8] = include_bytes!("../../tests/api/photos/screen.png");
    const WEBP: &[u8] = include_bytes!("../../tests/api/photos/turned.webp");
    const PLAIN_WEBP: &[u8] = include_bytes!("../../tests/api/photos/plain.webp");
    const ALL: [(PhotoType, &[u8]); 5] = [
        (PhotoType::Jpeg, TURNED),
        (PhotoType::Jpeg, PROGRESSIVE),
        (PhotoType::Png, SCREEN),
        (PhotoType::WebP, WEBP),
        (PhotoType::WebP, PLAIN_WEBP),
    ];
    /// What the tests' camera is called, wherever such a thing can be written.
    const SECRET: &[u8] = b"Spycam 9000";

    fn holds(bytes: &[u8], words: &[u8]) -> bool {
        bytes.windows(words.len()).any(|part| part == words)
    }

    #[test]
    fn what_the_camera_wrote_is_gone_and_the_picture_is_not() {
        for (media_type, bytes) in ALL {
            let bare = bare(media_type, bytes).unwrap();
            assert_eq!(PhotoType::of(&bare), Some(media_type));
            assert!(!holds(&bare, SECRET) && !holds(&bare, b"http:") && !holds(&bare, b"GPS"), "{media_type:?}");
            assert_eq!(super::bare(media_type, &bare).as_ref(), Some(&bare), "nothing more to take off");
        }
        assert!(ALL[..4].iter().all(|(_, bytes)| holds(bytes, SECRET)), "there was something to take off");
        assert_eq!(bare(PhotoType::WebP, PLAIN_WEBP).unwrap(), PLAIN_WEBP);
        // The pixels are the same bytes: from the start of the scan, or the chunk that holds them.
        for (media_type, bytes, from, to) in [
            (PhotoType::Jpeg, TURNED, &b"\xFF\xDA"[..], &b"\xFF\xD9"[..]),
            (PhotoType::Png, SCREEN, b"IDAT", b"\0\0\0\0IEND"),
        ] {
            let find = |bytes: &[u8], words: &[u8]| bytes.windows(words.len()).rposition(|part| part == words).unwrap();
            let bare = bare(media_type, bytes).unwrap();
            let whole = &bytes[..bytes.len() - if media_type == PhotoType::Jpeg { behind(bytes) } else { 0 }];
            assert_eq!(
                whole[find(whole, from)..find(whole, to)],
                bare[find(&bare, from)..find(&bare, to)],
                "{media_type:?}"
            );
        }
    }

    /// Bytes behind the first picture of a file with two.
    fn behind(bytes: &[u8]) -> usize {
        bytes.len() - bytes.windows(2).position(|pair| pair == EOI).unwrap() - 2
    }

    #[test]
    fn how_it_is_turned_is_kept() {
        let exif = |bytes: &[u8]| {
            let at = bytes.windows(4).position(|part| part == b"MM\0*").unwrap();
            orientation(&bytes[at..]).unwrap()
        };
        assert_eq!(exif(&bare(PhotoType::Jpeg, TURNED).unwrap()), 6);
        let webp = bare(PhotoType::WebP, WEBP).unwrap();
        assert_eq!((exif(&webp), webp[20] & VP8X_EXIF), (8, VP8X_EXIF));
        assert!(!holds(&bare(PhotoType::Jpeg, PROGRESSIVE).unwrap(), EXIF), "upright: nothing to be said");
        assert_eq!(orientation(b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x03\0\0\0"), Some(3));
    }

    #[test]
    fn whatever_comes_ends_in_a_picture_or_in_none() {
        for (media_type, bytes) in ALL {
            for end in 0..bytes.len() {
                if let Some(bare) = bare(media_type, &bytes[..end]) {
                    assert!(!holds(&bare, SECRET));
                }
            }
            // Each byte wrong in turn, lengths among them.
            let mut broken = bytes.to_vec();
            for at in 0..bytes.len() {
                for wrong in [0x00, 0x7F, 0xFF] {
                    broken[at] = wrong;
                    drop(bare(media_type, &broken));
                }
                broken[at] = bytes[at];
            }
        }
        assert_eq!(bare(PhotoType::Jpeg, b"\xFF\xD8\xFF\xD9"), None, "no pixels");
        assert_eq!(bare(PhotoType::Jpeg, b"\xFF\xD8\xFF<script>"), None);
        assert_eq!(bare(PhotoType::WebP, b"RIFF\x04\0\0\0WEBP"), None);
    }
}
