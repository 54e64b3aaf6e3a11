output "api_url" {
  description = "The API's address, without a slash at the end."
  value       = var.domain == null ? trimsuffix(aws_apigatewayv2_stage.default.invoke_url, "/") : "https://${var.domain.name}"
}

output "api_id" {
  description = "API Gateway's id of the API."
  value       = aws_apigatewayv2_api.orders.id
}

output "domain_target" {
  description = "Where your own record of the custom domain has to point; null without one."
  value       = try(aws_apigatewayv2_domain_name.api[var.domain.name].domain_name_configuration[0].target_domain_name, null)
}

output "function_names" {
  description = "The functions, by operation."
  value       = { for name, function in aws_lambda_function.operation : name => function.function_name }
}

output "versions" {
  description = "The version that each operation's alias points to: what to come back to, see `versions`."
  value       = { for name, alias in aws_lambda_alias.live : name => alias.function_version }
}

output "table_names" {
  description = "The tables."
  value       = { for name, table in local.tables : name => table.name }
}

output "stream_arn" {
  description = "The orders' stream; null without one."
  value       = var.stream_view_type == null ? null : aws_dynamodb_table.orders.stream_arn
}

output "alarm_topic_arn" {
  description = "Where alarms go."
  value       = local.alarm_topic
}

output "dashboard" {
  description = "The name of the CloudWatch dashboard."
  value       = aws_cloudwatch_dashboard.orders.dashboard_name
}

output "zips" {
  description = "What was deployed, in the form of the variable `zips`."
  value = {
    bucket  = var.zips.bucket
    prefix  = var.zips.prefix
    digests = { for name, zip in local.zips : name => zip.digest }
  }
}
