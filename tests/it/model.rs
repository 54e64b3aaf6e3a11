//! Random sequences of REST and envelope requests, and of writes of another program, against the service and against a
//! plain model in memory: after each, the answer and the table are what the model says.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use common::item::{Item, REVISION, SHARD, write_order};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tests::{Answer, Backend, Service, cases, run};

type Members = Map<String, Value>;

#[derive(Clone, Debug)]
enum Step {
    Post(&'static str, Members),
    PostWithKey(&'static str, Option<&'static str>, Members),
    Put(&'static str, Members, Condition),
    Patch(&'static str, Value, Condition),
    Delete(&'static str, Condition),
    Get(&'static str, Condition),
    List,
    ListProduct(&'static str),
    ListByDate,
    EnvelopeCreate(&'static str, Members, bool),
    EnvelopeUpdate(&'static str, Update, bool),
    EnvelopeDelete(&'static str),
    EnvelopeRead(&'static str),
    EnvelopeList,
    /// Another program, which knows nothing of bookkeeping.
    OtherPut(&'static str, Members),
}

#[derive(Clone, Copy, Debug)]
enum Condition {
    None,
    /// `*`.
    Any,
    /// The order's tag.
    Current,
    /// The tag that the order had before its last change, or one of no order.
    Stale,
    /// `If-None-Match: *`, for a `PUT`.
    Absent,
}

#[derive(Clone, Debug)]
enum Update {
    Set(Value),
    Remove,
    Add,
    OlderPut(Value),
    OlderAdd,
    OlderDelete,
    Nothing,
}

fn id() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "c"])
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-5..5_i64).prop_map(Value::from),
        prop::sample::select(vec!["", "x", "ü \" \\"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(name(), inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["n", "m", "deep"]).prop_map(str::to_owned)
}

/// A valid order without an id.
fn order() -> impl Strategy<Value = Members> {
    let product = prop::sample::select(vec!["p", "q"]);
    let price = prop::sample::select(vec!["0", "78.89", "5"]);
    let date = 0..4_u32;
    let others = prop::collection::btree_map(name(), value(), 0..3);
    (product, price, date, others).prop_map(|(product, price, date, others)| {
        let mut order: Members = others.into_iter().collect();
        order.insert("product".to_owned(), product.into());
        order.insert("price".to_owned(), serde_json::from_str(price).unwrap());
        let date = format!("2024-11-04T10:30:0{date}Z");
        order.insert("order_date".to_owned(), date.into());
        order
    })
}

/// An item that need not be a valid order.
fn some_item() -> impl Strategy<Value = Members> {
    (
        order(),
        prop::collection::vec(
            prop::sample::select(vec!["product", "price", "order_date"]),
            0..3,
        ),
    )
        .prop_map(|(mut item, missing)| {
            for name in missing {
                item.remove(name);
            }
            item
        })
}

fn patch() -> impl Strategy<Value = Value> {
    (
        prop::collection::btree_map(name(), value(), 0..3),
        prop::option::of(0..9_i64),
    )
        .prop_map(|(members, price)| {
            let mut patch: Members = members.into_iter().collect();
            if let Some(price) = price {
                patch.insert("price".to_owned(), price.into());
            }
            Value::Object(patch)
        })
}

fn condition() -> impl Strategy<Value = Condition> {
    use Condition::{Absent, Any, Current, None, Stale};
    prop::sample::select(vec![None, None, Any, Current, Stale, Absent])
}

fn update() -> impl Strategy<Value = Update> {
    prop_oneof![
        value().prop_map(Update::Set),
        Just(Update::Remove),
        Just(Update::Add),
        value().prop_map(Update::OlderPut),
        Just(Update::OlderAdd),
        Just(Update::OlderDelete),
        Just(Update::Nothing),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let key = || prop::sample::select(vec!["one", "two"]);
    prop_oneof![
        (id(), order()).prop_map(|(id, order)| Step::Post(id, order)),
        (key(), prop::option::of(id()), order())
            .prop_map(|(key, id, order)| Step::PostWithKey(key, id, order)),
        (id(), order(), condition()).prop_map(|(id, order, when)| Step::Put(id, order, when)),
        (id(), patch(), condition()).prop_map(|(id, patch, when)| Step::Patch(id, patch, when)),
        (id(), condition()).prop_map(|(id, when)| Step::Delete(id, when)),
        (id(), condition()).prop_map(|(id, when)| Step::Get(id, when)),
        Just(Step::List),
        prop::sample::select(vec!["p", "q"]).prop_map(Step::ListProduct),
        Just(Step::ListByDate),
        (id(), some_item(), any::<bool>())
            .prop_map(|(id, item, new)| Step::EnvelopeCreate(id, item, new)),
        (id(), update(), any::<bool>())
            .prop_map(|(id, update, exists)| Step::EnvelopeUpdate(id, update, exists)),
        id().prop_map(Step::EnvelopeDelete),
        id().prop_map(Step::EnvelopeRead),
        Just(Step::EnvelopeList),
        (id(), some_item()).prop_map(|(id, item)| Step::OtherPut(id, item)),
    ]
}

/// What there should be.
#[derive(Default)]
struct Model {
    items: BTreeMap<String, Stored>,
    /// By idempotency key: the request, and what it was answered.
    keys: BTreeMap<&'static str, (Value, Value, String)>,
    /// The tag that each id had before its last change.
    stale: BTreeMap<String, String>,
}

struct Stored {
    members: Members,
    tag: String,
    /// It has its bookkeeping, and is in the listing by date.
    is_complete: bool,
}

const NO_TAG: &str = "\"00000000000000000000000000000000\"";

impl Model {
    /// The headers of a condition, and whether it holds.
    fn condition(&self, id: &str, condition: Condition) -> (Option<(&'static str, String)>, bool) {
        let stored = self.items.get(id);
        let if_match = |tag: &str| Some(("if-match", tag.to_owned()));
        match condition {
            Condition::None => (None, true),
            Condition::Any => (if_match("*"), stored.is_some()),
            Condition::Absent => (Some(("if-none-match", "*".to_owned())), stored.is_none()),
            Condition::Current => match stored {
                Some(stored) => (if_match(&stored.tag), true),
                None => (if_match(NO_TAG), false),
            },
            Condition::Stale => {
                let tag = self.stale.get(id).map_or(NO_TAG, String::as_str);
                let is_current = stored.is_some_and(|stored| stored.tag == tag);
                (if_match(tag), is_current)
            }
        }
    }

    fn store(&mut self, id: &str, members: Members, tag: String, is_complete: bool) {
        let stored = Stored {
            members,
            tag,
            is_complete,
        };
        if let Some(old) = self.items.insert(id.to_owned(), stored) {
            self.stale.insert(id.to_owned(), old.tag);
        }
    }

    fn remove(&mut self, id: &str) {
        if let Some(old) = self.items.remove(id) {
            self.stale.insert(id.to_owned(), old.tag);
        }
    }
}

fn with_id(id: &str, order: &Members) -> Members {
    let mut order = order.clone();
    order.insert("id".to_owned(), id.into());
    order
}

/// The algorithm of RFC 7396 §2, word for word.
fn merge_patch(target: &Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else {
        return patch.clone();
    };
    let mut merged = target.as_object().cloned().unwrap_or_default();
    for (name, value) in patch {
        if value.is_null() {
            merged.remove(name);
        } else {
            let current = merged.get(name).cloned().unwrap_or_default();
            merged.insert(name.clone(), merge_patch(&current, value));
        }
    }
    Value::Object(merged)
}

/// The service under test, and the model of it.
struct Trial {
    service: Service,
    model: Model,
}

impl Trial {
    async fn take(&mut self, step: Step) {
        match step {
            Step::Post(id, order) => self.post(id, order).await,
            Step::PostWithKey(key, id, order) => self.post_with_key(key, id, order).await,
            Step::Put(id, order, condition) => self.put(id, order, condition).await,
            Step::Patch(id, patch, condition) => self.patch(id, patch, condition).await,
            Step::Delete(id, condition) => self.delete(id, condition).await,
            Step::Get(id, condition) => self.get(id, condition).await,
            Step::List => self.list("", |_| true).await,
            Step::ListProduct(product) => {
                let is_listed = |stored: &Stored| {
                    stored.members.get("product") == Some(&product.into())
                        && stored.members.contains_key("order_date")
                };
                self.list(&format!("&product={product}"), is_listed).await;
            }
            Step::ListByDate => {
                let is_listed = |stored: &Stored| {
                    stored.is_complete && stored.members.contains_key("order_date")
                };
                self.list("&sort=-order_date", is_listed).await;
            }
            Step::EnvelopeCreate(id, item, new) => self.envelope_create(id, item, new).await,
            Step::EnvelopeUpdate(id, update, exists) => {
                self.envelope_update(id, update, exists).await;
            }
            Step::EnvelopeDelete(id) => {
                let payload = json!({"Key": {"id": id}, "ReturnValues": "ALL_OLD"});
                let answer = self.envelope("delete", &payload).await.expect(200);
                self.expect_item(&answer, "Attributes", id);
                self.model.remove(id);
            }
            Step::EnvelopeRead(id) => {
                let payload = json!({"Key": {"id": id}});
                let answer = self.envelope("read", &payload).await.expect(200);
                self.expect_item(&answer, "Item", id);
            }
            Step::EnvelopeList => {
                let answer = self.envelope("list", &json!({})).await.expect(200).json();
                let items: BTreeSet<_> = answer["Items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(Value::to_string)
                    .collect();
                let expected = self.model.items.values();
                let expected: BTreeSet<_> = expected
                    .map(|stored| json!(stored.members).to_string())
                    .collect();
                assert_eq!(items, expected);
            }
            Step::OtherPut(id, item) => {
                let members = with_id(id, &item);
                self.service.put_item(to_item(&members)).await;
                let tag = self.tag(id).await;
                self.model.store(id, members, tag, false);
            }
        }
        self.check_table().await;
    }

    async fn tag(&self, id: &str) -> String {
        self.service
            .get(&format!("/orders/{id}"))
            .await
            .expect(200)
            .etag()
    }

    async fn post(&mut self, id: &str, order: Members) {
        let order = with_id(id, &order);
        let answer = self.service.post("/orders", json!(order).to_string()).await;
        if self.model.items.contains_key(id) {
            answer.problem(409, "already_exists");
        } else {
            let answer = answer.expect(201);
            assert_eq!(answer.json(), json!(order));
            self.model.store(id, order, answer.etag(), true);
        }
    }

    async fn post_with_key(&mut self, key: &'static str, id: Option<&str>, order: Members) {
        let body = match id {
            Some(id) => with_id(id, &order),
            None => order,
        };
        let request = json!(body);
        let post = self.service.post("/orders", request.to_string());
        let answer = post.idempotency_key(key).await;
        match self.model.keys.get(key) {
            Some((earlier, order, tag)) if *earlier == request => {
                let answer = answer.expect(201);
                assert_eq!(answer.header("idempotency-replayed"), "true");
                assert_eq!((&answer.json(), &answer.etag()), (order, tag));
            }
            Some(_) => drop(answer.problem(422, "idempotency_key_reused")),
            None if id.is_some_and(|id| self.model.items.contains_key(id)) => {
                answer.problem(409, "already_exists");
            }
            None => {
                let answer = answer.expect(201);
                let created = answer.json();
                let id = created["id"].as_str().unwrap();
                assert_eq!(created, json!(with_id(id, &body)));
                self.model
                    .store(id, with_id(id, &body), answer.etag(), true);
                self.model
                    .keys
                    .insert(key, (request, created, answer.etag()));
            }
        }
    }

    async fn put(&mut self, id: &str, order: Members, condition: Condition) {
        let (header, holds) = self.model.condition(id, condition);
        let mut call = self
            .service
            .put(&format!("/orders/{id}"), json!(order).to_string());
        if let Some((name, value)) = header {
            call = call.header(name, value);
        }
        let answer = call.await;
        if holds {
            let status = if self.model.items.contains_key(id) {
                200
            } else {
                201
            };
            let answer = answer.expect(status);
            let order = with_id(id, &order);
            assert_eq!(answer.json(), json!(order));
            self.model.store(id, order, answer.etag(), true);
        } else {
            self.expect_precondition_failed(answer, id);
        }
    }

    async fn patch(&mut self, id: &str, patch: Value, condition: Condition) {
        let (header, holds) = self.model.condition(id, condition);
        let mut call = self
            .service
            .patch(&format!("/orders/{id}"), patch.to_string());
        if let Some((name, value)) = header {
            call = call.header(name, value);
        }
        let answer = call.await;
        let Some(stored) = self.model.items.get(id) else {
            answer.problem(404, "not_found");
            return;
        };
        if !holds {
            return self.expect_precondition_failed(answer, id);
        }
        let answer = answer.expect(200);
        let merged = merge_patch(&json!(stored.members), &patch);
        assert_eq!(answer.json(), merged);
        if patch == json!({}) {
            assert_eq!(answer.etag(), stored.tag);
        } else {
            let members = merged.as_object().unwrap().clone();
            self.model.store(id, members, answer.etag(), true);
        }
    }

    async fn delete(&mut self, id: &str, condition: Condition) {
        let (header, holds) = self.model.condition(id, condition);
        let mut call = self.service.delete(&format!("/orders/{id}"));
        if let Some((name, value)) = header {
            call = call.header(name, value);
        }
        let answer = call.await;
        if !self.model.items.contains_key(id) {
            answer.problem(404, "not_found");
        } else if holds {
            answer.expect(204);
            self.model.remove(id);
        } else {
            self.expect_precondition_failed(answer, id);
        }
    }

    async fn get(&mut self, id: &str, condition: Condition) {
        let tag = match self.model.condition(id, condition).0 {
            Some(("if-match", tag)) => Some(tag),
            _ => None,
        };
        let mut call = self.service.get(&format!("/orders/{id}"));
        if let Some(tag) = &tag {
            call = call.if_none_match(tag);
        }
        let answer = call.await;
        let Some(stored) = self.model.items.get(id) else {
            answer.problem(404, "not_found");
            return;
        };
        if tag.is_some_and(|tag| tag == "*" || tag == stored.tag) {
            assert_eq!(answer.expect(304).etag(), stored.tag);
        } else {
            let answer = answer.expect(200);
            assert_eq!(
                (answer.json(), answer.etag()),
                (json!(stored.members), stored.tag.clone())
            );
        }
    }

    async fn list(&mut self, query: &str, is_listed: impl Fn(&Stored) -> bool) {
        let mut listed = Vec::new();
        let mut cursor = String::new();
        loop {
            let target = format!("/orders?limit=2{query}{cursor}");
            let page = self.service.get(&target).await.expect(200).json();
            listed.extend(page["orders"].as_array().unwrap().iter().cloned());
            let Some(next) = page["next_cursor"].as_str() else {
                break;
            };
            cursor = format!("&cursor={next}");
        }
        if !query.is_empty() {
            let dates: Vec<_> = listed
                .iter()
                .map(|order| order["order_date"].as_str().unwrap())
                .collect();
            assert!(dates.is_sorted_by(|one, next| one >= next), "{dates:?}");
        }
        let expected = self.model.items.values().filter(|stored| is_listed(stored));
        let mut expected: Vec<_> = expected
            .map(|stored| json!(stored.members).to_string())
            .collect();
        let mut listed: Vec<_> = listed.iter().map(Value::to_string).collect();
        expected.sort();
        listed.sort();
        assert_eq!(listed, expected, "{query}");
    }

    async fn envelope(&self, operation: &str, payload: &Value) -> Answer {
        self.service.envelope(operation, &payload.to_string()).await
    }

    async fn envelope_create(&mut self, id: &str, item: Members, new: bool) {
        let item = with_id(id, &item);
        let mut payload = json!({"Item": item, "ReturnValues": "ALL_OLD"});
        if new {
            payload["ConditionExpression"] = "attribute_not_exists(id) OR n = :none".into();
            payload["ExpressionAttributeValues"] = json!({":none": "none"});
        }
        let answer = self.envelope("create", &payload).await;
        if new && self.model.items.contains_key(id) {
            answer.problem(409, "condition_failed");
            return;
        }
        let answer = answer.expect(200);
        self.expect_item(&answer, "Attributes", id);
        let tag = self.tag(id).await;
        self.model.store(id, item, tag, true);
    }

    async fn envelope_update(&mut self, id: &str, update: Update, exists: bool) {
        let mut payload = json!({"Key": {"id": id}, "ReturnValues": "ALL_NEW"});
        let expression = |payload: &mut Value, text: &str, value: Option<Value>| {
            payload["UpdateExpression"] = text.into();
            if let Some(value) = value {
                payload["ExpressionAttributeValues"] = json!({":v": value});
            }
        };
        let is_old_form = matches!(
            update,
            Update::OlderPut(_) | Update::OlderAdd | Update::OlderDelete
        );
        match &update {
            Update::Set(value) => expression(&mut payload, "set n = :v", Some(value.clone())),
            Update::Remove => expression(&mut payload, "REMOVE n", None),
            Update::Add => expression(&mut payload, "ADD n :v", Some(2.into())),
            Update::OlderPut(value) => {
                payload["AttributeUpdates"] = json!({"n": {"Action": "PUT", "Value": value}});
            }
            Update::OlderAdd => {
                payload["AttributeUpdates"] = json!({"n": {"Action": "ADD", "Value": 2}});
            }
            Update::OlderDelete => {
                payload["AttributeUpdates"] = json!({"n": {"Action": "DELETE"}});
            }
            Update::Nothing => {}
        }
        if exists {
            if is_old_form {
                payload["Expected"] = json!({"id": {"ComparisonOperator": "NOT_NULL"}});
            } else {
                payload["ConditionExpression"] = "attribute_exists(id)".into();
            }
        }
        let answer = self.envelope("update", &payload).await;
        let stored = self
            .model
            .items
            .get(id)
            .map(|stored| stored.members.clone());
        if exists && stored.is_none() {
            answer.problem(409, "condition_failed");
            return;
        }
        if matches!(update, Update::OlderDelete) && stored.is_none() {
            assert_eq!(answer.expect(200).json().get("Attributes"), None);
            return;
        }
        let mut members = stored.unwrap_or_else(|| with_id(id, &Members::new()));
        match update {
            Update::Set(value) | Update::OlderPut(value) => {
                members.insert("n".to_owned(), value);
            }
            Update::Remove | Update::OlderDelete => {
                members.remove("n");
            }
            Update::Add | Update::OlderAdd => {
                let current = members.get("n").map_or(Some(0), Value::as_i64);
                let Some(current) = current else {
                    answer.problem(400, "invalid_request");
                    return;
                };
                members.insert("n".to_owned(), (current + 2).into());
            }
            Update::Nothing => {}
        }
        let answer = answer.expect(200);
        assert_eq!(answer.json()["Attributes"], json!(members));
        let tag = self.tag(id).await;
        let before = self.model.items.get(id).map(|stored| &stored.tag);
        assert_ne!(before, Some(&tag), "every write changes the tag");
        self.model.store(id, members, tag, true);
    }

    /// The item as the model has it stands in the answer under this name, or nothing where it has none.
    fn expect_item(&self, answer: &Answer, name: &str, id: &str) {
        let expected = self.model.items.get(id).map(|stored| json!(stored.members));
        assert_eq!(answer.json().get(name), expected.as_ref());
    }

    fn expect_precondition_failed(&self, answer: Answer, id: &str) {
        let problem = answer.problem(412, "precondition_failed");
        let tag = self.model.items.get(id).map(|stored| stored.tag.as_str());
        assert_eq!(problem.answer.find_header("etag"), tag);
    }

    /// The table holds what the model holds; what the service wrote has its bookkeeping.
    async fn check_table(&self) {
        let items = self.service.items().await;
        let shown = |item: &Item| {
            let mut json = Vec::new();
            write_order(item, &mut json);
            serde_json::from_slice::<Value>(&json).unwrap()
        };
        let found: BTreeMap<_, _> = items
            .iter()
            .map(|(id, item)| (id.clone(), shown(item)))
            .collect();
        let expected: BTreeMap<_, _> = self
            .model
            .items
            .iter()
            .map(|(id, stored)| (id.clone(), json!(stored.members)))
            .collect();
        assert_eq!(found, expected);
        for (id, stored) in &self.model.items {
            let is_complete = items[id].contains_key(REVISION) && items[id].contains_key(SHARD);
            assert_eq!(is_complete, stored.is_complete, "{id}");
        }
    }
}

fn to_item(members: &Members) -> Item {
    members
        .iter()
        .map(|(name, value)| (name.clone(), to_attribute(value)))
        .collect()
}

fn to_attribute(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(value) => AttributeValue::Bool(*value),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Array(elements) => AttributeValue::L(elements.iter().map(to_attribute).collect()),
        Value::Object(members) => AttributeValue::M(to_item(members)),
    }
}

proptest! {
    #![proptest_config(cases(24))]
    #[test]
    fn the_service_does_what_a_plain_model_does(steps in prop::collection::vec(step(), 1..40)) {
        run(async {
            let service = Service::start(Backend::Local).await;
            let mut trial = Trial { service, model: Model::default() };
            for step in steps {
                trial.take(step).await;
            }
        });
    }
}
