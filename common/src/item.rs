//! JSON ↔ DynamoDB items, exact in both directions, without any request being made.

use std::collections::{BTreeMap, HashMap};

pub use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::base64;

use crate::json::{self, Json};
use crate::number::{self, Decimal};
use crate::violation::{Violations, pointer_to};

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
    pointer: &str,
    level: usize,
    max_levels: usize,
    violations: &mut Violations,
) -> AttributeValue {
    if matches!(value, Json::Array(_) | Json::Object(_)) && level >= max_levels {
        violations.add(
            pointer,
            format!("must not nest more than {max_levels} levels"),
        );
        return AttributeValue::Null(true);
    }
    match value {
        Json::Null => AttributeValue::Null(true),
        Json::Bool(value) => AttributeValue::Bool(*value),
        Json::String(text) => AttributeValue::S(text.clone()),
        Json::Number(number) => match number.to_decimal() {
            Ok(decimal) => AttributeValue::N(decimal.to_plain()),
            Err(error) => {
                violations.add(pointer, error.detail());
                AttributeValue::Null(true)
            }
        },
        Json::Array(elements) => {
            let element = |(index, element): (usize, &Json)| {
                to_attribute(
                    element,
                    &pointer_to(pointer, &index.to_string()),
                    level + 1,
                    max_levels,
                    violations,
                )
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
    pointer: &str,
    level: usize,
    max_levels: usize,
    violations: &mut Violations,
) -> Item {
    let member = |(name, value): (&String, &Json)| {
        let pointer = pointer_to(pointer, name);
        check_name(name, &pointer, violations);
        (
            name.clone(),
            to_attribute(value, &pointer, level, max_levels, violations),
        )
    };
    members.iter().map(member).collect()
}

/// DynamoDB takes no attribute without a name, nor one over 64 KB.
pub fn check_name(name: &str, pointer: &str, violations: &mut Violations) {
    if name.is_empty() {
        violations.add(
            pointer,
            "must have a name: DynamoDB has no attribute with an empty one",
        );
    } else if name.len() > MAX_NAME_BYTES {
        violations.add(
            "",
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
        write_member(name, value, out)
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
            json::write_sequence(b'[', elements, b']', out, write_attribute)
        }
        AttributeValue::M(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            json::write_sequence(b'{', sorted, b'}', out, |(name, value), out| {
                write_member(name, value, out)
            });
        }
        AttributeValue::Ss(texts) => {
            let mut sorted: Vec<_> = texts.iter().collect();
            sorted.sort_unstable();
            json::write_sequence(b'[', sorted, b']', out, |text, out| {
                json::write_string(text, out)
            });
        }
        AttributeValue::Ns(numbers) => {
            let mut sorted: Vec<_> = numbers.iter().collect();
            sorted.sort_by_cached_key(|number| (Decimal::parse(number), (*number).clone()));
            json::write_sequence(b'[', sorted, b']', out, |number, out| {
                write_number(number, out)
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
