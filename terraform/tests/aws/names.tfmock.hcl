# What AWS would make up, so that policies and targets can be compared to the letter.

override_resource {
  target = aws_dynamodb_table.orders
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/orders" }
}

override_resource {
  target = aws_dynamodb_table.idempotency_keys
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/orders-idempotency" }
}

override_resource {
  target = aws_cloudwatch_log_group.function["get-order"]
  values = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/orders-get-order" }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:some" }
}

mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws:iam::123456789012:role/some" }
}

mock_resource "aws_lambda_function" {
  defaults = { version = "3" }
}

override_resource {
  target = aws_lambda_alias.live["get-order"]
  values = { invoke_arn = "arn:of:the:alias:of:get-order" }
}

mock_resource "aws_apigatewayv2_api" {
  defaults = {
    id            = "the-api"
    execution_arn = "arn:aws:execute-api:eu-central-1:123456789012:the-api"
  }
}

override_resource {
  target = aws_apigatewayv2_integration.operation["get-order"]
  values = { id = "get-order-integration" }
}

mock_resource "aws_apigatewayv2_authorizer" {
  defaults = { id = "the-authorizer" }
}

mock_resource "aws_apigatewayv2_stage" {
  defaults = { invoke_url = "https://the-api.execute-api.eu-central-1.amazonaws.com/" }
}

mock_resource "aws_apigatewayv2_domain_name" {
  defaults = {
    domain_name_configuration = {
      target_domain_name = "d-target.execute-api.eu-central-1.amazonaws.com"
      hosted_zone_id     = "Z0TARGET"
    }
  }
}

mock_resource "aws_sns_topic" {
  defaults = { arn = "arn:aws:sns:eu-central-1:123456789012:orders-alarms" }
}
