resource "aws_apigatewayv2_api" "orders" {
  name                         = var.name
  description                  = "The orders service"
  protocol_type                = "HTTP"
  disable_execute_api_endpoint = try(var.domain.is_only_address, false)

  dynamic "cors_configuration" {
    for_each = length(var.cors_origins) > 0 ? [var.cors_origins] : []
    content {
      allow_origins  = cors_configuration.value
      allow_methods  = distinct([for operation in local.operations : operation.method])
      allow_headers  = ["authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "traceparent"]
      expose_headers = ["etag", "idempotency-replayed", "link", "location", "retry-after", "x-request-id"]
      max_age        = 600
    }
  }

  lifecycle {
    precondition {
      condition     = toset(keys(local.needs)) == toset(keys(local.described))
      error_message = "operations.tf must say what each operation needs, and of no other. Missing: [${join(", ", setsubtract(keys(local.described), keys(local.needs)))}]. Unknown: [${join(", ", setsubtract(keys(local.needs), keys(local.described)))}]."
    }
    precondition {
      condition     = length(distinct([for operation in local.operations : "${operation.method} ${operation.path}"])) == length(local.operations)
      error_message = "Two operations have the same route: envelope.path is another operation's path."
    }
  }
}

resource "aws_apigatewayv2_integration" "operation" {
  for_each = local.operations

  api_id                 = aws_apigatewayv2_api.orders.id
  integration_type       = "AWS_PROXY"
  integration_method     = "POST"
  integration_uri        = aws_lambda_alias.live[each.key].invoke_arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "operation" {
  for_each = local.operations

  api_id    = aws_apigatewayv2_api.orders.id
  route_key = "${each.value.method} ${each.value.path}"
  target    = "integrations/${aws_apigatewayv2_integration.operation[each.key].id}"

  authorization_type   = local.route_authorization[each.key].type
  authorizer_id        = local.route_authorization[each.key].authorizer_id
  authorization_scopes = local.route_authorization[each.key].scopes
}

# $default: its name is no part of the path, so paths are the same here and in local mode.
resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.orders.id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_rate_limit  = var.throttling.rate_per_second
    throttling_burst_limit = var.throttling.burst
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format = jsonencode({
      requestId       = "$context.requestId"
      functionRequest = "$context.integration.requestId"
      time            = "$context.requestTime"
      sourceIp        = "$context.identity.sourceIp"
      userAgent       = "$context.identity.userAgent"
      principal       = "$context.authorizer.principalId"
      subject         = "$context.authorizer.claims.sub"
      caller          = "$context.identity.userArn"
      route           = "$context.routeKey"
      path            = "$context.path"
      status          = "$context.status"
      bytes           = "$context.responseLength"
      milliseconds    = "$context.responseLatency"
      functionMs      = "$context.integrationLatency"
      error           = "$context.error.message"
      functionError   = "$context.integrationErrorMessage"
      authorizerError = "$context.authorizer.error"
    })
  }
}

# Under this prefix the log groups of all APIs share one line of the account's resource policy, whose length is limited.
resource "aws_cloudwatch_log_group" "access" {
  name              = "/aws/vendedlogs/${var.name}-access"
  retention_in_days = var.log_retention_days
}
