//! JSON text ↔ [`Json`], exact: numbers keep their digits, duplicate keys are refused.
//!
//! `serde_json::Value` is not used for what clients send: it reads numbers through `f64` and lets the last
//! of two equal keys win. Here `serde_json` finds the extent of each value ([`RawValue`]), and every value
//! is then read on its own, so that a number is never anything but its text.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::number::Number;

/// How many levels of arrays and objects [`Json::parse`] follows. An order may have 32
/// ([`crate::order::MAX_LEVELS`]); the envelope's arguments stand a few levels above theirs.
pub const MAX_PARSE_LEVELS: usize = 48;

/// A JSON value (RFC 8259) that has not lost anything of its text but white space, the order of members,
/// and the way strings were escaped.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    Array(Vec<Json>),
    Object(BTreeMap<String, Json>),
    /// An array or an object below [`MAX_PARSE_LEVELS`] levels: it is JSON, and nobody takes it.
    TooDeep,
}

/// A text is not JSON, not UTF-8, has a lone surrogate escape, or a key that stands twice in one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

impl Json {
    /// Reads one JSON value that fills `text` but for white space around it.
    pub fn parse(text: &[u8]) -> Result<Self, Malformed> {
        Self::from_raw(Self::parse_raw(text)?)
    }

    /// The extent of the one JSON value in `text`, its syntax checked but not its contents (see
    /// [`Json::from_raw`]).
    pub fn parse_raw(text: &[u8]) -> Result<&RawValue, Malformed> {
        serde_json::from_slice(text).map_err(|error| malformed(&error))
    }

    /// Reads a value whose extent is known.
    pub fn from_raw(raw: &RawValue) -> Result<Self, Malformed> {
        Self::at_level(raw.get(), 1)
    }

    fn at_level(text: &str, level: usize) -> Result<Self, Malformed> {
        let first = text.bytes().next().unwrap_or_default();
        if matches!(first, b'{' | b'[') && level > MAX_PARSE_LEVELS {
            return Ok(Self::TooDeep);
        }
        Ok(match first {
            b'{' => Self::Object(members(text, |_, value| Self::at_level(value, level + 1))?),
            b'[' => {
                let elements: Vec<&RawValue> =
                    serde_json::from_str(text).map_err(|error| malformed(&error))?;
                let element = |raw: &&RawValue| Self::at_level(raw.get(), level + 1);
                Self::Array(elements.iter().map(element).collect::<Result<_, _>>()?)
            }
            b'"' => Self::String(serde_json::from_str(text).map_err(|error| malformed(&error))?),
            b't' => Self::Bool(true),
            b'f' => Self::Bool(false),
            b'n' => Self::Null,
            _ => Self::Number(Number::from_json(text)),
        })
    }

    /// Whether it nests deeper than [`MAX_PARSE_LEVELS`] levels.
    #[must_use]
    pub fn is_too_deep(&self) -> bool {
        match self {
            Self::TooDeep => true,
            Self::Array(elements) => elements.iter().any(Self::is_too_deep),
            Self::Object(members) => members.values().any(Self::is_too_deep),
            _ => false,
        }
    }

    /// What kind of value this is, for an error's detail.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
            Self::TooDeep => "an array or object that nests too deep",
        }
    }

    /// Appends the canonical text: no white space, members sorted, numbers as plain decimals. Two texts of
    /// the same JSON value give the same bytes.
    pub fn write_canonical(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null | Self::TooDeep => out.extend_from_slice(b"null"),
            Self::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Self::Number(number) => out.extend_from_slice(number.canonical().as_bytes()),
            Self::String(text) => write_string(text, out),
            Self::Array(elements) => {
                write_sequence(b'[', elements, b']', out, |element, out| {
                    element.write_canonical(out);
                });
            }
            Self::Object(members) => {
                write_sequence(b'{', members, b'}', out, |(name, value), out| {
                    write_string(name, out);
                    out.push(b':');
                    value.write_canonical(out);
                });
            }
        }
    }
}

/// The members of an object whose text is known to be one, with their values' extents.
///
/// # Errors
///
/// [`Malformed`] when a key stands twice.
pub fn members<'a, T>(
    text: &'a str,
    mut read: impl FnMut(&str, &'a str) -> Result<T, Malformed>,
) -> Result<BTreeMap<String, T>, Malformed> {
    let Members(raw) = serde_json::from_str(text).map_err(|error| malformed(&error))?;
    let mut members = BTreeMap::new();
    for (key, value) in raw {
        let value = read(&key, value.get())?;
        if members.contains_key(key.as_ref()) {
            let detail = format!("the key {} stands twice in one object", quoted(&key));
            return Err(Malformed(detail));
        }
        members.insert(key.into_owned(), value);
    }
    Ok(members)
}

/// Appends `text` as a JSON string.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    // Writing to memory can't fail, and a str is always a JSON string.
    let _ = serde_json::to_writer(out, text);
}

/// Appends the elements of an array or the members of an object, with their commas and brackets.
pub fn write_sequence<T>(
    open: u8,
    elements: impl IntoIterator<Item = T>,
    close: u8,
    out: &mut Vec<u8>,
    mut write: impl FnMut(T, &mut Vec<u8>),
) {
    out.push(open);
    for (index, element) in elements.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(element, out);
    }
    out.push(close);
}

/// A client's text as it may stand in an error's detail: escaped, and cut when it is long.
#[must_use]
pub fn quoted(text: &str) -> String {
    const MAX_CHARS: usize = 64;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

fn malformed(error: &serde_json::Error) -> Malformed {
    Malformed(error.to_string())
}

/// An object's members in the order of the text, duplicates included.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn canonical(text: &str) -> String {
        let mut out = Vec::new();
        Json::parse(text.as_bytes())
            .unwrap()
            .write_canonical(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[rstest]
    #[case(
        r#" { "b" : 1.10 , "a" : [ true , null , "é" ] } "#,
        r#"{"a":[true,null,"é"],"b":1.1}"#
    )]
    #[case(
        "12345678901234567890123456789012345678",
        "12345678901234567890123456789012345678"
    )]
    #[case("-0", "0")]
    #[case("1e400", "1e400")]
    #[case("10E399", "1e400")]
    #[case(r#""\u00e9\ud83d\ude00""#, "\"é😀\"")]
    fn a_value_has_one_canonical_text(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(canonical(text), expected);
    }

    #[rstest]
    #[case::nothing("")]
    #[case::two_values("1 2")]
    #[case::trailing_comma("[1,]")]
    #[case::leading_zero("01")]
    #[case::plus("+1")]
    #[case::no_fraction("1.")]
    #[case::not_a_number("NaN")]
    #[case::single_quotes("{'a':1}")]
    #[case::duplicate_key(r#"{"a":1,"a":1}"#)]
    #[case::duplicate_key_inside(r#"{"x":[{"a":1,"b":2,"a":3}]}"#)]
    #[case::duplicate_key_escaped(r#"{"a":1,"\u0061":2}"#)]
    #[case::lone_high_surrogate(r#""\ud83d""#)]
    #[case::lone_low_surrogate(r#"["\ude00"]"#)]
    #[case::lone_surrogate_in_a_key(r#"{"\ud83d":1}"#)]
    #[case::control_character("\"\u{1}\"")]
    #[case::byte_order_mark("\u{feff}1")]
    fn what_is_not_json_is_refused(#[case] text: &str) {
        assert!(Json::parse(text.as_bytes()).is_err(), "{text}");
    }

    #[test]
    fn bytes_that_are_no_utf8_are_refused() {
        assert!(Json::parse(b"\"\xff\"").is_err());
    }

    #[test]
    fn a_body_of_brackets_alone_is_not_followed() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let is_too_deep = |levels| {
            Json::parse(nested(levels).as_bytes())
                .unwrap()
                .is_too_deep()
        };
        assert!(!is_too_deep(MAX_PARSE_LEVELS));
        assert!(is_too_deep(MAX_PARSE_LEVELS + 1));
        assert!(is_too_deep(500_000));
    }

    #[test]
    fn no_key_is_taken_for_a_marker_of_the_parser() {
        let text = r#"{"$serde_json::private::Number":"1","$serde_json::private::RawValue":"2"}"#;
        assert_eq!(canonical(text), text);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = Json::parse(&bytes);
        }

        #[test]
        fn almost_json_is_read_or_refused(text in r#"[\[\]{}:,"a-c0-9eE.+ \\u-]{0,40}"#) {
            if let Ok(value) = Json::parse(text.as_bytes()) {
                let mut out = Vec::new();
                value.write_canonical(&mut out);
                prop_assert_eq!(Json::parse(&out).unwrap(), value);
            }
        }
    }
}
