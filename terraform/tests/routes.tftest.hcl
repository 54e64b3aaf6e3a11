# Which routes there are, what they lead to, and who may use them.

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

run "every_described_operation_has_its_route" {
  command = plan

  assert {
    condition = { for name, route in aws_apigatewayv2_route.operation : name => route.route_key } == merge([
      for path, methods in jsondecode(file("../openapi.json")).paths : {
        for method, operation in methods : operation.operationId => "${upper(method)} ${path}"
      }
    ]...)
    error_message = "The routes are not those of openapi.json."
  }
  assert {
    condition     = aws_apigatewayv2_route.operation["update-order"].route_key == "PATCH /orders/{id}" && aws_apigatewayv2_route.operation["envelope"].route_key == "POST /"
    error_message = "A route key is not as API Gateway writes it."
  }
}

run "a_route_leads_to_its_functions_alias" {
  command = plan

  assert {
    condition     = aws_apigatewayv2_route.operation["get-order"].target == "integrations/get-order-integration"
    error_message = "A route has another operation's integration."
  }
  assert {
    condition     = aws_apigatewayv2_integration.operation["get-order"].integration_uri == "arn:of:the:alias:of:get-order"
    error_message = "An integration leads to something else than the alias."
  }
  assert {
    condition     = alltrue([for integration in aws_apigatewayv2_integration.operation : integration.payload_format_version == "2.0"])
    error_message = "The functions read payloads of version 2.0."
  }
}

run "the_api_may_invoke_the_alias" {
  command = plan

  assert {
    condition     = alltrue([for name, permission in aws_lambda_permission.api : permission.qualifier == aws_lambda_alias.live[name].name && permission.function_name == "orders-${name}"])
    error_message = "A permission without the alias as its qualifier makes every call a 500."
  }
  assert {
    condition     = alltrue([for permission in aws_lambda_permission.api : permission.source_arn == "arn:aws:execute-api:eu-central-1:123456789012:the-api/*/*"])
    error_message = "Another API than this one may invoke a function."
  }
  assert {
    condition     = keys(aws_lambda_permission.api) == keys(aws_apigatewayv2_route.operation)
    error_message = "A route has no permission."
  }
}

run "requests_are_throttled_and_logged" {
  command = plan

  assert {
    condition     = one(aws_apigatewayv2_stage.default.default_route_settings).throttling_rate_limit > 0 && one(aws_apigatewayv2_stage.default.default_route_settings).throttling_burst_limit > 0
    error_message = "Without both throttling values every call is a 429."
  }
  assert {
    condition     = aws_apigatewayv2_stage.default.name == "$default" && aws_apigatewayv2_stage.default.auto_deploy
    error_message = "The stage must be $default and deploy by itself."
  }
  assert {
    condition     = jsondecode(one(aws_apigatewayv2_stage.default.access_log_settings).format).requestId == "$context.requestId"
    error_message = "There is no access log."
  }
}

run "without_authorization_anybody_may_call" {
  command = plan

  assert {
    condition     = alltrue([for route in aws_apigatewayv2_route.operation : route.authorization_type == "NONE"])
    error_message = "A route asks for authorization."
  }
  assert {
    condition     = length(aws_apigatewayv2_authorizer.jwt) == 0
    error_message = "There is an authorizer that nothing uses."
  }
}

run "with_iam_every_route_but_ping_wants_a_signature" {
  command = plan

  variables {
    authorization = { type = "iam" }
  }
  assert {
    condition     = alltrue([for name, route in aws_apigatewayv2_route.operation : route.authorization_type == (name == "ping" ? "NONE" : "AWS_IAM")])
    error_message = "A route is open, or ping is not."
  }
}

run "ping_can_be_closed_too" {
  command = plan

  variables {
    authorization = { type = "iam", public_ping = false }
  }
  assert {
    condition     = alltrue([for route in aws_apigatewayv2_route.operation : route.authorization_type == "AWS_IAM"])
    error_message = "A route is open."
  }
}

run "with_jwt_every_route_but_ping_has_the_authorizer_and_its_scopes" {
  command = plan

  variables {
    authorization = {
      type     = "jwt"
      issuer   = "https://issuer.example"
      audience = ["orders"]
      scopes   = { read = ["orders/read"], write = ["orders/write"], envelope = ["orders/envelope"] }
    }
  }
  assert {
    condition     = alltrue([for name, route in aws_apigatewayv2_route.operation : route.authorization_type == "JWT" && route.authorizer_id == "the-authorizer" if name != "ping"])
    error_message = "A route is open."
  }
  assert {
    condition = { for name, route in aws_apigatewayv2_route.operation : name => route.authorization_scopes if name != "ping" } == {
      for name, route in aws_apigatewayv2_route.operation : name => toset(
        name == "envelope" ? ["orders/envelope"] : startswith(route.route_key, "GET ") ? ["orders/read"] : ["orders/write"]
      ) if name != "ping"
    }
    error_message = "A route takes a scope that is not its own."
  }
  assert {
    condition     = one(aws_apigatewayv2_authorizer.jwt["jwt"].jwt_configuration).issuer == "https://issuer.example" && one(aws_apigatewayv2_authorizer.jwt["jwt"].jwt_configuration).audience == toset(["orders"])
    error_message = "The authorizer does not check issuer and audience."
  }
}

run "the_envelope_moves_to_a_path_of_choice" {
  command = plan

  variables {
    envelope = { path = "/legacy/DynamoDBManager" }
  }
  assert {
    condition     = aws_apigatewayv2_route.operation["envelope"].route_key == "POST /legacy/DynamoDBManager"
    error_message = "The envelope is not where it was asked for."
  }
}

run "the_envelope_can_be_left_out" {
  command = plan

  variables {
    envelope = null
  }
  assert {
    condition     = !contains(keys(aws_apigatewayv2_route.operation), "envelope") && !contains(keys(aws_lambda_function.operation), "envelope") && !contains(keys(aws_iam_role.function), "envelope")
    error_message = "Something of the envelope is still there."
  }
  assert {
    condition     = length(aws_apigatewayv2_route.operation) == 8
    error_message = "Something else is gone."
  }
}

run "cors_is_off_by_default" {
  command = plan

  assert {
    condition     = length(aws_apigatewayv2_api.orders.cors_configuration) == 0
    error_message = "CORS is on."
  }
}

run "cors_lets_pages_see_what_the_service_answers" {
  command = plan

  variables {
    cors_origins = ["https://shop.example"]
  }
  assert {
    condition     = one(aws_apigatewayv2_api.orders.cors_configuration).allow_origins == toset(["https://shop.example"]) && length(setsubtract(["GET", "POST", "PUT", "PATCH", "DELETE"], one(aws_apigatewayv2_api.orders.cors_configuration).allow_methods)) == 0
    error_message = "A page of that origin can't make every request."
  }
  assert {
    condition     = length(setsubtract(["etag", "location", "link", "retry-after", "idempotency-replayed", "x-request-id"], one(aws_apigatewayv2_api.orders.cors_configuration).expose_headers)) == 0
    error_message = "A page can't see all headers of an answer."
  }
}

run "a_domain_takes_the_place_of_the_address" {
  command = plan

  variables {
    domain = { name = "orders.shop.example", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/some", zone_id = "Z0SHOP" }
  }
  assert {
    condition     = output.api_url == "https://orders.shop.example" && aws_apigatewayv2_api.orders.disable_execute_api_endpoint
    error_message = "The API is still under API Gateway's address."
  }
  assert {
    condition     = aws_route53_record.api["orders.shop.example"].name == "orders.shop.example" && aws_apigatewayv2_api_mapping.api["orders.shop.example"].domain_name != null
    error_message = "The domain leads nowhere."
  }
}

run "the_address_has_no_slash_at_its_end" {
  command = plan

  assert {
    condition     = output.api_url == "https://the-api.execute-api.eu-central-1.amazonaws.com"
    error_message = "The address is ${output.api_url}."
  }
}
