//! `update`: UpdateItem, with an `UpdateExpression` or the older `AttributeUpdates`.

use aws_sdk_dynamodb::operation::RequestId;
use aws_sdk_dynamodb::types::{
    ReturnConsumedCapacity, ReturnItemCollectionMetrics, ReturnValue,
    ReturnValuesOnConditionCheckFailure,
};

use crate::item::{Item, REVISION};
use crate::problem::{Failure, Problem};
use crate::revision::Revision;
use crate::store::{Attempts, Store};

use super::arguments::Arguments;
use super::calls::{
    WriteReturns, both_forms, check_index_key, condition, failed_condition, max_index_key_bytes,
    not_made_yet, shard,
};
use super::expression::{Placeholders, both, with_assignments};
use super::legacy::{self, Updates};
use super::paths::{Assignment, Path, assignments, project};
use super::reply::Reply;
use super::{Table, any_name};

impl Store {
    pub(super) async fn envelope_update(
        &self,
        table: Result<Table, Problem>,
        mut arguments: Arguments,
    ) -> Result<Vec<u8>, Failure> {
        let key = arguments.required_item("Key")?;
        let returns = WriteReturns::take(&mut arguments)?;
        let Update {
            client,
            expression,
            condition,
            placeholders,
            paths,
            revision,
        } = Update::read(
            table.as_ref().is_ok_and(|table| table.is_orders),
            &key,
            arguments,
        )?;
        let table = table?;
        let (names, values) = placeholders.into_maps();
        let attempts = Attempts::default();
        let update = self
            .client()
            .update_item()
            .table_name(&table.real)
            .set_key(Some(key.clone()))
            .update_expression(expression)
            .condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .set_return_values(returns.values.as_deref().map(ReturnValue::from))
            .set_return_consumed_capacity(
                returns
                    .capacity
                    .as_deref()
                    .map(ReturnConsumedCapacity::from),
            )
            .set_return_item_collection_metrics(
                returns
                    .metrics
                    .as_deref()
                    .map(ReturnItemCollectionMetrics::from),
            )
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let error = match update
            .customize()
            .interceptor(attempts.clone())
            .send()
            .await
        {
            Ok(output) => {
                return Ok(Reply::default()
                    .item("Attributes", output.attributes())
                    .capacity(&table, output.consumed_capacity())
                    .collection_metrics(output.item_collection_metrics())
                    .finish(output.request_id(), attempts.count()));
            }
            Err(error) => error,
        };
        let request_id = error.request_id().map(str::to_owned);
        let attributes = match failed_condition(error)? {
            // Our own first attempt. The old values were lost with its answer; the new ones are there.
            Some(current) if revision.made(&current) => {
                new_values(returns.values.as_deref(), current, &paths)
            }
            None if client.makes_no_item => {
                self.check_on_nothing(&table, key, client, &returns).await?;
                None
            }
            current => return Err(returns.condition_failed(current)),
        };
        Ok(Reply::default()
            .item("Attributes", attributes.as_ref())
            .finish(request_id.as_deref(), attempts.count()))
    }

    /// Whether the client's condition holds where there is no item, asked by a delete that deletes nothing: of
    /// an update that only removes attributes, and so makes no item, nothing else is left.
    async fn check_on_nothing(
        &self,
        table: &Table,
        key: Item,
        client: Client,
        returns: &WriteReturns,
    ) -> Result<(), Failure> {
        let Client {
            condition: Some(condition),
            mut placeholders,
            ..
        } = client
        else {
            return Ok(());
        };
        let absent = format!(
            "attribute_not_exists({})",
            placeholders.name(&any_name(&key))
        );
        let (names, values) = placeholders.into_maps();
        let delete = self
            .client()
            .delete_item()
            .table_name(&table.real)
            .set_key(Some(key))
            .condition_expression(both(Some(condition), &absent)?)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values);
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(returns.condition_failed(failed_condition(error)?)),
        }
    }
}

/// An update with the service's clauses in it.
struct Update {
    client: Client,
    expression: String,
    condition: String,
    placeholders: Placeholders,
    /// What the client's expression gives values to.
    paths: Vec<Path>,
    revision: Revision,
}

/// The client's part, where it has to be asked about alone.
struct Client {
    condition: Option<String>,
    placeholders: Placeholders,
    makes_no_item: bool,
}

impl Update {
    fn read(is_orders: bool, key: &Item, mut arguments: Arguments) -> Result<Self, Problem> {
        let (client_condition, mut placeholders) = condition(&mut arguments)?;
        let condition_alone = (client_condition.clone(), placeholders.clone());
        let updates = client_updates(&mut arguments, &mut placeholders)?;
        arguments.finish()?;
        placeholders.check_use()?;

        let assigned = updates
            .expression
            .as_deref()
            .map(|text| assignments(text, &placeholders))
            .unwrap_or_default();
        if is_orders {
            check_index_keys(&assigned, &placeholders)?;
        }
        let paths = assigned
            .into_iter()
            .map(|assignment| assignment.path)
            .collect();

        let revision = Revision::new();
        let mut condition = both(
            client_condition,
            &not_made_yet(&mut placeholders, &revision),
        )?;
        if updates.only_deletes {
            let exists = format!("attribute_exists({})", placeholders.name(&any_name(key)));
            condition = both(Some(condition), &exists)?;
        }
        let mut own = vec![(REVISION.to_owned(), revision.to_attribute())];
        own.extend(shard(key));
        let own: Vec<_> = own
            .into_iter()
            .map(|(name, value)| {
                format!(
                    "{} = {}",
                    placeholders.name(&name),
                    placeholders.value(value)
                )
            })
            .collect();
        let expression = with_assignments(updates.expression, &own.join(", "))?;
        let client = Client {
            condition: condition_alone.0,
            placeholders: condition_alone.1,
            makes_no_item: updates.only_deletes,
        };
        Ok(Self {
            client,
            expression,
            condition,
            placeholders,
            paths,
            revision,
        })
    }
}

/// The client's update, new form or old.
fn client_updates(
    arguments: &mut Arguments,
    placeholders: &mut Placeholders,
) -> Result<Updates, Problem> {
    let has_expressions = placeholders.has_expressions();
    let expression = placeholders.expression(arguments, "UpdateExpression")?;
    let old_form = arguments.map("AttributeUpdates")?;
    match (expression, old_form) {
        (Some(_), Some(_)) => Err(both_forms("AttributeUpdates", "UpdateExpression")),
        (None, Some(_)) if has_expressions => {
            Err(both_forms("AttributeUpdates", "ConditionExpression"))
        }
        (Some(_), None) if placeholders.has_expected() => {
            Err(both_forms("Expected", "UpdateExpression"))
        }
        (None, Some(updates)) => legacy::attribute_updates(updates, placeholders),
        (expression, None) => Ok(Updates {
            expression,
            only_deletes: false,
        }),
    }
}

/// What is assigned to a key of an index, where it is a value of the request.
fn check_index_keys(
    assigned: &[Assignment<'_>],
    placeholders: &Placeholders,
) -> Result<(), Problem> {
    for Assignment { path, value } in assigned {
        let key = path
            .as_attribute()
            .and_then(|name| Some((name, max_index_key_bytes(name)?)));
        if let (Some((name, max_bytes)), Some(value)) = (key, value) {
            check_index_key(name, placeholders.attribute_value(value), max_bytes)?;
        }
    }
    Ok(())
}

/// The `Attributes` of an update that was found done.
fn new_values(return_values: Option<&str>, item: Item, paths: &[Path]) -> Option<Item> {
    match return_values {
        Some("ALL_NEW") => Some(item),
        Some("UPDATED_NEW") => Some(project(&item, paths)),
        _ => None,
    }
}
