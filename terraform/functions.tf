locals {
  zip_folder = coalesce(var.zips.folder, "${path.module}/../target/lambda")

  zips = {
    for name in keys(local.operations) : name => var.zips.bucket == null ? {
      file   = "${local.zip_folder}/${name}/bootstrap.zip"
      key    = null
      digest = try(filebase64sha256("${local.zip_folder}/${name}/bootstrap.zip"), null)
      } : {
      file   = null
      key    = "${var.zips.prefix}/${name}/${replace(replace(lookup(var.zips.digests, name, ""), "+", "-"), "/", "_")}.zip"
      digest = lookup(var.zips.digests, name, null)
    }
  }

  # The envelope's allow-list: logical=real.
  envelope_tables = var.envelope == null ? {} : merge(
    { for logical in var.envelope.orders_as : logical => aws_dynamodb_table.orders.name },
    { for logical, table in var.envelope.tables : logical => table.name },
  )

  environment = {
    TABLE_NAME             = aws_dynamodb_table.orders.name
    IDEMPOTENCY_TABLE_NAME = aws_dynamodb_table.idempotency_keys.name
    ENVELOPE_TABLES        = join(",", [for logical, real in local.envelope_tables : "${logical}=${real}"])
  }
}

resource "aws_cloudwatch_log_group" "function" {
  for_each = local.operations

  name              = "/aws/lambda/${var.name}-${each.key}"
  retention_in_days = var.log_retention_days
}

resource "aws_lambda_function" "operation" {
  for_each = local.operations

  function_name = "${var.name}-${each.key}"
  description   = "${each.value.method} ${each.value.path}"
  role          = aws_iam_role.function[each.key].arn

  filename         = local.zips[each.key].file
  s3_bucket        = var.zips.bucket
  s3_key           = local.zips[each.key].key
  source_code_hash = local.zips[each.key].digest

  runtime       = "provided.al2023"
  handler       = "bootstrap"
  architectures = [var.architecture]
  memory_size   = each.value.memory_mb
  timeout       = each.value.timeout_seconds
  publish       = true

  # -1: none is reserved.
  reserved_concurrent_executions = coalesce(each.value.reserved_concurrency, -1)

  dynamic "environment" {
    for_each = length(each.value.access) > 0 ? [local.environment] : []
    content {
      variables = environment.value
    }
  }

  logging_config {
    log_group             = aws_cloudwatch_log_group.function[each.key].name
    log_format            = "JSON"
    application_log_level = var.log_level
    system_log_level      = "INFO"
  }

  tracing_config {
    mode = "Active"
  }

  # A function that starts before its permissions are there answers its first requests with errors.
  depends_on = [aws_iam_role_policy.function]

  lifecycle {
    precondition {
      condition     = local.zips[each.key].digest != null
      error_message = var.zips.bucket == null ? "There is no ${local.zips[each.key].file}. Build the zips first: cargo lambda build --release --output-format zip." : "zips.digests does not have ${each.key}."
    }
  }
}

# What the API calls. A deployment moves it to a new version; rolling back moves it to an old one.
resource "aws_lambda_alias" "live" {
  for_each = local.operations

  name             = "live"
  function_name    = aws_lambda_function.operation[each.key].function_name
  function_version = lookup(var.versions, each.key, aws_lambda_function.operation[each.key].version)
}

resource "aws_lambda_permission" "api" {
  for_each = local.operations

  statement_id  = "api"
  action        = "lambda:InvokeFunction"
  principal     = "apigateway.amazonaws.com"
  function_name = aws_lambda_function.operation[each.key].function_name
  # The API calls the alias: without this every call would be refused.
  qualifier  = aws_lambda_alias.live[each.key].name
  source_arn = "${aws_apigatewayv2_api.orders.execution_arn}/*/*"
}
