//! Items, as another program has them.

use aws_sdk_dynamodb::types::AttributeValue;
use common::item::Item;

pub fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub fn number(number: &str) -> AttributeValue {
    AttributeValue::N(number.to_owned())
}

/// An item with these attributes.
pub fn item<const N: usize>(attributes: [(&str, AttributeValue); N]) -> Item {
    attributes
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}
