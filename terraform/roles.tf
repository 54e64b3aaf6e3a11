# One role a function, with its own actions on its own resources and nothing else.

locals {
  resources = {
    orders           = aws_dynamodb_table.orders.arn
    product_index    = "${aws_dynamodb_table.orders.arn}/index/${local.product_index}"
    date_index       = "${aws_dynamodb_table.orders.arn}/index/${local.date_index}"
    idempotency_keys = aws_dynamodb_table.idempotency_keys.arn
  }

  # arn:aws:dynamodb:REGION:ACCOUNT:table, for tables that this module does not make.
  tables_arn = join("/", slice(split("/", aws_dynamodb_table.orders.arn), 0, 1))

  envelope_actions = {
    for name, table in try(var.envelope.tables, {}) : name => {
      table   = { actions = local.operations["envelope"].access["orders"], arns = ["${local.tables_arn}/${table.name}"] }
      indexes = { actions = ["Scan"], arns = [for index in sort(table.indexes) : "${local.tables_arn}/${table.name}/index/${index}"] }
    }
  }

  dynamodb_statements = {
    for name, operation in local.operations : name => concat(
      [for target, actions in operation.access : {
        Effect   = "Allow"
        Action   = [for action in actions : "dynamodb:${action}"]
        Resource = [local.resources[target]]
      }],
      [for allowed in name == "envelope" ? flatten([for table in local.envelope_actions : values(table)]) : [] : {
        Effect   = "Allow"
        Action   = [for action in allowed.actions : "dynamodb:${action}"]
        Resource = allowed.arns
      } if length(allowed.arns) > 0],
    )
  }

  # DynamoDB uses a customer managed key in the name of whoever asks it for data.
  key_statements = var.kms_key_arn == null ? [] : [{
    Effect   = "Allow"
    Action   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
    Resource = [var.kms_key_arn]
    Condition = {
      StringLike = { "kms:ViaService" = "dynamodb.*.amazonaws.com" }
    }
  }]
}

resource "aws_iam_role" "function" {
  for_each = local.operations

  name                 = "${var.name}-${each.key}"
  description          = "The function ${var.name}-${each.key}."
  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "function" {
  for_each = local.operations

  name = "function"
  role = aws_iam_role.function[each.key].name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      local.dynamodb_statements[each.key],
      length(local.dynamodb_statements[each.key]) > 0 ? local.key_statements : [],
      [
        {
          # The streams of its own log group.
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = ["${aws_cloudwatch_log_group.function[each.key].arn}:*"]
        },
        {
          # X-Ray's actions know no resources.
          Effect   = "Allow"
          Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
          Resource = ["*"]
        },
      ],
    )
  })
}
