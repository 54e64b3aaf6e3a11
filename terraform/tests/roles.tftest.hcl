# What each function may do.

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

run "each_role_has_its_actions_on_its_resources" {
  command = plan

  assert {
    condition = {
      for name, policy in aws_iam_role_policy.function : name => flatten([
        for statement in jsondecode(policy.policy).Statement : [
          for pair in setproduct(statement.Action, statement.Resource) : "${trimprefix(pair[0], "dynamodb:")} ${element(split(":", pair[1]), 5)}"
          if startswith(pair[0], "dynamodb:")
        ]
      ])
      } == {
      create-order  = ["PutItem table/orders-idempotency", "PutItem table/orders"]
      delete-order  = ["DeleteItem table/orders", "GetItem table/orders"]
      echo          = []
      envelope      = ["DeleteItem table/orders", "GetItem table/orders", "PutItem table/orders", "Scan table/orders", "UpdateItem table/orders", "Scan table/orders/index/product-order_date-index"]
      get-order     = ["GetItem table/orders"]
      list-orders   = ["Query table/orders/index/_shard-order_date-index", "Scan table/orders", "Query table/orders/index/product-order_date-index"]
      ping          = []
      replace-order = ["GetItem table/orders", "PutItem table/orders"]
      update-order  = ["GetItem table/orders", "PutItem table/orders", "UpdateItem table/orders"]
    }
    error_message = "A role may do more or less than its operation needs."
  }
}

run "nothing_is_a_wildcard_but_x_rays_resource" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for policy in aws_iam_role_policy.function : [
        for statement in jsondecode(policy.policy).Statement : !strcontains(join(" ", statement.Action), "*") && (
          sort(statement.Action) == tolist(["xray:PutTelemetryRecords", "xray:PutTraceSegments"])
          || alltrue([for resource in statement.Resource : !strcontains(trimsuffix(resource, ":*"), "*")])
        )
      ]
    ]))
    error_message = "A policy has a wildcard."
  }
  assert {
    # `:*` are a log group's streams: their names are Lambda's, and not known before they exist.
    condition = alltrue(flatten([
      for policy in aws_iam_role_policy.function : [
        for statement in jsondecode(policy.policy).Statement : [
          for resource in statement.Resource : !endswith(resource, ":*") || startswith(resource, "arn:aws:logs:")
        ]
      ]
    ]))
    error_message = "Something else than a log group has a wildcard."
  }
}

run "a_function_writes_to_its_own_log_group" {
  command = plan

  assert {
    condition     = contains(flatten([for statement in jsondecode(aws_iam_role_policy.function["get-order"].policy).Statement : statement.Resource]), "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/orders-get-order:*")
    error_message = "get-order can't write its log."
  }
  assert {
    condition     = alltrue([for name, function in aws_lambda_function.operation : one(function.logging_config).log_group == "/aws/lambda/orders-${name}"])
    error_message = "A function logs elsewhere."
  }
}

run "only_lambda_takes_on_a_role" {
  command = plan

  assert {
    condition = alltrue([for role in aws_iam_role.function : jsondecode(role.assume_role_policy).Statement == [{
      Action    = "sts:AssumeRole"
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
    }]])
    error_message = "Somebody else may take on a function's role."
  }
}

run "the_permissions_boundary_is_on_every_role" {
  command = plan

  variables {
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/orders-boundary"
  }
  assert {
    condition     = alltrue([for role in aws_iam_role.function : role.permissions_boundary == "arn:aws:iam::123456789012:policy/orders-boundary"])
    error_message = "A role has no boundary."
  }
}

run "further_tables_of_the_envelope_are_the_envelopes_alone" {
  command = plan

  variables {
    envelope = { tables = { customers = { name = "shop-customers", indexes = ["by-name"] }, stock = { name = "shop-stock" } } }
  }
  assert {
    condition = flatten([for statement in jsondecode(aws_iam_role_policy.function["envelope"].policy).Statement : statement.Resource if startswith(statement.Action[0], "dynamodb:")]) == [
      "arn:aws:dynamodb:eu-central-1:123456789012:table/orders",
      "arn:aws:dynamodb:eu-central-1:123456789012:table/orders/index/product-order_date-index",
      "arn:aws:dynamodb:eu-central-1:123456789012:table/shop-customers/index/by-name",
      "arn:aws:dynamodb:eu-central-1:123456789012:table/shop-customers",
      "arn:aws:dynamodb:eu-central-1:123456789012:table/shop-stock",
    ]
    error_message = "The envelope may use other tables than those on its list."
  }
  assert {
    condition     = one(aws_lambda_function.operation["envelope"].environment).variables["ENVELOPE_TABLES"] == "customers=shop-customers,lambda-apigateway=orders,stock=shop-stock"
    error_message = "The allow-list is ${one(aws_lambda_function.operation["envelope"].environment).variables["ENVELOPE_TABLES"]}."
  }
  assert {
    condition     = alltrue([for name, policy in aws_iam_role_policy.function : !strcontains(policy.policy, "shop-") if name != "envelope"])
    error_message = "Another function may use them too."
  }
}

run "with_a_key_of_ones_own_the_functions_may_use_it_through_dynamodb" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/some"
  }
  assert {
    condition = alltrue([for name, policy in aws_iam_role_policy.function : anytrue([
      for statement in jsondecode(policy.policy).Statement : statement.Resource == ["arn:aws:kms:eu-central-1:123456789012:key/some"] && try(statement.Condition.StringLike["kms:ViaService"], null) == "dynamodb.*.amazonaws.com"
    ]) == !contains(["echo", "ping"], name)])
    error_message = "A function can't read the tables, or one without tables may use the key."
  }
}
