# Each alarm says in its description what it means.

locals {
  alarm_topics = var.alarms.topic_arn == null ? { own = "${var.name}-alarms" } : {}
  alarm_topic  = var.alarms.topic_arn == null ? aws_sns_topic.alarms["own"].arn : var.alarms.topic_arn

  # A function error is a crash or a timeout: the service answers everything else itself.
  function_alarms = merge([
    for name in keys(local.operations) : {
      for metric in ["Errors", "Throttles"] : "${name}-${lower(metric)}" => { operation = name, metric = metric }
    }
  ]...)

  tables = {
    orders = {
      name    = aws_dynamodb_table.orders.name
      indexes = [local.product_index, local.date_index]
      # The by-date and product queries are on its indexes, but count as its own.
      operations = distinct(concat(flatten([for operation in local.operations : [
        for target, actions in operation.access : actions if target != "idempotency_keys"
      ]]), ["TransactWriteItems"]))
    }
    idempotency_keys = {
      name       = aws_dynamodb_table.idempotency_keys.name
      indexes    = []
      operations = ["TransactWriteItems"]
    }
  }

  # A table's alarms are sums: of the operations on it, and of itself and its indexes, because an index that throttles
  # throttles its table.
  table_alarms = merge([
    for table, settings in local.tables : {
      "${table}-system-errors" = {
        description = "DynamoDB failed requests to ${settings.name} by its own fault."
        metrics = { for operation in settings.operations : lower(operation) => {
          name       = "SystemErrors"
          dimensions = { TableName = settings.name, Operation = operation }
        } }
      }
      "${table}-throttling" = {
        description = "DynamoDB throttled requests to ${settings.name} or an index of it."
        metrics = merge([for index, dimensions in concat([{}], [for name in settings.indexes : { GlobalSecondaryIndexName = name }]) : {
          for kind in ["Read", "Write"] : "${lower(kind)}${index}" => {
            name       = "${kind}ThrottleEvents"
            dimensions = merge({ TableName = settings.name }, dimensions)
          }
        }]...)
      }
    }
  ]...)
}

# Not encrypted with the AWS managed key of SNS: CloudWatch may not use that, and alarms would be lost.
resource "aws_sns_topic" "alarms" {
  for_each = local.alarm_topics

  name = each.value
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.alarms.emails

  topic_arn = local.alarm_topic
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_cloudwatch_metric_alarm" "error_rate" {
  alarm_name          = "${var.name}-error-rate"
  alarm_description   = "More than ${var.alarms.error_rate_percent} % of the answers are 5xx."
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarms.error_rate_percent
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [local.alarm_topic]
  ok_actions          = [local.alarm_topic]

  metric_query {
    id          = "rate"
    label       = "5xx answers in percent"
    expression  = "100 * failed / MAX([requests, 1])"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { failed = "5xx", requests = "Count" }
    content {
      id = metric_query.key
      metric {
        namespace   = "AWS/ApiGateway"
        metric_name = metric_query.value
        dimensions  = { ApiId = aws_apigatewayv2_api.orders.id }
        period      = 60
        stat        = "Sum"
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "latency" {
  alarm_name          = "${var.name}-latency"
  alarm_description   = "The slowest hundredth of the answers takes more than ${var.alarms.latency_p99_ms} ms."
  namespace           = "AWS/ApiGateway"
  metric_name         = "Latency"
  dimensions          = { ApiId = aws_apigatewayv2_api.orders.id }
  extended_statistic  = "p99"
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarms.latency_p99_ms
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"
  # Of a handful of requests the slowest is always the slowest hundredth: a cold start is no alarm.
  evaluate_low_sample_count_percentiles = "ignore"
  alarm_actions                         = [local.alarm_topic]
  ok_actions                            = [local.alarm_topic]
}

resource "aws_cloudwatch_metric_alarm" "function" {
  for_each = local.function_alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "The function ${var.name}-${each.value.operation} reports ${lower(each.value.metric)}."
  namespace           = "AWS/Lambda"
  metric_name         = each.value.metric
  dimensions          = { FunctionName = aws_lambda_function.operation[each.value.operation].function_name }
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [local.alarm_topic]
  ok_actions          = [local.alarm_topic]
}

resource "aws_cloudwatch_metric_alarm" "table" {
  for_each = local.table_alarms

  alarm_name          = "${var.name}-table-${replace(each.key, "_", "-")}"
  alarm_description   = each.value.description
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [local.alarm_topic]
  ok_actions          = [local.alarm_topic]

  metric_query {
    id          = "sum"
    label       = each.key
    expression  = "SUM(METRICS())"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = each.value.metrics
    content {
      id = metric_query.key
      metric {
        namespace   = "AWS/DynamoDB"
        metric_name = metric_query.value.name
        dimensions  = metric_query.value.dimensions
        period      = 300
        stat        = "Sum"
      }
    }
  }
}
