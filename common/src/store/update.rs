//! Patch one order, without losing what another writer does at the same time.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::connection::{ConditionFailure, database_problem};
use super::orders::{Condition, Requirement, Unmet, check_size, key, shard_of};
use super::{Store, StoredOrder};
use crate::item::{AttributeValue, ID, Item, REVISION, SHARD, is_bookkeeping};
use crate::order::OrderId;
use crate::patch::{Change, MergePatch};
use crate::problem::Problem;
use crate::revision::{Precondition, Revision};

/// How many attributes one `UpdateExpression` changes at most: with these, it stays within DynamoDB's 4 KB and
/// 300 operators. A patch of more is written as a whole item.
const MAX_CHANGES: usize = 290;
/// How many attributes one condition compares at most with what was read.
const MAX_COMPARED: usize = 100;
/// How often a patch is tried while other writers keep changing the order.
const MAX_ROUNDS: u32 = 20;

impl Store {
    /// Patches the order. A flat patch is one request; one that merges into what is there reads it first, is
    /// bound to it, and starts again when another writer was faster.
    pub async fn update(
        &self,
        id: &OrderId,
        patch: &MergePatch,
        precondition: &Precondition,
    ) -> Result<StoredOrder, Problem> {
        let precondition = &precondition.of_existing();
        if patch.is_empty() {
            return self.read_existing(id, precondition).await.map(StoredOrder);
        }
        let mut way = Way::of(patch);
        for round in 0..MAX_ROUNDS {
            let written = match way {
                Way::AtOnce => self.update_at_once(id, patch, precondition).await,
                Way::AsRead => self.update_as_read(id, patch, precondition).await,
                Way::Whole => self.update_whole(id, patch, precondition).await,
            };
            match written {
                Ok(Written::Done(item)) => return Ok(StoredOrder(item)),
                Ok(Written::Overtaken) => tokio::time::sleep(pause_before(round + 1)).await,
                // DynamoDB counts an update's expression along with the item; the item alone may fit.
                Err(Problem::PayloadTooLarge { .. }) if way != Way::Whole => way = Way::Whole,
                Err(problem) => return Err(problem),
            }
        }
        Err(Problem::Conflict)
    }

    async fn read_existing(
        &self,
        id: &OrderId,
        precondition: &Precondition,
    ) -> Result<Item, Problem> {
        match self.read(id).await? {
            Some(item) if precondition.holds_for(&item) => Ok(item),
            current => Err(Unmet { current }.problem_of_existing()),
        }
    }

    async fn update_at_once(
        &self,
        id: &OrderId,
        patch: &MergePatch,
        precondition: &Precondition,
    ) -> Result<Written, Problem> {
        let requirement = match self.requirement(id, precondition).await? {
            Ok(requirement) => requirement.of_existing(),
            Err(unmet) => return Err(unmet.problem_of_existing()),
        };
        let rereads = requirement.rereads();
        let set = |(name, change): (&String, &Change)| (name.clone(), change.apply(None));
        let changes = patch.changes().iter().map(set).collect();
        match self
            .send_update(id, &changes, requirement, &BTreeMap::new())
            .await?
        {
            Sent::Done(item) => Ok(Written::Done(item)),
            Sent::Refused(Some(_)) if rereads => Ok(Written::Overtaken),
            Sent::Refused(current) => Err(Unmet { current }.problem_of_existing()),
        }
    }

    async fn update_as_read(
        &self,
        id: &OrderId,
        patch: &MergePatch,
        precondition: &Precondition,
    ) -> Result<Written, Problem> {
        let current = self.read_existing(id, precondition).await?;
        let requirement = Requirement::as_read(&current);
        let merged = patch.apply(current.clone());
        check_size(&merged)?;
        let change = |name: &String| (name.clone(), merged.get(name).cloned());
        let changes = patch.changes().keys().map(change).collect();
        // Another program leaves the revision as it is: what is merged into must itself be as it was read.
        let compared = values_at(&current, patch.merged_into());
        self.send_update(id, &changes, requirement, &compared)
            .await?
            .written()
    }

    /// Writes the order as a whole. What is kept of it must be as it was read, as far as a condition can say so: for
    /// more attributes than it can compare, the revision alone tells.
    async fn update_whole(
        &self,
        id: &OrderId,
        patch: &MergePatch,
        precondition: &Precondition,
    ) -> Result<Written, Problem> {
        let current = self.read_existing(id, precondition).await?;
        let requirement = Requirement::as_read(&current);
        let merged = patch.apply(current.clone());
        let is_kept = |name: &&String| {
            !patch.changes().contains_key(*name) && *name != ID && !is_bookkeeping(name)
        };
        let compared = patch.merged_into().chain(current.keys().filter(is_kept));
        let compared = values_at(&current, compared.take(MAX_COMPARED));
        self.send_whole(id, merged, requirement, &compared)
            .await?
            .written()
    }

    /// One `UpdateItem`: every attribute of `changes` gets its value or goes, if the requirement holds and every
    /// attribute of `compared` is as it stands there.
    async fn send_update(
        &self,
        id: &OrderId,
        changes: &BTreeMap<String, Option<AttributeValue>>,
        requirement: Requirement,
        compared: &BTreeMap<String, Option<AttributeValue>>,
    ) -> Result<Sent, Problem> {
        let revision = Revision::new();
        let mut condition = Condition::new(requirement, &revision);
        compare(&mut condition, compared);
        let mut sets = vec!["#rev=:own".to_owned(), "#shard=:shard".to_owned()];
        let mut removes = Vec::new();
        condition
            .names
            .insert("#shard".to_owned(), SHARD.to_owned());
        condition
            .values
            .insert(":shard".to_owned(), shard_of(id.as_str()));
        for (index, (name, value)) in changes.iter().enumerate() {
            let placeholder = format!("#{index:x}");
            condition.names.insert(placeholder.clone(), name.clone());
            match value {
                Some(value) => {
                    let value_placeholder = format!(":{index:x}");
                    sets.push(format!("{placeholder}={value_placeholder}"));
                    condition.values.insert(value_placeholder, value.clone());
                }
                None => removes.push(placeholder),
            }
        }
        let mut expression = format!("SET {}", sets.join(","));
        if !removes.is_empty() {
            expression.push_str(&format!(" REMOVE {}", removes.join(",")));
        }
        let update = self
            .client
            .update_item()
            .table_name(&self.config.table)
            .key(ID, key(id))
            .update_expression(expression)
            .condition_expression(condition.expression)
            .set_expression_attribute_names(Some(condition.names))
            .set_expression_attribute_values(Some(condition.values))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match update.send().await {
            Ok(output) => Ok(Sent::Done(output.attributes.unwrap_or_default())),
            Err(error) => {
                Sent::from_error(error.current_item().map_err(database_problem)?, &revision)
            }
        }
    }

    /// One `PutItem` of the whole order, if the requirement holds and every attribute of `compared` is as it stands
    /// there.
    async fn send_whole(
        &self,
        id: &OrderId,
        mut item: Item,
        requirement: Requirement,
        compared: &BTreeMap<String, Option<AttributeValue>>,
    ) -> Result<Sent, Problem> {
        let revision = Revision::new();
        item.insert(REVISION.to_owned(), revision.to_attribute());
        item.insert(SHARD.to_owned(), shard_of(id.as_str()));
        check_size(&item)?;
        let mut condition = Condition::new(requirement, &revision);
        compare(&mut condition, compared);
        let put = self
            .client
            .put_item()
            .table_name(&self.config.table)
            .set_item(Some(item.clone()))
            .condition_expression(condition.expression)
            .set_expression_attribute_names(Some(condition.names))
            .set_expression_attribute_values(Some(condition.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match put.send().await {
            Ok(_) => Ok(Sent::Done(item)),
            Err(error) => {
                Sent::from_error(error.current_item().map_err(database_problem)?, &revision)
            }
        }
    }
}

/// How a patch is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// One `UpdateItem`, nothing read before.
    AtOnce,
    /// One `UpdateItem`, bound to the item that was read.
    AsRead,
    /// One `PutItem`, bound to the item that was read.
    Whole,
}

impl Way {
    fn of(patch: &MergePatch) -> Self {
        if patch.changes().len() > MAX_CHANGES || patch.merged_into().count() > MAX_COMPARED {
            Self::Whole
        } else if patch.is_flat() {
            Self::AtOnce
        } else {
            Self::AsRead
        }
    }
}

/// What stands in the item under these names, absence included.
fn values_at<'a>(
    item: &Item,
    names: impl Iterator<Item = &'a String>,
) -> BTreeMap<String, Option<AttributeValue>> {
    names
        .map(|name| (name.clone(), item.get(name).cloned()))
        .collect()
}

/// Adds to a condition that these attributes are as they stand here.
fn compare(condition: &mut Condition, compared: &BTreeMap<String, Option<AttributeValue>>) {
    for (index, (name, value)) in compared.iter().enumerate() {
        let placeholder = format!("#q{index:x}");
        condition.names.insert(placeholder.clone(), name.clone());
        let clause = match value {
            Some(value) => {
                let value_placeholder = format!(":q{index:x}");
                let clause = format!(" AND {placeholder}={value_placeholder}");
                condition.values.insert(value_placeholder, value.clone());
                clause
            }
            None => format!(" AND attribute_not_exists({placeholder})"),
        };
        condition.expression.push_str(&clause);
    }
}

enum Written {
    Done(Item),
    /// Another writer changed the order between reading and writing.
    Overtaken,
}

enum Sent {
    Done(Item),
    Refused(Option<Item>),
}

impl Sent {
    fn written(self) -> Result<Written, Problem> {
        match self {
            Self::Done(item) => Ok(Written::Done(item)),
            Self::Refused(None) => Err(Problem::NotFound),
            Self::Refused(Some(_)) => Ok(Written::Overtaken),
        }
    }

    /// A refusal, unless it is our own first attempt that stands in the way.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "it ends the arms of a match whose other arm can fail"
    )]
    fn from_error(current: Option<Item>, revision: &Revision) -> Result<Self, Problem> {
        Ok(match current {
            Some(item) if revision.made(&item) => Self::Done(item),
            current => Self::Refused(current),
        })
    }
}

/// Longer from round to round, and random, so that writers who collided do not collide again.
pub(super) fn pause_before(round: u32) -> Duration {
    let ceiling_ms = (5 * 2_u64.pow(round.min(5))).min(150);
    Duration::from_millis(fastrand::u64(1..=ceiling_ms))
}
