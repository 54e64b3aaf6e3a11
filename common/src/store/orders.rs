//! Get, create, replace and delete one order.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use sha2::{Digest, Sha256};

use super::connection::{Attempts, ConditionFailure, database_problem, item_too_large};
use super::{Store, StoredOrder};
use crate::answer::{MAX_ANSWER_BYTES, escaped_bytes};
use crate::item::{AttributeValue, ID, Item, MAX_ITEM_BYTES, REVISION, SHARD, size_bytes};
use crate::order::{Order, OrderId};
use crate::problem::Problem;
use crate::revision::{EntityTag, Precondition, Revision};

/// How many partitions the by-date index is spread over: about as many thousand writes a second. Items keep
/// the shard they were written with, so this can't change without rewriting them all.
pub const SHARDS: u8 = 8;
/// How many tags one condition may list: an `IN` of DynamoDB takes no more.
const MAX_LISTED_TAGS: usize = 100;
/// How often a write is tried whose precondition has to be checked against an item that was read first.
const MAX_ROUNDS: usize = 5;

/// The shard of the by-date index that the order with this id is in.
#[must_use]
pub fn shard_of(id: &str) -> AttributeValue {
    AttributeValue::S((Sha256::digest(id)[0] % SHARDS).to_string())
}

impl Store {
    /// The order as it is now (strongly consistent).
    pub async fn get(&self, id: &OrderId) -> Result<StoredOrder, Problem> {
        self.read(id)
            .await?
            .map(StoredOrder)
            .ok_or(Problem::NotFound)
    }

    pub(super) async fn read(&self, id: &OrderId) -> Result<Option<Item>, Problem> {
        let get = self
            .client
            .get_item()
            .table_name(&self.config.table)
            .key(ID, key(id))
            .consistent_read(true);
        Ok(get.send().await.map_err(database_problem)?.item)
    }

    /// Stores a new order; [`Problem::AlreadyExists`] where its id is taken.
    pub async fn create(&self, order: Order) -> Result<StoredOrder, Problem> {
        let revision = Revision::new();
        let item = complete(order, &revision)?;
        match self.put(&item, &revision, Requirement::Absent).await? {
            Put::Done { .. } => Ok(StoredOrder(item)),
            Put::Refused(_) => Err(Problem::AlreadyExists),
        }
    }

    /// Stores an order in place of the one with its id, if there is one.
    pub async fn replace(
        &self,
        order: Order,
        precondition: &Precondition,
    ) -> Result<Replaced, Problem> {
        let id = order.id().clone();
        let revision = Revision::new();
        let item = complete(order, &revision)?;
        for _ in 0..MAX_ROUNDS {
            let requirement = match self.requirement(&id, precondition).await? {
                Ok(requirement) => requirement,
                Err(unmet) => return Err(unmet.problem()),
            };
            let rereads = requirement.rereads();
            match self.put(&item, &revision, requirement).await? {
                Put::Done { created } => {
                    return Ok(Replaced {
                        order: StoredOrder(item),
                        created,
                    });
                }
                Put::Refused(_) if rereads => {}
                Put::Refused(current) => return Err(Unmet { current }.problem()),
            }
        }
        Err(Problem::PreconditionFailed { current: None })
    }

    async fn put(
        &self,
        item: &Item,
        revision: &Revision,
        requirement: Requirement,
    ) -> Result<Put, Problem> {
        let created_by_requirement = requirement == Requirement::Absent;
        let condition = Condition::new(requirement, revision);
        let put = self
            .client
            .put_item()
            .table_name(&self.config.table)
            .set_item(Some(item.clone()))
            .condition_expression(condition.expression)
            .set_expression_attribute_names(Some(condition.names))
            .set_expression_attribute_values(Some(condition.values))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match put.send().await {
            Ok(output) => Ok(Put::Done {
                created: output.attributes.is_none(),
            }),
            Err(error) => match error.current_item() {
                // Our own first attempt, whose answer was lost; what it replaced was lost with it.
                Ok(Some(current)) if revision.made(&current) => Ok(Put::Done {
                    created: created_by_requirement,
                }),
                Ok(current) => Ok(Put::Refused(current)),
                Err(error) => Err(database_problem(error)),
            },
        }
    }

    /// Deletes the order.
    pub async fn delete(&self, id: &OrderId, precondition: &Precondition) -> Result<(), Problem> {
        // A delete leaves nothing to recognise it by: one that lost an answer and finds nothing has found its own
        // work.
        let precondition = precondition.of_existing();
        let attempts = Attempts::default();
        for _ in 0..MAX_ROUNDS {
            let requirement = match self.requirement(id, &precondition).await? {
                Ok(requirement) => requirement.of_existing(),
                Err(Unmet { current: None }) if attempts.lost_an_answer() => return Ok(()),
                Err(unmet) => return Err(unmet.problem_of_existing()),
            };
            let rereads = requirement.rereads();
            let condition = Condition::of_requirement(requirement);
            let delete = self
                .client
                .delete_item()
                .table_name(&self.config.table)
                .key(ID, key(id))
                .condition_expression(condition.expression)
                .set_expression_attribute_names(Some(condition.names))
                .set_expression_attribute_values(non_empty(condition.values))
                .return_values_on_condition_check_failure(
                    ReturnValuesOnConditionCheckFailure::AllOld,
                );
            let Err(error) = delete
                .customize()
                .interceptor(attempts.clone())
                .send()
                .await
            else {
                return Ok(());
            };
            match error.current_item() {
                Ok(None) if attempts.lost_an_answer() => return Ok(()),
                Ok(Some(_)) if rereads => {}
                Ok(current) => return Err(Unmet { current }.problem_of_existing()),
                Err(error) => return Err(database_problem(error)),
            }
        }
        Err(Problem::PreconditionFailed { current: None })
    }

    /// What the table must show for the write to be made: `Err` when it is known not to hold.
    ///
    /// Tags that are revisions need no look at the item: the write's own condition compares them. Any other
    /// tag is a digest of an item's content: the item is read, and the write is bound to it.
    pub(super) async fn requirement(
        &self,
        id: &OrderId,
        precondition: &Precondition,
    ) -> Result<Result<Requirement, Unmet>, Problem> {
        let tags = match precondition {
            Precondition::None => return Ok(Ok(Requirement::Nothing)),
            Precondition::Exists => return Ok(Ok(Requirement::Exists)),
            Precondition::Absent => return Ok(Ok(Requirement::Absent)),
            Precondition::Never => {
                return Ok(Err(Unmet {
                    current: self.read(id).await?,
                }));
            }
            Precondition::Matches(tags) => tags,
        };
        if (1..=MAX_LISTED_TAGS).contains(&tags.len()) && tags.iter().all(EntityTag::is_revision) {
            return Ok(Ok(Requirement::Revisions(
                tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
            )));
        }
        Ok(match self.read(id).await? {
            Some(item) if tags.contains(&EntityTag::of(&item)) => Ok(Requirement::as_read(&item)),
            current => Err(Unmet { current }),
        })
    }
}

/// The outcome of [`Store::replace`].
#[derive(Debug)]
pub struct Replaced {
    pub order: StoredOrder,
    /// There was no order with this id before.
    pub created: bool,
}

enum Put {
    Done {
        created: bool,
    },
    /// The condition did not hold for the item as it is.
    Refused(Option<Item>),
}

/// A precondition that does not hold for the item as it is.
pub(super) struct Unmet {
    pub current: Option<Item>,
}

impl Unmet {
    fn problem(self) -> Problem {
        Problem::PreconditionFailed {
            current: self.current.as_ref().map(EntityTag::of),
        }
    }

    /// Where only an order that exists can be written, its absence comes first (RFC 9110 §13.2.1).
    pub fn problem_of_existing(self) -> Problem {
        if self.current.is_none() {
            Problem::NotFound
        } else {
            self.problem()
        }
    }
}

/// What a write is conditional on, besides not having been made yet.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Requirement {
    Nothing,
    Exists,
    Absent,
    /// The item's revision is one of these.
    Revisions(Vec<String>),
    /// The item's revision, or that it has none, is as it was read.
    Revision(Option<AttributeValue>),
}

impl Requirement {
    /// The item is as it was read, as far as this service's writers go.
    pub fn as_read(item: &Item) -> Self {
        Self::Revision(item.get(REVISION).cloned())
    }

    /// The same for a write that is made only where there is an item.
    pub fn of_existing(self) -> Self {
        if self == Self::Nothing {
            Self::Exists
        } else {
            self
        }
    }

    /// Whether a refusal says only that the item has changed since it was read.
    pub fn rereads(&self) -> bool {
        matches!(self, Self::Revision(_))
    }
}

/// A condition expression with its names and values.
pub(super) struct Condition {
    pub expression: String,
    pub names: HashMap<String, String>,
    pub values: HashMap<String, AttributeValue>,
}

impl Condition {
    /// The requirement, and that the write of this revision was not made yet.
    pub fn new(requirement: Requirement, revision: &Revision) -> Self {
        let nothing = requirement == Requirement::Nothing;
        let mut condition = Self::of_requirement(requirement);
        if !nothing {
            condition.expression.push_str(" AND ");
        }
        condition.expression.push_str("NOT #rev = :own");
        condition
            .names
            .insert("#rev".to_owned(), REVISION.to_owned());
        condition
            .values
            .insert(":own".to_owned(), revision.to_attribute());
        condition
    }

    fn of_requirement(requirement: Requirement) -> Self {
        let mut names = HashMap::new();
        let mut values = HashMap::new();
        let mut name = |placeholder: &str, attribute: &str| {
            names.insert(placeholder.to_owned(), attribute.to_owned());
        };
        let expression = match requirement {
            Requirement::Nothing => String::new(),
            Requirement::Exists => {
                name("#id", ID);
                "attribute_exists(#id)".to_owned()
            }
            Requirement::Absent => {
                name("#id", ID);
                "attribute_not_exists(#id)".to_owned()
            }
            Requirement::Revisions(revisions) => {
                name("#rev", REVISION);
                let placeholders: Vec<_> = (0..revisions.len())
                    .map(|index| format!(":rev{index}"))
                    .collect();
                values.extend(
                    placeholders
                        .iter()
                        .cloned()
                        .zip(revisions.into_iter().map(AttributeValue::S)),
                );
                format!("#rev IN ({})", placeholders.join(", "))
            }
            Requirement::Revision(Some(revision)) => {
                name("#rev", REVISION);
                values.insert(":rev".to_owned(), revision);
                "#rev = :rev".to_owned()
            }
            Requirement::Revision(None) => {
                name("#rev", REVISION);
                name("#id", ID);
                "attribute_exists(#id) AND attribute_not_exists(#rev)".to_owned()
            }
        };
        Self {
            expression,
            names,
            values,
        }
    }
}

pub(super) fn key(id: &OrderId) -> AttributeValue {
    AttributeValue::S(id.as_str().to_owned())
}

/// The item of an order: its attributes and the bookkeeping. [`Problem::PayloadTooLarge`] when DynamoDB would
/// not take it.
pub(super) fn complete(order: Order, revision: &Revision) -> Result<Item, Problem> {
    let shard = shard_of(order.id().as_str());
    let mut item = order.into_attributes();
    item.insert(REVISION.to_owned(), revision.to_attribute());
    item.insert(SHARD.to_owned(), shard);
    check_size(&item)?;
    Ok(item)
}

/// The item fits DynamoDB, and its JSON fits an answer: a number of three bytes can have 126 digits.
pub(super) fn check_size(item: &Item) -> Result<(), Problem> {
    let bytes = size_bytes(item);
    if bytes > MAX_ITEM_BYTES {
        return Err(item_too_large());
    }
    let may_outgrow_an_answer = bytes > MAX_ITEM_BYTES / 4;
    if may_outgrow_an_answer
        && escaped_bytes(&StoredOrder(item.clone()).to_json()) > MAX_ANSWER_BYTES
    {
        return Err(Problem::PayloadTooLarge {
            detail: "the order, its numbers written out, is larger than an answer's 6 MB",
        });
    }
    Ok(())
}

/// DynamoDB refuses an empty map of values.
fn non_empty(values: HashMap<String, AttributeValue>) -> Option<HashMap<String, AttributeValue>> {
    (!values.is_empty()).then_some(values)
}
