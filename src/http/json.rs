//! JSON into a value, in which no key stands twice: RFC 8259 leaves open which of two would count, so each reader counts
//! another one.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value, error::Category};

/// Why bytes are no JSON that can be taken.
#[derive(Debug, PartialEq, Eq)]
pub enum NoJson {
    /// It is none.
    Malformed {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// A key stands twice in an object.
    Doubled {
        /// Where the object is.
        parent: Vec<Step>,
        /// Which.
        key: String,
    },
}

/// A step from the whole to a part.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Into a list.
    Index(usize),
    /// Into an object.
    Key(String),
}

/// Reads `bytes`.
///
/// # Errors
/// [`NoJson`].
pub fn read(bytes: &[u8]) -> Result<Value, NoJson> {
    serde_json::from_slice::<Once>(bytes).map(|once| once.0).map_err(|error| match error.classify() {
        // Any value is taken, so that this is our own word.
        Category::Data => doubled(bytes),
        _ => NoJson::Malformed { line: error.line(), column: error.column() },
    })
}

/// Says where a key stands twice: looked for only if one does, since a path for each good value would cost more than
/// reading it.
fn doubled(bytes: &[u8]) -> NoJson {
    use serde_path_to_error::Segment;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let Err(error) = serde_path_to_error::deserialize::<_, Once>(&mut reader) else {
        return NoJson::Malformed { line: 1, column: 1 };
    };
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(Step::Index(*index)),
        Segment::Map { key } => Some(Step::Key(key.clone())),
        Segment::Enum { .. } | Segment::Unknown => None,
    };
    let parent = error.path().iter().filter_map(step).collect();
    let said = error.inner().to_string();
    let key = said.strip_prefix(MARK).and_then(|rest| rest.rsplit_once(MARK)).map_or("", |(key, _)| key);
    NoJson::Doubled { parent, key: key.to_owned() }
}

/// Around the key in our own error: a control character, which no good key holds.
const MARK: &str = "\u{1}";

/// A value, read strictly.
struct Once(Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, said: bool) -> Result<Value, E> {
        Ok(Value::Bool(said))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }
    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }
    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = vec![];
        while let Some(Once(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(format_args!("{MARK}{key}{MARK}")));
            }
            let Once(field) = fields.next_value()?;
            object.insert(key, field);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_serde_json_reads() {
        for text in [
            "{}",
            "[]",
            "null",
            "-1",
            "18446744073709551615",
            "1e20",
            "1.5",
            r#""\u00e4\n""#,
            r#"{"a": [1, {"b": null}, true], "c": {"a": "x"}}"#,
        ] {
            assert_eq!(read(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap(), "{text}");
        }
        for text in ["", "{", "[1,]", "{} x", "nul", "\u{1}"] {
            assert!(matches!(read(text.as_bytes()), Err(NoJson::Malformed { .. })), "{text}");
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_named_where_it_stands() {
        let twice = |parent: Vec<Step>, key: &str| Err(NoJson::Doubled { parent, key: key.to_owned() });
        assert_eq!(read(br#"{"a": 1, "b": 2, "a": 1}"#), twice(vec![], "a"));
        let deep = br#"{"a": [0, {"b c": {"n": 1, "n": 2}}]}"#;
        let path = vec![Step::Key("a".to_owned()), Step::Index(1), Step::Key("b c".to_owned())];
        assert_eq!(read(deep), twice(path, "n"));
    }
}
