locals {
  # arn:aws:dynamodb:REGION:…: the provider's own name for its region changed between its versions.
  dashboard_region = split(":", aws_dynamodb_table.orders.arn)[3]

  functions = [for name in sort(keys(local.operations)) : "${var.name}-${name}"]

  # Of each picture: its title, the statistic, and the metrics, one line each.
  pictures = [
    {
      title     = "Answers"
      statistic = "Sum"
      metrics   = [for metric in ["Count", "4xx", "5xx"] : ["AWS/ApiGateway", metric, "ApiId", aws_apigatewayv2_api.orders.id]]
    },
    {
      title     = "Latency in ms"
      statistic = "p99"
      metrics = [
        for statistic in ["p50", "p99"] :
        ["AWS/ApiGateway", "Latency", "ApiId", aws_apigatewayv2_api.orders.id, { stat = statistic, label = statistic }]
      ]
    },
    {
      title     = "Invocations"
      statistic = "Sum"
      metrics   = [for function in local.functions : ["AWS/Lambda", "Invocations", "FunctionName", function]]
    },
    {
      title     = "Duration in ms, p99"
      statistic = "p99"
      metrics   = [for function in local.functions : ["AWS/Lambda", "Duration", "FunctionName", function]]
    },
    {
      title     = "Function errors and throttles"
      statistic = "Sum"
      metrics   = [for pair in setproduct(["Errors", "Throttles"], local.functions) : ["AWS/Lambda", pair[0], "FunctionName", pair[1]]]
    },
    {
      title     = "Concurrent executions"
      statistic = "Maximum"
      metrics   = [for function in local.functions : ["AWS/Lambda", "ConcurrentExecutions", "FunctionName", function]]
    },
    {
      title     = "Consumed capacity"
      statistic = "Sum"
      metrics = [
        for pair in setproduct(["ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"], [for table in local.tables : table.name]) :
        ["AWS/DynamoDB", pair[0], "TableName", pair[1]]
      ]
    },
    {
      title     = "Throttled reads and writes of tables and indexes"
      statistic = "Sum"
      metrics = [
        for throttled in flatten([for name, alarm in local.table_alarms : values(alarm.metrics) if endswith(name, "-throttling")]) :
        concat(["AWS/DynamoDB", throttled.name], flatten([for name, value in throttled.dimensions : [name, value]]))
      ]
    },
  ]
}

resource "aws_cloudwatch_dashboard" "orders" {
  dashboard_name = var.name

  dashboard_body = jsonencode({
    widgets = [
      for index, picture in local.pictures : {
        type   = "metric"
        x      = 12 * (index % 2)
        y      = 6 * floor(index / 2)
        width  = 12
        height = 6
        properties = {
          title   = picture.title
          stat    = picture.statistic
          metrics = picture.metrics
          region  = local.dashboard_region
          period  = 60
          view    = "timeSeries"
        }
      }
    ]
  })
}
