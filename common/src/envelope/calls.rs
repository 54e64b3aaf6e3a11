//! `create`, `read`, `delete` and `list`: PutItem, GetItem, DeleteItem and Scan.

use std::error::Error;
use std::fmt::Debug;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;
use aws_sdk_dynamodb::types::{
    ComparisonOperator, Condition, ConditionalOperator, ReturnConsumedCapacity,
    ReturnItemCollectionMetrics, ReturnValue, ReturnValuesOnConditionCheckFailure, Select,
};

use crate::item::{
    AttributeValue, ID, Item, MAX_ITEM_BYTES, ORDER_DATE, PRODUCT, REVISION, SHARD, size_bytes,
};
use crate::json::Json;
use crate::problem::{Failure, Problem};
use crate::revision::Revision;
use crate::store::{Attempts, ConditionFailure, DATE_INDEX, Store, shard_of};

use super::Table;
use super::arguments::{Arguments, attribute_value, check_attribute, invalid, wrong_type};
use super::expression::{Placeholders, both};
use super::failure::from_dynamodb;
use super::legacy;
use super::reply::Reply;

/// DynamoDB's limits for the keys of an index, in bytes.
const MAX_PRODUCT_BYTES: usize = 2_048;
const MAX_DATE_BYTES: usize = 1_024;

impl Store {
    pub(super) async fn envelope_create(
        &self,
        table: Result<Table, Problem>,
        mut arguments: Arguments,
    ) -> Result<Vec<u8>, Failure> {
        let mut item = arguments.required_item("Item")?;
        let returns = WriteReturns::take(&mut arguments)?;
        let (client_condition, mut placeholders) = condition(&mut arguments)?;
        arguments.finish()?;
        placeholders.check_use()?;
        let table = table?;
        if table.is_orders {
            check_index_keys(&item)?;
        }
        let revision = Revision::new();
        item.insert(REVISION.to_owned(), revision.to_attribute());
        item.extend(shard(&item));
        if size_bytes(&item) > MAX_ITEM_BYTES {
            return Err(item_too_large().into());
        }
        let condition = both(
            client_condition,
            &not_made_yet(&mut placeholders, &revision),
        )?;
        let (names, values) = placeholders.into_maps();
        let attempts = Attempts::default();
        let put = self
            .client()
            .put_item()
            .table_name(&table.real)
            .set_item(Some(item))
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
        let reply = match put.customize().interceptor(attempts.clone()).send().await {
            Ok(output) => Reply::default()
                .item("Attributes", output.attributes())
                .capacity(&table, output.consumed_capacity())
                .collection_metrics(output.item_collection_metrics())
                .finish(output.request_id(), attempts.count()),
            Err(error) => {
                let request_id = error.request_id().map(str::to_owned);
                match failed_condition(error)? {
                    // Our own first attempt; what it replaced was lost with its answer.
                    Some(current) if revision.made(&current) => {
                        Reply::default().finish(request_id.as_deref(), attempts.count())
                    }
                    current => return Err(returns.condition_failed(current)),
                }
            }
        };
        Ok(reply)
    }

    pub(super) async fn envelope_read(
        &self,
        table: Result<Table, Problem>,
        mut arguments: Arguments,
    ) -> Result<Vec<u8>, Failure> {
        let key = arguments.required_item("Key")?;
        let (projection, placeholders) = expressions(&mut arguments, ["ProjectionExpression"])?;
        let [projection] = projection;
        let attempts = Attempts::default();
        let get = self
            .client()
            .get_item()
            .set_key(Some(key))
            .set_projection_expression(projection)
            .set_attributes_to_get(arguments.attribute_names("AttributesToGet")?)
            .set_consistent_read(arguments.boolean("ConsistentRead")?)
            .set_return_consumed_capacity(capacity(&mut arguments)?);
        arguments.finish()?;
        let (names, values) = placeholders.into_maps();
        refuse_values(values.is_some())?;
        let table = table?;
        let get = get
            .table_name(&table.real)
            .set_expression_attribute_names(names)
            .customize()
            .interceptor(attempts.clone());
        let output = get.send().await.map_err(from_dynamodb)?;
        Ok(Reply::default()
            .found("Item", output.item())
            .capacity(&table, output.consumed_capacity())
            .finish(output.request_id(), attempts.count()))
    }

    pub(super) async fn envelope_delete(
        &self,
        table: Result<Table, Problem>,
        mut arguments: Arguments,
    ) -> Result<Vec<u8>, Failure> {
        let key = arguments.required_item("Key")?;
        let returns = WriteReturns::take(&mut arguments)?;
        let (condition, placeholders) = condition(&mut arguments)?;
        arguments.finish()?;
        placeholders.check_use()?;
        let table = table?;
        let on_failure = condition
            .is_some()
            .then_some(ReturnValuesOnConditionCheckFailure::AllOld);
        let (names, values) = placeholders.into_maps();
        let attempts = Attempts::default();
        let delete = self
            .client()
            .delete_item()
            .table_name(&table.real)
            .set_key(Some(key))
            .set_condition_expression(condition)
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
            .set_return_values_on_condition_check_failure(on_failure);
        let reply = match delete
            .customize()
            .interceptor(attempts.clone())
            .send()
            .await
        {
            Ok(output) => Reply::default()
                .item("Attributes", output.attributes())
                .capacity(&table, output.consumed_capacity())
                .collection_metrics(output.item_collection_metrics())
                .finish(output.request_id(), attempts.count()),
            Err(error) => {
                let request_id = error.request_id().map(str::to_owned);
                match failed_condition(error)? {
                    // An answer was lost, and nothing is there: our own first attempt.
                    None if attempts.lost_an_answer() => {
                        Reply::default().finish(request_id.as_deref(), attempts.count())
                    }
                    current => return Err(returns.condition_failed(current)),
                }
            }
        };
        Ok(reply)
    }

    pub(super) async fn envelope_list(
        &self,
        table: Result<Table, Problem>,
        mut arguments: Arguments,
    ) -> Result<Vec<u8>, Failure> {
        let index = arguments.string("IndexName")?;
        if index.as_deref() == Some(DATE_INDEX) {
            return Err(invalid("the index that IndexName names is the service's own").into());
        }
        let ([projection, filter], placeholders) =
            expressions(&mut arguments, ["ProjectionExpression", "FilterExpression"])?;
        let attempts = Attempts::default();
        let scan = self
            .client()
            .scan()
            .set_index_name(index)
            .set_projection_expression(projection)
            .set_filter_expression(filter)
            .set_attributes_to_get(arguments.attribute_names("AttributesToGet")?)
            .set_limit(arguments.integer("Limit")?)
            .set_select(arguments.string("Select")?.as_deref().map(Select::from))
            .set_scan_filter(scan_filter(&mut arguments)?)
            .set_conditional_operator(
                arguments
                    .string("ConditionalOperator")?
                    .as_deref()
                    .map(ConditionalOperator::from),
            )
            .set_exclusive_start_key(arguments.item("ExclusiveStartKey")?)
            .set_total_segments(arguments.integer("TotalSegments")?)
            .set_segment(arguments.integer("Segment")?)
            .set_consistent_read(arguments.boolean("ConsistentRead")?)
            .set_return_consumed_capacity(capacity(&mut arguments)?);
        arguments.finish()?;
        let (names, values) = placeholders.into_maps();
        let table = table?;
        let scan = scan
            .table_name(&table.real)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values);
        let output = scan
            .customize()
            .interceptor(attempts.clone())
            .send()
            .await
            .map_err(from_dynamodb)?;
        Ok(Reply::default()
            .items(output.items.as_deref())
            .count("Count", output.count())
            .count("ScannedCount", output.scanned_count())
            .key("LastEvaluatedKey", output.last_evaluated_key())
            .capacity(&table, output.consumed_capacity())
            .finish(output.request_id(), attempts.count()))
    }
}

/// What a write should answer with.
pub(super) struct WriteReturns {
    pub values: Option<String>,
    pub capacity: Option<String>,
    pub metrics: Option<String>,
    shows_item_on_failure: bool,
}

impl WriteReturns {
    pub fn take(arguments: &mut Arguments) -> Result<Self, Problem> {
        let shows_item_on_failure = match arguments
            .string("ReturnValuesOnConditionCheckFailure")?
            .as_deref()
        {
            None | Some("NONE") => false,
            Some("ALL_OLD") => true,
            Some(_) => {
                return Err(invalid(
                    "ReturnValuesOnConditionCheckFailure must be NONE or ALL_OLD",
                ));
            }
        };
        Ok(Self {
            values: arguments.string("ReturnValues")?,
            capacity: arguments.string("ReturnConsumedCapacity")?,
            metrics: arguments.string("ReturnItemCollectionMetrics")?,
            shows_item_on_failure,
        })
    }

    /// The client's condition did not hold.
    pub fn condition_failed(&self, current: Option<Item>) -> Failure {
        Problem::ConditionFailed {
            item: current.filter(|_| self.shows_item_on_failure),
        }
        .into()
    }
}

/// The item as it is where a condition failed; any other error as the answer it is.
pub(super) fn failed_condition<E, R>(error: SdkError<E, R>) -> Result<Option<Item>, Failure>
where
    SdkError<E, R>: ConditionFailure,
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    R: Debug + Send + Sync + 'static,
{
    error.current_item().map_err(from_dynamodb)
}

/// The client's condition, new form or old, and the call's placeholders.
pub(super) fn condition(
    arguments: &mut Arguments,
) -> Result<(Option<String>, Placeholders), Problem> {
    let mut placeholders = Placeholders::take(arguments)?;
    let expression = placeholders.expression(arguments, "ConditionExpression")?;
    let expected = legacy::expected(arguments, &mut placeholders)?;
    if expression.is_some() && placeholders.has_expected() {
        return Err(both_forms("Expected", "ConditionExpression"));
    }
    Ok((expression.or(expected), placeholders))
}

pub(super) fn both_forms(old: &str, new: &str) -> Problem {
    invalid(format!(
        "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: \
         {{{old}}} Expression parameters: {{{new}}}"
    ))
}

/// The condition that the write of this revision was not made yet.
pub(super) fn not_made_yet(placeholders: &mut Placeholders, revision: &Revision) -> String {
    let name = placeholders.name(REVISION);
    format!(
        "NOT {name} = {}",
        placeholders.value(revision.to_attribute())
    )
}

/// The shard of an item with this key, where it has one that orders have.
pub(super) fn shard(key: &Item) -> Option<(String, AttributeValue)> {
    match key.get(ID) {
        Some(AttributeValue::S(id)) => Some((SHARD.to_owned(), shard_of(id))),
        _ => None,
    }
}

pub(super) fn item_too_large() -> Problem {
    Problem::PayloadTooLarge {
        detail: "Item size has exceeded the maximum allowed size",
    }
}

/// The keys of the indexes: what DynamoDB says of them, said for every engine.
pub(super) fn check_index_keys(item: &Item) -> Result<(), Problem> {
    check_index_key(PRODUCT, item.get(PRODUCT), MAX_PRODUCT_BYTES)?;
    check_index_key(ORDER_DATE, item.get(ORDER_DATE), MAX_DATE_BYTES)
}

pub(super) fn check_index_key(
    name: &str,
    value: Option<&AttributeValue>,
    max_bytes: usize,
) -> Result<(), Problem> {
    let detail = match value {
        Some(AttributeValue::S(text)) if text.is_empty() => {
            "A value specified for a secondary index key is not supported. The AttributeValue for a key attribute \
             cannot contain an empty string value."
        }
        Some(AttributeValue::S(text)) if text.len() > max_bytes => {
            "Size of a secondary index key has exceeded DynamoDB's limit."
        }
        None | Some(AttributeValue::S(_)) => return Ok(()),
        Some(_) => "Type mismatch for Index Key: expected a string.",
    };
    Err(invalid(format!(
        "One or more parameter values were invalid: {detail} Index Key: {name}"
    )))
}

/// The longest value that each of the indexes' keys may have.
pub(super) fn max_index_key_bytes(attribute: &str) -> Option<usize> {
    match attribute {
        PRODUCT => Some(MAX_PRODUCT_BYTES),
        ORDER_DATE => Some(MAX_DATE_BYTES),
        _ => None,
    }
}

fn capacity(arguments: &mut Arguments) -> Result<Option<ReturnConsumedCapacity>, Problem> {
    Ok(arguments
        .string("ReturnConsumedCapacity")?
        .as_deref()
        .map(ReturnConsumedCapacity::from))
}

/// The client's expressions of these names, to be sent as they are.
fn expressions<const N: usize>(
    arguments: &mut Arguments,
    names: [&str; N],
) -> Result<([Option<String>; N], Placeholders), Problem> {
    let mut placeholders = Placeholders::take(arguments)?;
    let mut expressions = [const { None }; N];
    for (expression, name) in expressions.iter_mut().zip(names) {
        *expression = placeholders.expression(arguments, name)?;
    }
    placeholders.check_use()?;
    Ok((expressions, placeholders))
}

/// GetItem has no values to its expressions.
fn refuse_values(given: bool) -> Result<(), Problem> {
    if given {
        Err(invalid(
            "the payload has an unknown argument: \"ExpressionAttributeValues\"",
        ))
    } else {
        Ok(())
    }
}

/// The older form of a filter, as DynamoDB still takes it.
fn scan_filter(
    arguments: &mut Arguments,
) -> Result<Option<std::collections::HashMap<String, Condition>>, Problem> {
    let Some(filter) = arguments.map("ScanFilter")? else {
        return Ok(None);
    };
    let one = |(attribute, condition): (String, Json)| {
        check_attribute(&attribute)?;
        let Json::Object(condition) = condition else {
            return Err(wrong_type(
                "each member of ScanFilter",
                "an object",
                &condition,
            ));
        };
        let mut condition = Arguments::new(condition);
        let Some(operator) = condition.string("ComparisonOperator")? else {
            return Err(invalid(format!(
                "ComparisonOperator is missing for Attribute: {attribute}"
            )));
        };
        let values = match condition.take("AttributeValueList") {
            None => None,
            Some(Json::Array(elements)) => {
                let value =
                    |element: &Json| attribute_value(element, &format!("/ScanFilter/{attribute}"));
                Some(elements.iter().map(value).collect::<Result<Vec<_>, _>>()?)
            }
            Some(other) => return Err(wrong_type("AttributeValueList", "an array", &other)),
        };
        condition.finish()?;
        let condition = Condition::builder()
            .comparison_operator(ComparisonOperator::from(operator.as_str()))
            .set_attribute_value_list(values)
            .build();
        condition
            .map(|condition| (attribute, condition))
            .map_err(|error| Problem::Internal(error.into()))
    };
    filter
        .into_iter()
        .map(one)
        .collect::<Result<_, _>>()
        .map(Some)
}
