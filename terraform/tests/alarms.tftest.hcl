# Who is told of what.

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

run "every_function_has_its_alarms" {
  command = plan

  assert {
    condition = toset([for alarm in aws_cloudwatch_metric_alarm.function : "${alarm.dimensions["FunctionName"]} ${alarm.metric_name}"]) == toset(flatten([
      for name in keys(aws_lambda_function.operation) : ["orders-${name} Errors", "orders-${name} Throttles"]
    ]))
    error_message = "A function fails or is throttled and nobody hears of it."
  }
}

run "an_index_that_throttles_is_heard_of" {
  command = plan

  assert {
    condition = toset([for query in aws_cloudwatch_metric_alarm.table["orders-throttling"].metric_query : one(query.metric).dimensions["GlobalSecondaryIndexName"] if length(query.metric) > 0 && can(one(query.metric).dimensions["GlobalSecondaryIndexName"])]) == toset([
      "product-order_date-index", "_shard-order_date-index"
    ])
    error_message = "An index is not watched."
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.table["orders-throttling"].metric_query) == 7 && length(aws_cloudwatch_metric_alarm.table["idempotency_keys-throttling"].metric_query) == 3
    error_message = "Reads and writes are not both watched."
  }
}

run "every_request_to_a_table_is_watched_for_system_errors" {
  command = plan

  assert {
    condition = toset([for query in aws_cloudwatch_metric_alarm.table["orders-system-errors"].metric_query : one(query.metric).dimensions["Operation"] if length(query.metric) > 0]) == toset([
      "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "TransactWriteItems", "UpdateItem"
    ])
    error_message = "A kind of request is not watched."
  }
}

run "the_api_is_watched_as_a_whole" {
  command = plan

  assert {
    condition     = aws_cloudwatch_metric_alarm.latency.extended_statistic == "p99" && aws_cloudwatch_metric_alarm.latency.threshold == 1000
    error_message = "Slow answers are not noticed."
  }
  assert {
    condition     = toset([for query in aws_cloudwatch_metric_alarm.error_rate.metric_query : one(query.metric).metric_name if length(query.metric) > 0]) == toset(["5xx", "Count"]) && aws_cloudwatch_metric_alarm.error_rate.threshold == 1
    error_message = "Failing answers are not noticed."
  }
}

run "alarms_go_to_a_topic_of_their_own" {
  command = plan

  variables {
    alarms = { emails = ["on-call@shop.example"] }
  }
  assert {
    condition = alltrue([
      for alarm in concat([aws_cloudwatch_metric_alarm.error_rate, aws_cloudwatch_metric_alarm.latency], values(aws_cloudwatch_metric_alarm.function), values(aws_cloudwatch_metric_alarm.table)) :
      alarm.alarm_actions == toset(["arn:aws:sns:eu-central-1:123456789012:orders-alarms"]) && alarm.ok_actions == alarm.alarm_actions
    ])
    error_message = "An alarm tells nobody."
  }
  assert {
    condition     = aws_sns_topic_subscription.email["on-call@shop.example"].topic_arn == "arn:aws:sns:eu-central-1:123456789012:orders-alarms"
    error_message = "Nobody listens."
  }
}

run "alarms_go_to_a_topic_of_choice" {
  command = plan

  variables {
    alarms = { topic_arn = "arn:aws:sns:eu-central-1:123456789012:on-call" }
  }
  assert {
    condition     = length(aws_sns_topic.alarms) == 0 && aws_cloudwatch_metric_alarm.error_rate.alarm_actions == toset(["arn:aws:sns:eu-central-1:123456789012:on-call"])
    error_message = "Alarms go elsewhere."
  }
}

run "the_dashboard_shows_every_function_and_table" {
  command = plan

  assert {
    condition     = alltrue([for name in concat([for function in aws_lambda_function.operation : function.function_name], values(output.table_names)) : strcontains(aws_cloudwatch_dashboard.orders.dashboard_body, "\"${name}\"")])
    error_message = "Something is not on the dashboard."
  }
  assert {
    condition     = alltrue([for widget in jsondecode(aws_cloudwatch_dashboard.orders.dashboard_body).widgets : widget.properties.region == "eu-central-1" && length(widget.properties.metrics) > 0])
    error_message = "A picture is empty or of another region."
  }
  assert {
    condition = alltrue(flatten([
      for widget in jsondecode(aws_cloudwatch_dashboard.orders.dashboard_body).widgets : [
        for metric in widget.properties.metrics : startswith(metric[0], "AWS/") && length(metric) >= 4 && length([for part in metric : part if can(regex("^AWS/", part))]) == 1
      ]
    ]))
    error_message = "A line of a picture is not a namespace, a metric and its dimensions."
  }
}
