//! Patch one order, without losing what another writer does at the same time.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::connection::{ConditionFailure, database_problem};
use super::orders::{Condition, Requirement, Unmet, check_size, key, shard_of};
use super::{Store, StoredOrder};
use crate::item::{AttributeValue, ID, Item, REVISION, SHARD};
use crate::order::OrderId;
use crate::patch::{Change, MergePatch};
use crate::problem::Problem;
use crate::revision::{Precondition, Revision};

/// How many attributes one `UpdateExpression` changes at most: with these, it stays within DynamoDB's 4 KB and
/// 300 operators. A patch of more is written as a whole item.
const MAX_EXPRESSION_CHANGES: usize = 100;
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
        if patch.is_empty() {
            return self.read_existing(id, precondition).await.map(StoredOrder);
        }
        let is_one_request = patch.is_flat() && patch.changes().len() <= MAX_EXPRESSION_CHANGES;
        for round in 0..MAX_ROUNDS {
            let written = if is_one_request {
                self.update_at_once(id, patch, precondition).await?
            } else {
                self.update_as_read(id, patch, precondition).await?
            };
            match written {
                Written::Done(item) => return Ok(StoredOrder(item)),
                Written::Overtaken => tokio::time::sleep(pause_before(round + 1)).await,
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
        let sent = if patch.changes().len() <= MAX_EXPRESSION_CHANGES {
            let change = |name: &String| (name.clone(), merged.get(name).cloned());
            let changes = patch.changes().keys().map(change).collect();
            // Another program leaves the revision as it is: what is merged into must itself be as it was read.
            let merges = patch
                .changes()
                .iter()
                .filter(|(_, change)| matches!(change, Change::Merge(_)));
            let as_read = merges
                .map(|(name, _)| (name.clone(), current.get(name).cloned()))
                .collect();
            self.send_update(id, &changes, requirement, &as_read)
                .await?
        } else {
            self.send_whole(id, merged, requirement).await?
        };
        Ok(match sent {
            Sent::Done(item) => Written::Done(item),
            Sent::Refused(None) => return Err(Problem::NotFound),
            Sent::Refused(Some(_)) => Written::Overtaken,
        })
    }

    /// One `UpdateItem`: every attribute of `changes` gets its value or goes, if the requirement holds and
    /// every attribute of `as_read` is as it is there.
    async fn send_update(
        &self,
        id: &OrderId,
        changes: &BTreeMap<String, Option<AttributeValue>>,
        requirement: Requirement,
        as_read: &BTreeMap<String, Option<AttributeValue>>,
    ) -> Result<Sent, Problem> {
        let revision = Revision::new();
        let mut condition = Condition::new(requirement, &revision);
        let mut sets = vec!["#rev = :own".to_owned(), "#shard = :shard".to_owned()];
        let mut removes = Vec::new();
        condition
            .names
            .insert("#shard".to_owned(), SHARD.to_owned());
        condition
            .values
            .insert(":shard".to_owned(), shard_of(id.as_str()));
        for (index, (name, value)) in changes.iter().enumerate() {
            condition.names.insert(format!("#a{index}"), name.clone());
            match value {
                Some(value) => {
                    condition.values.insert(format!(":a{index}"), value.clone());
                    sets.push(format!("#a{index} = :a{index}"));
                }
                None => removes.push(format!("#a{index}")),
            }
            match as_read.get(name) {
                Some(Some(value)) => {
                    condition.values.insert(format!(":r{index}"), value.clone());
                    condition
                        .expression
                        .push_str(&format!(" AND #a{index} = :r{index}"));
                }
                Some(None) => condition
                    .expression
                    .push_str(&format!(" AND attribute_not_exists(#a{index})")),
                None => {}
            }
        }
        let mut expression = format!("SET {}", sets.join(", "));
        if !removes.is_empty() {
            expression.push_str(&format!(" REMOVE {}", removes.join(", ")));
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

    /// One `PutItem` of the whole order, if the requirement holds.
    async fn send_whole(
        &self,
        id: &OrderId,
        mut item: Item,
        requirement: Requirement,
    ) -> Result<Sent, Problem> {
        let revision = Revision::new();
        item.insert(REVISION.to_owned(), revision.to_attribute());
        item.insert(SHARD.to_owned(), shard_of(id.as_str()));
        check_size(&item)?;
        let condition = Condition::new(requirement, &revision);
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
