# What Terraform refuses before it asks AWS.

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

run "a_missing_issuer" {
  command = plan

  variables {
    authorization = { type = "jwt", audience = ["orders"] }
  }
  expect_failures = [var.authorization]
}

run "an_issuer_without_https" {
  command = plan

  variables {
    authorization = { type = "jwt", issuer = "http://issuer.example", audience = ["orders"] }
  }
  expect_failures = [var.authorization]
}

run "a_missing_audience" {
  command = plan

  variables {
    authorization = { type = "jwt", issuer = "https://issuer.example" }
  }
  expect_failures = [var.authorization]
}

run "an_unknown_kind_of_authorization" {
  command = plan

  variables {
    authorization = { type = "basic" }
  }
  expect_failures = [var.authorization]
}

run "scopes_where_there_are_no_tokens" {
  command = plan

  variables {
    authorization = { type = "iam", scopes = { read = ["orders/read"] } }
  }
  expect_failures = [var.authorization]
}

run "a_forgotten_scope_of_the_envelope" {
  command = plan

  variables {
    authorization = { type = "jwt", issuer = "https://issuer.example", audience = ["orders"], scopes = { read = ["r"], write = ["w"] } }
  }
  expect_failures = [var.authorization]
}

run "a_name_that_is_too_long_for_a_role" {
  command = plan

  variables {
    name = "orders-of-the-shop-of-the-department-of-books"
  }
  expect_failures = [var.name]
}

run "a_name_with_capitals" {
  command = plan

  variables {
    name = "Orders"
  }
  expect_failures = [var.name]
}

run "a_region_that_is_none" {
  command = plan

  variables {
    region = "europe"
  }
  expect_failures = [var.region]
}

run "tags_of_aws" {
  command = plan

  variables {
    tags = { "aws:name" = "x" }
  }
  expect_failures = [var.tags]
}

run "a_boundary_that_is_no_policy" {
  command = plan

  variables {
    permissions_boundary_arn = "arn:aws:iam::123456789012:role/x"
  }
  expect_failures = [var.permissions_boundary_arn]
}

run "a_description_that_is_none" {
  command = plan

  variables {
    openapi_file = "versions.tf"
  }
  expect_failures = [var.openapi_file]
}

run "a_bucket_without_digests" {
  command = plan

  variables {
    zips = { bucket = "zips" }
  }
  expect_failures = [var.zips]
}

run "zips_from_two_places" {
  command = plan

  variables {
    zips = { bucket = "zips", folder = "zips", digests = { ping = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" } }
  }
  expect_failures = [var.zips]
}

run "a_digest_in_hexadecimal" {
  command = plan

  variables {
    zips = { bucket = "zips", digests = { ping = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" } }
  }
  expect_failures = [var.zips]
}

run "another_processor" {
  command = plan

  variables {
    architecture = "riscv64"
  }
  expect_failures = [var.architecture]
}

run "settings_of_an_unknown_operation" {
  command = plan

  variables {
    functions = { archive-order = { memory_mb = 512 } }
  }
  expect_failures = [var.functions]
}

run "too_little_memory" {
  command = plan

  variables {
    functions = { ping = { memory_mb = 64 } }
  }
  expect_failures = [var.functions]
}

run "a_timeout_beyond_the_gateways" {
  command = plan

  variables {
    functions = { ping = { timeout_seconds = 60 } }
  }
  expect_failures = [var.functions]
}

run "a_timeout_below_dynamodbs" {
  command = plan

  variables {
    functions = { ping = { timeout_seconds = 3 } }
  }
  expect_failures = [var.functions]
}

run "a_concurrency_that_switches_off" {
  command = plan

  variables {
    functions = { ping = { reserved_concurrency = 0 } }
  }
  expect_failures = [var.functions]
}

run "a_version_that_is_no_number" {
  command = plan

  variables {
    versions = { ping = "$LATEST" }
  }
  expect_failures = [var.versions]
}

run "a_path_with_a_slash_at_its_end" {
  command = plan

  variables {
    envelope = { path = "/legacy/" }
  }
  expect_failures = [var.envelope]
}

run "a_table_name_that_breaks_the_list" {
  command = plan

  variables {
    envelope = { orders_as = ["a,b"] }
  }
  expect_failures = [var.envelope]
}

run "a_table_name_with_two_meanings" {
  command = plan

  variables {
    envelope = { orders_as = ["a"], tables = { a = { name = "other" } } }
  }
  expect_failures = [var.envelope]
}

run "a_table_that_dynamodb_would_refuse" {
  command = plan

  variables {
    envelope = { tables = { a = { name = "a b" } } }
  }
  expect_failures = [var.envelope]
}

run "an_unknown_log_level" {
  command = plan

  variables {
    log_level = "VERBOSE"
  }
  expect_failures = [var.log_level]
}

run "a_retention_that_cloudwatch_does_not_know" {
  command = plan

  variables {
    log_retention_days = 10
  }
  expect_failures = [var.log_retention_days]
}

run "a_table_name_with_blanks" {
  command = plan

  variables {
    table_name = "my orders"
  }
  expect_failures = [var.table_name]
}

run "an_alias_of_a_key" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:alias/some"
  }
  expect_failures = [var.kms_key_arn]
}

run "an_unknown_view_of_the_stream" {
  command = plan

  variables {
    stream_view_type = "ALL"
  }
  expect_failures = [var.stream_view_type]
}

run "a_rate_that_refuses_everything" {
  command = plan

  variables {
    throttling = { rate_per_second = 0 }
  }
  expect_failures = [var.throttling]
}

run "a_burst_that_refuses_everything" {
  command = plan

  variables {
    throttling = { burst = 0 }
  }
  expect_failures = [var.throttling]
}

run "an_origin_with_a_path" {
  command = plan

  variables {
    cors_origins = ["https://shop.example/"]
  }
  expect_failures = [var.cors_origins]
}

run "a_domain_that_is_an_address" {
  command = plan

  variables {
    domain = { name = "https://shop.example", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/some" }
  }
  expect_failures = [var.domain]
}

run "subscribers_of_another_topic" {
  command = plan

  variables {
    alarms = { topic_arn = "arn:aws:sns:eu-central-1:123456789012:t", emails = ["a@b.example"] }
  }
  expect_failures = [var.alarms]
}

run "a_rate_that_is_always_exceeded" {
  command = plan

  variables {
    alarms = { error_rate_percent = 0 }
  }
  expect_failures = [var.alarms]
}

run "an_envelope_on_another_operations_route" {
  command = plan

  variables {
    envelope = { path = "/orders" }
  }
  expect_failures = [aws_apigatewayv2_api.orders]
}
