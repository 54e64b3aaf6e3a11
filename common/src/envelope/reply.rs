//! The answers of the five calls, in the shape that boto3 and the `DocumentClient` give them.

use aws_sdk_dynamodb::types::{Capacity, ConsumedCapacity, ItemCollectionMetrics};

use crate::item::{AttributeValue, Item, is_bookkeeping, write_attribute, write_order};
use crate::json::{write_sequence, write_string};
use crate::store::DATE_INDEX;

use super::Table;

/// An answer in the making: members in the order they are added.
#[derive(Default)]
pub struct Reply {
    members: Vec<(&'static str, Vec<u8>)>,
}

impl Reply {
    /// Adds an item without its bookkeeping; nothing where nothing is left of it.
    pub fn item(mut self, name: &'static str, item: Option<&Item>) -> Self {
        if let Some(item) = item.filter(|item| item.keys().any(|name| !is_bookkeeping(name))) {
            self.members
                .push((name, to_json(|out| write_order(item, out))));
        }
        self
    }

    pub fn key(self, name: &'static str, key: Option<&Item>) -> Self {
        self.item(name, key)
    }

    /// Adds an item that may be empty: a projection can leave nothing of what was found.
    pub fn found(mut self, name: &'static str, item: Option<&Item>) -> Self {
        if let Some(item) = item {
            self.members
                .push((name, to_json(|out| write_order(item, out))));
        }
        self
    }

    pub fn items(mut self, items: Option<&[Item]>) -> Self {
        if let Some(items) = items {
            self.members.push((
                "Items",
                to_json(|out| write_sequence(b'[', items, b']', out, write_order)),
            ));
        }
        self
    }

    pub fn count(mut self, name: &'static str, count: i32) -> Self {
        self.members.push((name, count.to_string().into_bytes()));
        self
    }

    pub fn capacity(mut self, table: &Table, consumed: Option<&ConsumedCapacity>) -> Self {
        if let Some(consumed) = consumed {
            self.members
                .push(("ConsumedCapacity", capacity_json(table, consumed)));
        }
        self
    }

    pub fn collection_metrics(mut self, metrics: Option<&ItemCollectionMetrics>) -> Self {
        let Some(metrics) = metrics else { return self };
        let mut members = Vec::new();
        if let Some(key) = metrics.item_collection_key() {
            members.push((
                "ItemCollectionKey",
                to_json(|out| write_attribute(&AttributeValue::M(key.clone()), out)),
            ));
        }
        let range = metrics.size_estimate_range_gb();
        let write =
            |bound: &f64, out: &mut Vec<u8>| out.extend_from_slice(format!("{bound:?}").as_bytes());
        members.push((
            "SizeEstimateRangeGB",
            to_json(|out| write_sequence(b'[', range, b']', out, write)),
        ));
        self.members
            .push(("ItemCollectionMetrics", object(members)));
        self
    }

    /// The answer, with what every call says of itself.
    pub fn finish(mut self, request_id: Option<&str>, attempts: u32) -> Vec<u8> {
        let metadata = vec![
            (
                "RequestId",
                to_json(|out| write_string(request_id.unwrap_or_default(), out)),
            ),
            ("HTTPStatusCode", b"200".to_vec()),
            (
                "RetryAttempts",
                attempts.saturating_sub(1).to_string().into_bytes(),
            ),
        ];
        self.members.push(("ResponseMetadata", object(metadata)));
        object(self.members)
    }
}

fn capacity_json(table: &Table, consumed: &ConsumedCapacity) -> Vec<u8> {
    let units = |units: f64| format!("{units:?}").into_bytes();
    let mut members = vec![(
        "TableName",
        to_json(|out| write_string(&table.logical, out)),
    )];
    let mut add = |name: &'static str, value: Option<f64>| {
        members.extend(value.map(|value| (name, units(value))));
    };
    add("CapacityUnits", consumed.capacity_units());
    add("ReadCapacityUnits", consumed.read_capacity_units());
    add("WriteCapacityUnits", consumed.write_capacity_units());
    let one = |capacity: &Capacity| {
        object(vec![(
            "CapacityUnits",
            units(capacity.capacity_units().unwrap_or_default()),
        )])
    };
    if let Some(capacity) = consumed.table() {
        members.push(("Table", one(capacity)));
    }
    if let Some(indexes) = consumed.global_secondary_indexes() {
        // The by-date index is bookkeeping: its units count in the sum, its name is nobody's.
        let mut shown: Vec<_> = indexes
            .iter()
            .filter(|(name, _)| *name != DATE_INDEX)
            .collect();
        shown.sort_unstable_by_key(|(name, _)| *name);
        if !shown.is_empty() {
            members.push((
                "GlobalSecondaryIndexes",
                to_json(|out| {
                    write_sequence(b'{', shown, b'}', out, |(name, capacity), out| {
                        write_string(name, out);
                        out.push(b':');
                        out.extend_from_slice(&one(capacity));
                    });
                }),
            ));
        }
    }
    object(members)
}

fn object(members: Vec<(&str, Vec<u8>)>) -> Vec<u8> {
    to_json(|out| {
        write_sequence(b'{', members, b'}', out, |(name, json), out| {
            write_string(name, out);
            out.push(b':');
            out.extend_from_slice(&json);
        });
    })
}

fn to_json(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut json = Vec::new();
    write(&mut json);
    json
}
