//! The two tables, made where they are missing.

use std::time::Duration;

use crate::cli::explain;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TableDescription, TableStatus, TimeToLiveSpecification,
};
use common::config::Config;
use common::item::{ID, ORDER_DATE, PRODUCT, SHARD};
use common::store::{DATE_INDEX, EXPIRES_AT, IDEMPOTENCY_KEY, PRODUCT_INDEX};

/// How often a new table is looked at until it is there, and how long that may take in all.
const POLL_PERIOD: Duration = Duration::from_millis(20);
const MAX_POLLS: u32 = 1_500;

/// Makes the orders' table with both indexes, and the table of idempotency keys, where they are missing.
///
/// # Errors
///
/// One line: the server is out of reach or refuses, or there is a table of that name with other keys or indexes.
pub async fn create_missing(client: &Client, config: &Config) -> Result<(), String> {
    if let Some(table) = describe(client, &config.table).await? {
        check_orders(&config.table, &table)?;
    } else {
        create(client, &config.table, orders(client)).await?;
    }
    if describe(client, &config.idempotency_table).await?.is_none() {
        create(client, &config.idempotency_table, idempotency_keys(client)).await?;
        expire(client, &config.idempotency_table).await?;
    }
    Ok(())
}

fn orders(client: &Client) -> CreateTableFluentBuilder {
    let table = client
        .create_table()
        .key_schema(key(ID, KeyType::Hash))
        .global_secondary_indexes(index(PRODUCT_INDEX, PRODUCT))
        .global_secondary_indexes(index(DATE_INDEX, SHARD));
    [ID, PRODUCT, SHARD, ORDER_DATE]
        .into_iter()
        .fold(table, |table, name| {
            table.attribute_definitions(string(name))
        })
}

fn idempotency_keys(client: &Client) -> CreateTableFluentBuilder {
    client
        .create_table()
        .key_schema(key(IDEMPOTENCY_KEY, KeyType::Hash))
        .attribute_definitions(string(IDEMPOTENCY_KEY))
}

async fn create(
    client: &Client,
    name: &str,
    table: CreateTableFluentBuilder,
) -> Result<(), String> {
    let created = table
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await;
    match created {
        Ok(_) => {}
        // Another process makes it at the same time.
        Err(error) if error.code() == Some("ResourceInUseException") => {}
        Err(error) => return Err(explain(&format!("the table {name} can't be made"), &error)),
    }
    for _ in 0..MAX_POLLS {
        let table = describe(client, name).await?;
        if table.is_some_and(|table| table.table_status() == Some(&TableStatus::Active)) {
            return Ok(());
        }
        tokio::time::sleep(POLL_PERIOD).await;
    }
    Err(format!(
        "the table {name} was made, but did not become active"
    ))
}

async fn expire(client: &Client, name: &str) -> Result<(), String> {
    let specification = TimeToLiveSpecification::builder()
        .enabled(true)
        .attribute_name(EXPIRES_AT)
        .build()
        .map_err(|e| e.to_string())?;
    let updated = client
        .update_time_to_live()
        .table_name(name)
        .time_to_live_specification(specification)
        .send()
        .await;
    match updated {
        Ok(_) => Ok(()),
        // Another process was faster. A server without TTL is taken too: expiry is checked in code.
        Err(error)
            if matches!(
                error.code(),
                Some("ValidationException" | "UnknownOperationException")
            ) =>
        {
            Ok(())
        }
        Err(error) => Err(explain(&format!("the table {name} gets no TTL"), &error)),
    }
}

/// The table, if it is there.
async fn describe(client: &Client, name: &str) -> Result<Option<TableDescription>, String> {
    match client.describe_table().table_name(name).send().await {
        Ok(output) => Ok(output.table),
        Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(None),
        Err(error) => Err(explain("the database can't be reached", &error)),
    }
}

fn check_orders(name: &str, table: &TableDescription) -> Result<(), String> {
    let [key] = table.key_schema() else {
        return Err(format!(
            "the table {name} has a sort key, and the orders' table has none"
        ));
    };
    if key.attribute_name() != ID {
        return Err(format!(
            "the table {name} has the key {}, and orders have the key {ID}",
            key.attribute_name()
        ));
    }
    for index in [PRODUCT_INDEX, DATE_INDEX] {
        let has_index = |other: &str| other == index;
        if !table
            .global_secondary_indexes()
            .iter()
            .filter_map(|other| other.index_name())
            .any(has_index)
        {
            return Err(format!(
                "the table {name} has no index {index}: add it, or name another table"
            ));
        }
    }
    Ok(())
}

fn key(name: &str, key_type: KeyType) -> KeySchemaElement {
    built(
        KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(key_type)
            .build(),
    )
}

fn string(name: &str) -> AttributeDefinition {
    built(
        AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S)
            .build(),
    )
}

fn index(name: &str, partition: &str) -> GlobalSecondaryIndex {
    let all = Projection::builder()
        .projection_type(ProjectionType::All)
        .build();
    let index = GlobalSecondaryIndex::builder()
        .index_name(name)
        .key_schema(key(partition, KeyType::Hash))
        .key_schema(key(ORDER_DATE, KeyType::Range))
        .projection(all);
    built(index.build())
}

/// What the builders want is given above, always.
fn built<T, E: std::fmt::Debug>(outcome: Result<T, E>) -> T {
    outcome.expect("every required member is given")
}
