# How functions run, and how a deployment is rolled back.

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

run "a_function_runs_as_lambda_recommends" {
  command = plan

  assert {
    condition     = alltrue([for function in aws_lambda_function.operation : function.runtime == "provided.al2023" && function.architectures == tolist(["arm64"]) && function.publish])
    error_message = "A function has another runtime or processor, or makes no versions."
  }
  assert {
    condition     = alltrue([for function in aws_lambda_function.operation : one(function.logging_config).log_format == "JSON" && one(function.tracing_config).mode == "Active"])
    error_message = "A function does not log JSON or is not traced."
  }
  assert {
    condition     = alltrue([for function in aws_lambda_function.operation : function.timeout >= 10 && function.timeout <= 29 && function.memory_size >= 128 && function.reserved_concurrent_executions == -1])
    error_message = "A function's timeout is not between DynamoDB's and the gateway's, or it has no memory, or is reserved."
  }
  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.function : group.retention_in_days == 30])
    error_message = "A log is kept for ever."
  }
}

run "a_function_knows_its_tables" {
  command = plan

  assert {
    condition = one(aws_lambda_function.operation["create-order"].environment).variables == tomap({
      TABLE_NAME             = "orders"
      IDEMPOTENCY_TABLE_NAME = "orders-idempotency"
      ENVELOPE_TABLES        = "lambda-apigateway=orders"
    })
    error_message = "create-order is configured wrongly."
  }
  assert {
    condition     = alltrue([for name in ["echo", "ping"] : length(aws_lambda_function.operation[name].environment) == 0])
    error_message = "A function without data is told of tables."
  }
}

run "settings_are_by_operation" {
  command = plan

  variables {
    functions = { list-orders = { memory_mb = 1024, reserved_concurrency = 20 } }
  }
  assert {
    condition     = aws_lambda_function.operation["list-orders"].memory_size == 1024 && aws_lambda_function.operation["list-orders"].reserved_concurrent_executions == 20 && aws_lambda_function.operation["list-orders"].timeout == 20
    error_message = "list-orders did not get its own settings beside the usual ones."
  }
  assert {
    condition     = aws_lambda_function.operation["get-order"].memory_size == 256
    error_message = "Another function's settings changed."
  }
}

run "zips_in_a_bucket_are_named_by_digest" {
  command = plan

  assert {
    condition     = aws_lambda_function.operation["ping"].s3_key == "lambda/ping/47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=.zip" && aws_lambda_function.operation["ping"].source_code_hash == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" && aws_lambda_function.operation["ping"].filename == null
    error_message = "The zip's place is ${aws_lambda_function.operation["ping"].s3_key}."
  }
}

run "the_alias_is_at_the_newest_version" {
  command = plan

  assert {
    condition     = alltrue([for alias in aws_lambda_alias.live : alias.function_version == "3"]) && output.versions["ping"] == "3"
    error_message = "An alias is not at the version that was just made."
  }
}

run "rolling_back_moves_the_alias_of_the_named_operation" {
  command = plan

  variables {
    versions = { create-order = "2" }
  }
  assert {
    condition     = aws_lambda_alias.live["create-order"].function_version == "2" && aws_lambda_alias.live["get-order"].function_version == "3"
    error_message = "The wrong alias moved."
  }
}

run "a_missing_zip_is_named" {
  command = plan

  variables {
    zips = { folder = "tests/no-such-folder" }
  }
  expect_failures = [aws_lambda_function.operation]
}

run "a_missing_digest_is_named" {
  command = plan

  variables {
    zips = { bucket = "zips", digests = { ping = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" } }
  }
  expect_failures = [aws_lambda_function.operation]
}

run "an_operation_that_terraform_knows_nothing_of_is_refused" {
  command = plan

  variables {
    openapi_file = "tests/another-operation.json"
    zips         = { bucket = "zips", digests = { cancel-order = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" } }
  }
  expect_failures = [aws_apigatewayv2_api.orders]
}
