# The names of keys and indexes are the code's: common/src/store.

locals {
  table_name    = coalesce(var.table_name, var.name)
  product_index = "product-order_date-index"
  date_index    = "_shard-order_date-index"
}

resource "aws_dynamodb_table" "orders" {
  name                        = local.table_name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "id"
  deletion_protection_enabled = var.deletion_protection
  stream_enabled              = var.stream_view_type != null
  stream_view_type            = var.stream_view_type

  dynamic "attribute" {
    for_each = ["id", "product", "_shard", "order_date"]
    content {
      name = attribute.value
      type = "S"
    }
  }

  # On attributes that any writer sets, so that DynamoDB itself keeps it right.
  global_secondary_index {
    name            = local.product_index
    hash_key        = "product"
    range_key       = "order_date"
    projection_type = "ALL"
  }

  # On a hash of the id, so that the writes of one day are spread.
  global_secondary_index {
    name            = local.date_index
    hash_key        = "_shard"
    range_key       = "order_date"
    projection_type = "ALL"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }
}

resource "aws_dynamodb_table" "idempotency_keys" {
  name                        = "${var.name}-idempotency"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "idempotency_key"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "idempotency_key"
    type = "S"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }
}
