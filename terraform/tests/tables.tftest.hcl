# How data is kept.

mock_provider "aws" {
  source          = "./tests/aws"
  override_during = plan
}

variables {
  authorization = { type = "none" }
  zips = {
    bucket  = "zips"
    digests = { for name in flatten([for path in jsondecode(file("../openapi.json")).paths : [for operation in path : operation.operationId]]) : name => "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" }
  }
}

run "both_tables_are_protected" {
  command = plan

  assert {
    condition = alltrue([for table in [aws_dynamodb_table.orders, aws_dynamodb_table.idempotency_keys] :
      table.billing_mode == "PAY_PER_REQUEST" && table.deletion_protection_enabled &&
      one(table.point_in_time_recovery).enabled && one(table.server_side_encryption).enabled
    ])
    error_message = "A table can be deleted, can't be restored, is not encrypted, or has fixed capacity."
  }
}

run "keys_and_indexes_are_the_codes" {
  command = plan

  assert {
    condition = aws_dynamodb_table.orders.hash_key == "id" && aws_dynamodb_table.orders.range_key == null && {
      for index in aws_dynamodb_table.orders.global_secondary_index : index.name => "${index.hash_key} ${index.range_key} ${index.projection_type}"
      } == {
      "product-order_date-index" = "product order_date ALL"
      "_shard-order_date-index"  = "_shard order_date ALL"
    }
    error_message = "The orders' keys or indexes are not those that the code asks for."
  }
  assert {
    condition     = strcontains(file("../common/src/store/mod.rs"), "\"${local.product_index}\"") && strcontains(file("../common/src/store/mod.rs"), "\"${local.date_index}\"")
    error_message = "common/src/store/mod.rs has other names for the indexes."
  }
  assert {
    condition     = aws_dynamodb_table.idempotency_keys.hash_key == "idempotency_key" && one(aws_dynamodb_table.idempotency_keys.ttl).attribute_name == "expires_at" && one(aws_dynamodb_table.idempotency_keys.ttl).enabled
    error_message = "Idempotency keys never expire, or have another key."
  }
}

run "tables_follow_the_name_unless_they_are_named" {
  command = plan

  variables {
    name       = "orders-dev"
    table_name = "lambda-apigateway"
  }
  assert {
    condition     = output.table_names == { orders = "lambda-apigateway", idempotency_keys = "orders-dev-idempotency" }
    error_message = "The tables are ${jsonencode(output.table_names)}."
  }
}

run "there_is_no_stream_unless_asked_for" {
  command = plan

  assert {
    condition     = !aws_dynamodb_table.orders.stream_enabled && output.stream_arn == null
    error_message = "There is a stream."
  }
}

run "a_stream_shows_what_was_asked_for" {
  command = plan

  variables {
    stream_view_type = "NEW_AND_OLD_IMAGES"
  }
  assert {
    condition     = aws_dynamodb_table.orders.stream_enabled && aws_dynamodb_table.orders.stream_view_type == "NEW_AND_OLD_IMAGES"
    error_message = "There is no such stream."
  }
}
