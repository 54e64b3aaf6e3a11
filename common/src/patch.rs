//! JSON Merge Patch (RFC 7396), parsed once into changes of attributes. No request is made here.

use std::collections::BTreeMap;

use crate::item::{self, AttributeValue, ID, Item, ORDER_DATE, PRICE, PRODUCT, to_attribute};
use crate::json::Json;
use crate::order::{Fields, MAX_LEVELS, at, check_attribute_name, check_same_id, object};
use crate::problem::Problem;
use crate::violation::{Pointer, Violations};

/// What a merge patch does to an order: a change for each top-level attribute that it names.
#[derive(Clone, Debug, PartialEq)]
pub struct MergePatch {
    changes: BTreeMap<String, Change>,
}

/// What happens to one attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Remove,
    Set(AttributeValue),
    /// The members of a map change, each in its way; what is no map becomes one.
    Merge(BTreeMap<String, Change>),
}

impl MergePatch {
    /// The patch that `PATCH /orders/{id}` asks for. Only what it names is validated.
    pub fn parse(path_id: &str, body: &Json) -> Result<Self, Problem> {
        let members = object(body)?;
        let mut violations = Violations::default();
        let mut changes = BTreeMap::new();
        let is_removed = |name: &str| members.get(name) == Some(&Json::Null);
        for name in [ID, PRODUCT, PRICE, ORDER_DATE] {
            if is_removed(name) {
                violations.add(at(name), "must not be removed");
            }
        }
        let named: BTreeMap<_, _> = members
            .iter()
            .filter(|(_, value)| **value != Json::Null)
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let mut fields = Fields::read(&named, &mut violations);
        check_same_id(path_id, fields.id.as_deref(), &mut violations);
        fields.id = None;
        fields.check(&mut violations);
        changes.extend(
            fields
                .into_attributes()
                .into_iter()
                .map(|(name, value)| (name, Change::Set(value))),
        );
        for (name, value) in members {
            if ![ID, PRODUCT, PRICE, ORDER_DATE].contains(&name.as_str()) {
                let pointer = at(name);
                check_attribute_name(name, &pointer, &mut violations);
                changes.insert(name.clone(), change(value, &pointer, 1, &mut violations));
            }
        }
        if violations.is_empty() {
            Ok(Self { changes })
        } else {
            Err(Problem::Invalid(violations))
        }
    }

    /// The changes by attribute.
    #[must_use]
    pub fn changes(&self) -> &BTreeMap<String, Change> {
        &self.changes
    }

    /// `{}`: nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether the result does not depend on what is there: nothing merges.
    #[must_use]
    pub fn is_flat(&self) -> bool {
        self.merged_into().next().is_none()
    }

    /// The attributes that the patch merges into: the result depends on what is there.
    pub fn merged_into(&self) -> impl Iterator<Item = &String> {
        let merges = |(_, change): &(&String, &Change)| matches!(change, Change::Merge(_));
        self.changes.iter().filter(merges).map(|(name, _)| name)
    }

    /// The order after the patch.
    #[must_use]
    pub fn apply(&self, mut item: Item) -> Item {
        apply(&self.changes, &mut item);
        item
    }
}

impl Change {
    /// The attribute after the change.
    #[must_use]
    pub fn apply(&self, current: Option<AttributeValue>) -> Option<AttributeValue> {
        match self {
            Self::Remove => None,
            Self::Set(value) => Some(value.clone()),
            Self::Merge(changes) => {
                let mut members = match current {
                    Some(AttributeValue::M(members)) => members,
                    _ => Item::new(),
                };
                apply(changes, &mut members);
                Some(AttributeValue::M(members))
            }
        }
    }
}

fn apply(changes: &BTreeMap<String, Change>, members: &mut Item) {
    for (name, change) in changes {
        let current = members.remove(name);
        if let Some(value) = change.apply(current) {
            members.insert(name.clone(), value);
        }
    }
}

fn change(
    value: &Json,
    pointer: &Pointer<'_>,
    level: usize,
    violations: &mut Violations,
) -> Change {
    match value {
        Json::Null => Change::Remove,
        Json::Object(_) if level >= MAX_LEVELS => {
            violations.add(
                pointer,
                format!("must not nest more than {MAX_LEVELS} levels"),
            );
            Change::Remove
        }
        Json::Object(members) => {
            let member = |(name, value): (&String, &Json)| {
                let pointer = Pointer::Member(pointer, name);
                item::check_name(name, &pointer, violations);
                (name.clone(), change(value, &pointer, level + 1, violations))
            };
            Change::Merge(members.iter().map(member).collect())
        }
        other => Change::Set(to_attribute(other, pointer, level, MAX_LEVELS, violations)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::item::{to_item, write_attribute};

    fn object_of(text: &str) -> BTreeMap<String, Json> {
        match Json::parse(text.as_bytes()).unwrap() {
            Json::Object(members) => members,
            other => panic!("{other:?}"),
        }
    }

    fn merged(target: &str, patch: &str) -> String {
        let mut violations = Violations::default();
        let item = to_item(
            &object_of(target),
            &Pointer::Base(""),
            1,
            MAX_LEVELS,
            &mut violations,
        );
        let patch = MergePatch::parse("x", &Json::parse(patch.as_bytes()).unwrap()).unwrap();
        let mut out = Vec::new();
        write_attribute(&AttributeValue::M(patch.apply(item)), &mut out);
        String::from_utf8(out).unwrap()
    }

    /// The examples of RFC 7396, Appendix A, whose target and patch are objects.
    #[rstest]
    #[case(r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#)]
    #[case(r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#)]
    #[case(r#"{"a":"b"}"#, r#"{"a":null}"#, r"{}")]
    #[case(r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#)]
    #[case(r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#)]
    #[case(r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#)]
    #[case(
        r#"{"a":{"b":"c"}}"#,
        r#"{"a":{"b":"d","c":null}}"#,
        r#"{"a":{"b":"d"}}"#
    )]
    #[case(r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#)]
    #[case(r#"{"e":null}"#, r#"{"a":1}"#, r#"{"a":1,"e":null}"#)]
    #[case(r"{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#)]
    fn the_examples_of_the_rfc_hold(
        #[case] target: &str,
        #[case] patch: &str,
        #[case] result: &str,
    ) {
        assert_eq!(merged(target, patch), result);
    }

    #[rstest]
    #[case(r#"{"product":null,"price":null,"order_date":null,"id":null}"#, 4)]
    #[case(r#"{"id":"y"}"#, 1)]
    #[case(r#"{"product":"","price":"1","order_date":"x"}"#, 3)]
    #[case(r#"{"product":{}}"#, 1)]
    #[case(r#"{"_rev":null,"_shard":"1"}"#, 2)]
    #[case(r#"{"a":{"":null}}"#, 1)]
    fn what_no_order_may_become_is_refused(#[case] patch: &str, #[case] count: usize) {
        match MergePatch::parse("x", &Json::parse(patch.as_bytes()).unwrap()) {
            Err(Problem::Invalid(violations)) => assert_eq!(violations.into_list().len(), count),
            other => panic!("{other:?}"),
        }
    }

    /// RFC 7396 §2, as it is written there.
    fn merge_patch(target: Option<Json>, patch: &Json) -> Json {
        let Json::Object(patch) = patch else {
            return patch.clone();
        };
        let mut members = match target {
            Some(Json::Object(members)) => members,
            _ => BTreeMap::new(),
        };
        for (name, value) in patch {
            if *value == Json::Null {
                members.remove(name);
            } else {
                let current = members.remove(name);
                members.insert(name.clone(), merge_patch(current, value));
            }
        }
        Json::Object(members)
    }

    fn any_json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::Bool),
            any::<i32>()
                .prop_map(|n| Json::Number(crate::number::Number::from_json(&n.to_string()))),
            "[a-c]{0,2}".prop_map(Json::String),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Json::Array),
                any_object(inner),
            ]
        })
    }

    fn any_object(values: impl Strategy<Value = Json>) -> impl Strategy<Value = Json> {
        prop::collection::btree_map("[a-c]{1,2}", values, 0..4).prop_map(Json::Object)
    }

    proptest! {
        #[test]
        fn a_merge_is_what_the_algorithm_of_the_rfc_says(
            target in any_object(any_json()),
            patch in any_object(any_json()),
        ) {
            let text = |json: &Json| {
                let mut out = Vec::new();
                json.write_canonical(&mut out);
                String::from_utf8(out).unwrap()
            };
            let expected = text(&merge_patch(Some(target.clone()), &patch));
            prop_assert_eq!(merged(&text(&target), &text(&patch)), expected);
        }
    }
}
