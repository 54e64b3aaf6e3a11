//! JSON ↔ DynamoDB items, exact in both directions, without any request being made.

use std::collections::{BTreeMap, HashMap};

pub use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::base64;

use crate::json::{self, Json};
use crate::number::{self, Decimal};
use crate::violation::{Pointer, Violations};

/// A DynamoDB item: its attributes by name.
pub type Item = HashMap<String, AttributeValue>;

/// The key of every order.
pub const ID: &str = "id";
pub const PRODUCT: &str = "product";
pub const PRICE: &str = "price";
pub const ORDER_DATE: &str = "order_date";
/// The revision: the service's own bookkeeping, on every item that it wrote.
pub const REVISION: &str = "_rev";
/// The shard of the by-date index: the service's own bookkeeping too.
pub const SHARD: &str = "_shard";

/// The attributes that come first in answers, in this order.
const LEADING: [&str; 4] = [ID, PRODUCT, PRICE, ORDER_DATE];
/// DynamoDB's limit for an item, names and values
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>).
pub const MAX_ITEM_BYTES: usize = 400 * 1024;
/// DynamoDB's limit for an attribute's name.
const MAX_NAME_BYTES: usize = 65_535;

/// Whether the service keeps this top-level attribute for itself.
#[must_use]
pub fn is_bookkeeping(name: &str) -> bool {
    name == REVISION || name == SHARD
}

/// The attribute value of a JSON value at `pointer`. What DynamoDB could not keep exactly is added to
/// `violations`, and stands as null in the result.
///
/// `level` counts the arrays and objects around the value; more than `max_levels` of them, the value's own
/// included, are a violation.
#[must_use]
pub fn to_attribute(
    value: &Json,
    pointer: &Pointer<'_>,
    level: usize,
    max_levels: usize,
    violations: &mut Violations,
) -> AttributeValue {
    let nests = matches!(value, Json::Array(_) | Json::Object(_));
    if (nests && level >= max_levels) || *value == Json::TooDeep {
        violations.add(
            pointer,
            format!("must not nest more than {max_levels} levels"),
        );
        return AttributeValue::Null(true);
    }
    match value {
        // What nests too deep is a violation, above.
        Json::Null | Json::TooDeep => AttributeValue::Null(true),
        Json::Bool(value) => AttributeValue::Bool(*value),
        Json::String(text) => AttributeValue::S(text.clone()),
        Json::Number(number) => match number.to_decimal() {
            Ok(decimal) => AttributeValue::N(decimal.to_short()),
            Err(error) => {
                violations.add(pointer, error.detail());
                AttributeValue::Null(true)
            }
        },
        Json::Array(elements) => {
            let element = |(index, element): (usize, &Json)| {
                let pointer = Pointer::Element(pointer, index);
                to_attribute(element, &pointer, level + 1, max_levels, violations)
            };
            AttributeValue::L(elements.iter().enumerate().map(element).collect())
        }
        Json::Object(members) => {
            AttributeValue::M(to_item(members, pointer, level + 1, max_levels, violations))
        }
    }
}

/// The attributes of a JSON object's members; see [`to_attribute`].
#[must_use]
pub fn to_item(
    members: &BTreeMap<String, Json>,
    pointer: &Pointer<'_>,
    level: usize,
    max_levels: usize,
    violations: &mut Violations,
) -> Item {
    let member = |(name, value): (&String, &Json)| {
        let pointer = Pointer::Member(pointer, name);
        check_name(name, &pointer, violations);
        (
            name.clone(),
            to_attribute(value, &pointer, level, max_levels, violations),
        )
    };
    members.iter().map(member).collect()
}

/// DynamoDB takes no attribute without a name, nor one over 64 KB.
pub fn check_name(name: &str, pointer: &Pointer<'_>, violations: &mut Violations) {
    if name.is_empty() {
        violations.add(
            pointer,
            "must have a name: DynamoDB has no attribute with an empty one",
        );
    } else if name.len() > MAX_NAME_BYTES {
        violations.add(
            Pointer::Base(""),
            format!("attribute names must not be longer than {MAX_NAME_BYTES} bytes"),
        );
    }
}

/// Appends the item as JSON: the order's four fields, then the rest by name; without bookkeeping.
pub fn write_order(item: &Item, out: &mut Vec<u8>) {
    let leading = LEADING.iter().filter_map(|name| item.get_key_value(*name));
    let mut rest: Vec<_> = item
        .iter()
        .filter(|(name, _)| !LEADING.contains(&name.as_str()))
        .collect();
    rest.sort_unstable_by_key(|(name, _)| *name);
    let shown = leading
        .chain(rest)
        .filter(|(name, _)| !is_bookkeeping(name));
    json::write_sequence(b'{', shown, b'}', out, |(name, value), out| {
        write_member(name, value, out);
    });
}

/// Appends an attribute value as JSON, sorted at every level: sets come out as arrays, binary as base64.
pub fn write_attribute(value: &AttributeValue, out: &mut Vec<u8>) {
    match value {
        AttributeValue::S(text) => json::write_string(text, out),
        AttributeValue::N(number) => write_number(number, out),
        AttributeValue::Bool(true) => out.extend_from_slice(b"true"),
        AttributeValue::Bool(false) => out.extend_from_slice(b"false"),
        AttributeValue::B(blob) => json::write_string(&base64::encode(blob), out),
        AttributeValue::L(elements) => {
            json::write_sequence(b'[', elements, b']', out, write_attribute);
        }
        AttributeValue::M(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            json::write_sequence(b'{', sorted, b'}', out, |(name, value), out| {
                write_member(name, value, out);
            });
        }
        AttributeValue::Ss(texts) => {
            let mut sorted: Vec<_> = texts.iter().collect();
            sorted.sort_unstable();
            json::write_sequence(b'[', sorted, b']', out, |text, out| {
                json::write_string(text, out);
            });
        }
        AttributeValue::Ns(numbers) => {
            let mut sorted: Vec<_> = numbers.iter().collect();
            sorted.sort_by_cached_key(|number| (Decimal::parse(number), (*number).clone()));
            json::write_sequence(b'[', sorted, b']', out, |number, out| {
                write_number(number, out);
            });
        }
        AttributeValue::Bs(blobs) => {
            let mut sorted: Vec<_> = blobs.iter().map(AsRef::as_ref).collect();
            sorted.sort_unstable();
            json::write_sequence(b'[', sorted, b']', out, |blob: &[u8], out| {
                json::write_string(&base64::encode(blob), out);
            });
        }
        // Null, and whatever DynamoDB may add.
        _ => out.extend_from_slice(b"null"),
    }
}

fn write_member(name: &str, value: &AttributeValue, out: &mut Vec<u8>) {
    json::write_string(name, out);
    out.push(b':');
    write_attribute(value, out);
}

fn write_number(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(number::plain_or_as_it_is(text).as_bytes());
}

/// The item's size in bytes as DynamoDB counts it against its 400 KB
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>).
#[must_use]
pub fn size_bytes(item: &Item) -> usize {
    item.iter()
        .map(|(name, value)| name.len() + value_bytes(value))
        .sum()
}

fn value_bytes(value: &AttributeValue) -> usize {
    /// What a list or a map takes besides its elements, and each element besides itself.
    const CONTAINER: usize = 3;
    const ELEMENT: usize = 1;
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => number_bytes(number),
        AttributeValue::B(blob) => blob.as_ref().len(),
        AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
        AttributeValue::Ns(numbers) => numbers.iter().map(|number| number_bytes(number)).sum(),
        AttributeValue::Bs(blobs) => blobs.iter().map(|blob| blob.as_ref().len()).sum(),
        AttributeValue::L(elements) => {
            CONTAINER
                + elements
                    .iter()
                    .map(|element| ELEMENT + value_bytes(element))
                    .sum::<usize>()
        }
        AttributeValue::M(members) => CONTAINER + members.len() * ELEMENT + size_bytes(members),
        // Null and booleans take one byte.
        _ => 1,
    }
}

/// One byte for two significant digits, one more, and one for a minus.
fn number_bytes(text: &str) -> usize {
    Decimal::parse(text).map_or(text.len(), |decimal| {
        decimal.significant_digits().div_ceil(2) + 1 + usize::from(decimal.is_negative())
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::primitives::Blob;
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::number::Number;

    fn json_of(value: &AttributeValue) -> String {
        let mut out = Vec::new();
        write_attribute(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn sets_are_sorted_arrays_and_binary_is_base64() {
        let blob = |bytes: &[u8]| Blob::new(bytes);
        assert_eq!(
            json_of(&AttributeValue::Ss(strings(&["b", "a"]))),
            r#"["a","b"]"#
        );
        assert_eq!(
            json_of(&AttributeValue::Ns(strings(&["10", "9", "-1.50"]))),
            "[-1.5,9,10]"
        );
        assert_eq!(json_of(&AttributeValue::B(blob(&[0, 255]))), r#""AP8=""#);
        assert_eq!(
            json_of(&AttributeValue::Bs(vec![blob(b"b"), blob(b"a")])),
            r#"["YQ==","Yg=="]"#
        );
    }

    #[test]
    fn an_order_shows_its_fields_first_and_no_bookkeeping() {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let members = [
            ("_rev", "r"),
            ("_shard", "0"),
            ("zeta", "z"),
            ("Alpha", "a"),
            ("order_date", "d"),
            ("id", "i"),
        ];
        let item: Item = members
            .iter()
            .map(|(name, value)| ((*name).to_owned(), text(value)))
            .collect();
        let mut out = Vec::new();
        write_order(&item, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"{"id":"i","order_date":"d","Alpha":"a","zeta":"z"}"#
        );
    }

    #[rstest]
    #[case("1E+2", "100")]
    #[case("0.10", "0.1")]
    #[case("not a number", "not a number")]
    fn a_number_of_any_engine_goes_out_plain(#[case] stored: &str, #[case] shown: &str) {
        assert_eq!(json_of(&AttributeValue::N(stored.to_owned())), shown);
    }

    /// By the examples and rules of DynamoDB's documentation of item sizes.
    #[rstest]
    #[case(AttributeValue::S("Shoes".to_owned()), 5)]
    #[case(AttributeValue::S("é".to_owned()), 2)]
    #[case(AttributeValue::N("27".to_owned()), 2)]
    #[case(AttributeValue::N("-27".to_owned()), 3)]
    #[case(AttributeValue::N("103".to_owned()), 3)]
    #[case(AttributeValue::N("1000000".to_owned()), 2)]
    #[case(AttributeValue::Null(true), 1)]
    #[case(AttributeValue::Bool(false), 1)]
    #[case(AttributeValue::L(vec![]), 3)]
    #[case(AttributeValue::L(vec![AttributeValue::Null(true); 2]), 7)]
    #[case(AttributeValue::M([("ab".to_owned(), AttributeValue::Null(true))].into()), 7)]
    fn sizes_are_counted_as_dynamodb_counts_them(
        #[case] value: AttributeValue,
        #[case] bytes: usize,
    ) {
        assert_eq!(
            size_bytes(&Item::from([("n".to_owned(), value)])),
            1 + bytes
        );
    }

    /// Everything that DynamoDB holds and JSON can say.
    fn any_json() -> impl Strategy<Value = Json> {
        let number = "-?(0|[1-9][0-9]{0,18})(\\.[0-9]{1,18})?([eE][+-]?[0-9]{1,2})?";
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::Bool),
            number.prop_map(|text| Json::Number(Number::from_json(&text))),
            ".{0,8}".prop_map(Json::String),
        ];
        leaf.prop_recursive(5, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Json::Array),
                prop::collection::btree_map(".{1,6}", inner, 0..5).prop_map(Json::Object),
            ]
        })
    }

    proptest! {
        #[test]
        fn json_comes_back_as_it_went_in(value in any_json()) {
            let mut violations = Violations::default();
            let attribute = to_attribute(&value, &Pointer::Base(""), 0, 32, &mut violations);
            prop_assert!(violations.is_empty(), "{:?}", violations);
            let text = json_of(&attribute);
            prop_assert_eq!(Json::parse(text.as_bytes()).unwrap(), value.clone());
            let mut canonical = Vec::new();
            value.write_canonical(&mut canonical);
            prop_assert_eq!(text.into_bytes(), canonical);
        }
    }
}
