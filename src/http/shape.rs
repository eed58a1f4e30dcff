//! Bodies into types, strictly: an object where an object is meant (serde would also build one from a list), and what
//! does not fit said in the caller's words. Where it stands is told by the body's reader.

use std::fmt;

use serde::{
    Deserializer,
    de::{
        self, Expected, IntoDeserializer as _, Unexpected, Visitor,
        value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer, StrDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::Value;

/// Stands for a required field that was not sent, so that the next one that is missing is found too. No body holds it:
/// control characters were refused before.
pub const STAND_IN: &str = "\u{0}";

/// Why a value does not fit.
#[derive(Debug, PartialEq, Eq)]
pub enum Misfit {
    /// This required field was not sent.
    Missing(&'static str),
    /// This field is not known; these are.
    Unknown(String, &'static [&'static str]),
    /// No whole number of a size that its type could hold.
    Number {
        /// What would be right, as far as its type tells.
        wanted: String,
        /// What came.
        seen: String,
    },
    /// Something else, in words that follow the field's name.
    Wrong(String),
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(_) => f.write_str("is required"),
            Self::Unknown(_, []) => f.write_str("is not known here; nothing may stand here"),
            Self::Unknown(_, known) => write!(f, "is not known here; known are {}", known.join(", ")),
            Self::Number { wanted, seen } => write!(f, "must be {wanted}, not {seen}"),
            Self::Wrong(said) => f.write_str(said),
        }
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(said: T) -> Self {
        let said = said.to_string();
        // The one foreign text that speaks of its own insides.
        Self::Wrong(if said.starts_with("UUID parsing failed") { format!("must be {ID}") } else { said })
    }
    fn invalid_type(met: Unexpected, expected: &dyn Expected) -> Self {
        let (name, seen) = (expected.to_string(), seen(&met));
        let wanted = wanted(&name);
        match name.as_str() {
            "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" => {
                Self::Number { wanted, seen }
            }
            // A text that is no time is told from one that only lacks its zone by whoever reads it.
            _ => Self::Wrong(format!("must be {wanted}, not {seen}")),
        }
    }
    fn invalid_value(met: Unexpected, expected: &dyn Expected) -> Self {
        Self::invalid_type(met, expected)
    }
    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::Wrong(format!("must be {}, not {length} values", wanted(&expected.to_string())))
    }
    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Self::Wrong(one_of(known))
    }
    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::Unknown(field.to_owned(), known)
    }
    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

const ID: &str = "an id as the server gives it, such as 0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";

fn one_of(known: &[&str]) -> String {
    format!("must be one of {}", known.join(", "))
}

/// What serde and its visitors call a type, in other words.
fn wanted(name: &str) -> String {
    let whole = |least: &dyn fmt::Display, most: &dyn fmt::Display| format!("a whole number from {least} to {most}");
    match name {
        "u8" => whole(&u8::MIN, &u8::MAX),
        "u16" => whole(&u16::MIN, &u16::MAX),
        "u32" => whole(&u32::MIN, &u32::MAX),
        "u64" | "usize" => whole(&u64::MIN, &u64::MAX),
        "i8" | "i16" | "i32" | "i64" | "isize" => whole(&i64::MIN, &i64::MAX),
        "f32" | "f64" => "a number".to_owned(),
        "a string" => "a text".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        other if other.contains("UUID") => ID.to_owned(),
        other if other.starts_with("struct ") => "an object".to_owned(),
        other => other.to_owned(),
    }
}

/// What came instead. Texts are not repeated: they may be private.
fn seen(met: &Unexpected) -> String {
    match met {
        Unexpected::Bool(said) => said.to_string(),
        Unexpected::Unsigned(number) => number.to_string(),
        Unexpected::Signed(number) => number.to_string(),
        Unexpected::Float(number) => number.to_string(),
        Unexpected::Str(_) | Unexpected::Char(_) | Unexpected::Bytes(_) => "this text".to_owned(),
        Unexpected::Unit | Unexpected::Option => "null".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "an object".to_owned(),
        _ => "this".to_owned(),
    }
}

fn unexpected(value: &Value) -> Unexpected<'_> {
    match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(said) => Unexpected::Bool(*said),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Unexpected::Unsigned(number),
            (None, Some(number)) => Unexpected::Signed(number),
            (None, None) => Unexpected::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Unexpected::Str(text),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    }
}

/// The name of a field, or a number that JSON can write as a name only.
#[derive(Clone, Copy)]
struct Key<'a>(&'a str);

impl<'de> de::IntoDeserializer<'de, Misfit> for Key<'de> {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Key<'de> {
    fn number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        // Written the one usual way: "01" beside "1" would be the same key twice.
        match self.0.parse::<u64>() {
            Ok(number) if number.to_string() == self.0 => visitor.visit_u64(number),
            _ => visitor.visit_borrowed_str(self.0),
        }
    }
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_borrowed_str(self.0)
    }
    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.number(visitor)
    }
    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.number(visitor)
    }
    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.number(visitor)
    }
    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.number(visitor)
    }
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let text: StrDeserializer<'_, Misfit> = self.0.into_deserializer();
        text.deserialize_enum(name, variants, visitor)
    }
    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// Reads a value strictly.
#[derive(Clone, Copy)]
pub struct Strict<'a>(pub &'a Value);

impl<'de> de::IntoDeserializer<'de, Misfit> for Strict<'de> {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Strict<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(said) => visitor.visit_bool(*said),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => {
                let mut items = SeqDeserializer::new(items.iter().map(Strict));
                let made = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(made)
            }
            Value::Object(fields) => {
                visitor.visit_map(MapDeserializer::new(fields.iter().map(|(name, field)| (Key(name), Strict(field)))))
            }
        }
    }
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::Object(_) => self.deserialize_any(visitor),
            Value::String(text) if text == STAND_IN => StandIn.deserialize_struct(name, fields, visitor),
            other => Err(de::Error::invalid_type(unexpected(other), &"an object")),
        }
    }
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::String(text) if text == STAND_IN => StandIn.deserialize_enum(name, variants, visitor),
            Value::String(text) => {
                let text: StrDeserializer<'_, Misfit> = text.as_str().into_deserializer();
                text.deserialize_enum(name, variants, visitor)
            }
            Value::Object(fields) if fields.len() == 1 => {
                let field = MapDeserializer::new(fields.iter().map(|(name, field)| (Key(name), Strict(field))));
                MapAccessDeserializer::new(field).deserialize_enum(name, variants, visitor)
            }
            other => Err(Misfit::Wrong(format!("{}, not {}", one_of(variants), seen(&unexpected(other))))),
        }
    }
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::String(text) if text == STAND_IN => StandIn.deserialize_str(visitor),
            Value::String(text) => visitor.visit_borrowed_str(text),
            other => Err(de::Error::invalid_type(unexpected(other), &visitor)),
        }
    }
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_str(visitor)
    }
    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.number(visitor)
    }
    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.number(visitor)
    }
    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.number(visitor)
    }
    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.number(visitor)
    }
    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.number(visitor)
    }
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.number(visitor)
    }
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::String(text) if text == STAND_IN => StandIn.deserialize_seq(visitor),
            _ => self.deserialize_any(visitor),
        }
    }
    forward_to_deserialize_any! {
        bool i8 i16 i128 u8 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct map identifier
    }
}

impl<'de> Strict<'de> {
    fn number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::String(text) if text == STAND_IN => visitor.visit_u64(1),
            _ => self.deserialize_any(visitor),
        }
    }
}

/// Says something that fits whatever is asked for, as far as that can be guessed.
struct StandIn;

impl<'de> de::IntoDeserializer<'de, Misfit> for StandIn {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for StandIn {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_u64(1)
    }
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        // A visitor is asked once; its own words tell an id or an instant from a text. Of texts, currencies have a form.
        let wanted = expects(&visitor);
        visitor.visit_borrowed_str(match () {
            () if wanted.contains("time") => "2026-03-01T12:00:03Z",
            () if wanted.contains("UUID") => "00000000-0000-0000-0000-000000000000",
            () => "EUR",
        })
    }
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_str(visitor)
    }
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_none()
    }
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_seq(SeqDeserializer::new(std::iter::empty::<Self>()))
    }
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_map(MapDeserializer::new(fields.iter().map(|field| (*field, Self))))
    }
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let first: StrDeserializer<'_, Misfit> = variants.first().copied().unwrap_or("").into_deserializer();
        first.deserialize_enum(name, variants, visitor)
    }
    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
        map identifier ignored_any
    }
}

fn expects<'de, V: Visitor<'de>>(visitor: &V) -> String {
    let expected: &dyn Expected = visitor;
    expected.to_string()
}
