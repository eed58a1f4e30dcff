//! Makes a JSON sample of a type from nothing but what serde says is wrong with the last try: a missing field is put
//! in, a value of the wrong type is replaced by one of the right type, at the column that the complaint names.

use std::collections::BTreeMap;

use foodcourt_actors::event::DecodeError;

/// Stands for every value that is not known yet. No event has a field that takes it by itself.
const UNKNOWN: &str = "true";
/// How the complaint about a text that is no currency begins.
const NO_CURRENCY: &str = "must be three upper-case letters";
const TRIES_MAX: u32 = 2_000;

/// The words of every enumeration met: the complaint names them all.
pub type Words = BTreeMap<String, ()>;

/// A body that `read` takes, as `read` writes it again. `optional` are names of fields that need not be there; they are
/// put wherever they are understood.
pub fn sample(read: impl Fn(&str) -> Result<String, DecodeError>, optional: &[String], words: &mut Words) -> String {
    let mut text = mend("{}".to_owned(), &read, words).expect("some body must be readable");
    for name in optional {
        let mut from = 0;
        while let Some(end) = text[from..].find('}').map(|found| from + found) {
            from = end + 1;
            let object = &text[text[..end].rfind('{').unwrap_or(0)..end];
            if object.contains(&format!("\"{name}\":")) {
                continue;
            }
            let with = insert(&text, end, name);
            let grown = mend(with, &read, words).and_then(|body| read(&body).ok());
            let counted = |body: &str| body.matches(&format!("\"{name}\":")).count();
            if let Some(grown) = grown.filter(|grown| counted(grown) > counted(&text)) {
                text = grown;
                from = 0;
            }
        }
    }
    read(&text).expect("it was readable a moment ago")
}

fn mend(mut text: String, read: &impl Fn(&str) -> Result<String, DecodeError>, words: &mut Words) -> Option<String> {
    for _ in 0..TRIES_MAX {
        let error = match read(&text) {
            Ok(again) => return Some(again),
            Err(DecodeError::Malformed { source, .. }) => source,
            Err(DecodeError::UnknownKind(_)) => return None,
        };
        let (complaint, column) = (error.to_string(), error.column());
        if let Some(name) = complaint.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
            let end = text[..column].rfind('}')?;
            text = insert(&text, end, name);
            continue;
        }
        if complaint.contains("unit variant, expected newtype variant") {
            let end = text[..column].rfind('"')?;
            let start = text[..end].rfind('"')?;
            let tagged = format!("{{{}:{UNKNOWN}}}", &text[start..=end]);
            text.replace_range(start..=end, &tagged);
            continue;
        }
        let value = value_for(&complaint, words)?;
        let old = if complaint.starts_with(NO_CURRENCY) {
            "\"text\""
        } else if complaint.contains("variant `") {
            "\"?\""
        } else {
            UNKNOWN
        };
        let near = text.match_indices(old).min_by_key(|(at, _)| (at + old.len()).abs_diff(column))?.0;
        text.replace_range(near..near + old.len(), &value);
    }
    None
}

fn insert(text: &str, end: usize, name: &str) -> String {
    let comma = if text[..end].ends_with('{') { "" } else { "," };
    format!("{}{comma}\"{name}\":{UNKNOWN}{}", &text[..end], &text[end..])
}

fn value_for(complaint: &str, words: &mut Words) -> Option<String> {
    if complaint.starts_with(NO_CURRENCY) {
        return Some("\"EUR\"".to_owned());
    }
    if let Some(choice) = complaint.strip_prefix("unknown variant `?`, expected ") {
        let choice = choice.split(" at line").next()?;
        words.insert(choice.replace("one of ", "").replace(" or ", ", ").replace('`', ""), ());
        return Some(format!("\"{}\"", choice.split('`').nth(1)?));
    }
    if complaint.starts_with("duplicate field") || complaint.starts_with("unknown field") {
        return None;
    }
    let expected = complaint.split("expected ").nth(1)?.split(" at line").next()?;
    let value = match expected {
        "a formatted UUID string" => "\"00000000-0000-7000-8000-000000000001\"",
        "a time with its zone, such as 2026-03-01T12:00:03Z" => "\"2026-03-01T12:00:00Z\"",
        "a string" => "\"text\"",
        "u32" | "u64" | "i64" | "u16" | "u8" | "i32" | "usize" => "1",
        "f64" => "52.5",
        "a sequence" => "[true]",
        "a map" => "{}",
        expected if expected.starts_with("struct") => "{}",
        _ => "\"?\"",
    };
    Some(value.to_owned())
}
