locals {
  state = aws_s3_bucket.this["state"].arn
  zips  = aws_s3_bucket.this["zips"].arn

  tables = [for table in concat([var.name, "${var.name}-*"], sort(var.further_tables)) :
    "arn:${local.partition}:dynamodb:*:${local.account}:table/${table}"
  ]
  functions  = ["arn:${local.partition}:lambda:*:${local.account}:function:${var.name}-*"]
  roles      = ["arn:${local.partition}:iam::${local.account}:role/${var.name}-*"]
  log_groups = [for folder in ["lambda", "vendedlogs"] : "arn:${local.partition}:logs:*:${local.account}:log-group:/aws/${folder}/${var.name}-*"]

  # What a plan reads: settings, never data. Nothing here gets an item, a log line or a function's answer.
  read = [
    {
      Sid    = "ReadSettings"
      Effect = "Allow"
      Action = [
        "cloudwatch:DescribeAlarms", "cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource",
        "dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive", "dynamodb:ListTagsOfResource",
        "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies",
        "lambda:GetAlias", "lambda:GetFunction", "lambda:GetFunctionCodeSigningConfig", "lambda:GetFunctionConcurrency",
        "lambda:GetFunctionConfiguration", "lambda:GetPolicy", "lambda:ListTags", "lambda:ListVersionsByFunction",
        "logs:DescribeLogGroups", "logs:ListTagsForResource",
        "route53:GetChange", "route53:GetHostedZone", "route53:ListResourceRecordSets",
        "sns:GetSubscriptionAttributes", "sns:GetTopicAttributes", "sns:ListTagsForResource",
      ]
      Resource = ["*"]
    },
    {
      Sid      = "ReadApi"
      Effect   = "Allow"
      Action   = ["apigateway:GET"]
      Resource = [for path in ["apis", "domainnames", "tags"] : "arn:${local.partition}:apigateway:*::/${path}/*"]
    },
    {
      Sid      = "ReadState"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = ["${local.state}/*.tfstate"]
    },
    {
      Sid      = "FindState"
      Effect   = "Allow"
      Action   = ["s3:ListBucket"]
      Resource = [local.state]
    },
  ]

  # A plan can be left but not fetched: who plans a pull request can't read what others planned. Its digest goes
  # another way, so one that was exchanged is not applied.
  plan = [
    {
      Sid      = "LeavePlans"
      Effect   = "Allow"
      Action   = ["s3:PutObject"]
      Resource = ["${local.state}/plans/*"]
    },
  ]

  apply = concat([
    {
      Sid      = "WriteState"
      Effect   = "Allow"
      Action   = ["s3:PutObject"]
      Resource = ["${local.state}/*.tfstate", "${local.state}/*.tfstate.tflock"]
    },
    {
      Sid      = "LockState"
      Effect   = "Allow"
      Action   = ["s3:DeleteObject", "s3:GetObject"]
      Resource = ["${local.state}/*.tfstate.tflock"]
    },
    {
      Sid      = "FetchPlans"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = ["${local.state}/plans/*"]
    },
    {
      Sid      = "KeepZips"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject"]
      Resource = ["${local.zips}/lambda/*"]
    },
    {
      Sid      = "FindZips"
      Effect   = "Allow"
      Action   = ["s3:ListBucket"]
      Resource = [local.zips]
    },
    {
      Sid    = "Tables"
      Effect = "Allow"
      Action = [
        "dynamodb:CreateTable", "dynamodb:DeleteTable", "dynamodb:TagResource", "dynamodb:UntagResource",
        "dynamodb:UpdateContinuousBackups", "dynamodb:UpdateTable", "dynamodb:UpdateTimeToLive",
      ]
      Resource = local.tables
    },
    {
      Sid    = "Functions"
      Effect = "Allow"
      Action = [
        "lambda:AddPermission", "lambda:CreateAlias", "lambda:CreateFunction", "lambda:DeleteAlias", "lambda:DeleteFunction",
        "lambda:DeleteFunctionConcurrency", "lambda:PublishVersion", "lambda:PutFunctionConcurrency", "lambda:RemovePermission",
        "lambda:TagResource", "lambda:UntagResource", "lambda:UpdateAlias", "lambda:UpdateFunctionCode",
        "lambda:UpdateFunctionConfiguration",
      ]
      Resource = concat(local.functions, [for function in local.functions : "${function}:*"])
    },
    {
      # A role that could be made without the boundary could be made to do anything.
      Sid       = "MakeRolesWithinTheBoundary"
      Effect    = "Allow"
      Action    = ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
      Resource  = local.roles
      Condition = { StringEquals = { "iam:PermissionsBoundary" = aws_iam_policy.boundary.arn } }
    },
    {
      Sid    = "KeepRoles"
      Effect = "Allow"
      Action = [
        "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:ListInstanceProfilesForRole", "iam:TagRole", "iam:UntagRole",
        "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription",
      ]
      Resource = local.roles
    },
    {
      Sid       = "GiveRolesToFunctions"
      Effect    = "Allow"
      Action    = ["iam:PassRole"]
      Resource  = local.roles
      Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
    },
    {
      Sid    = "LogGroups"
      Effect = "Allow"
      Action = [
        "logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DeleteRetentionPolicy", "logs:PutRetentionPolicy",
        "logs:TagResource", "logs:UntagResource",
      ]
      Resource = concat(local.log_groups, [for group in local.log_groups : "${group}:*"])
    },
    {
      # API Gateway's access logs: these actions know no resources.
      Sid    = "AccessLogs"
      Effect = "Allow"
      Action = [
        "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeResourcePolicies", "logs:GetLogDelivery",
        "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
      ]
      Resource = ["*"]
    },
    {
      # An API's id is not known before it is made.
      Sid      = "Api"
      Effect   = "Allow"
      Action   = ["apigateway:DELETE", "apigateway:PATCH", "apigateway:POST", "apigateway:PUT", "apigateway:TagResource", "apigateway:UntagResource"]
      Resource = [for path in ["apis", "apis/*", "domainnames", "domainnames/*", "tags/*"] : "arn:${local.partition}:apigateway:*::/${path}"]
    },
    {
      Sid       = "ApiDomains"
      Effect    = "Allow"
      Action    = ["iam:CreateServiceLinkedRole"]
      Resource  = ["arn:${local.partition}:iam::${local.account}:role/aws-service-role/ops.apigateway.amazonaws.com/*"]
      Condition = { StringEquals = { "iam:AWSServiceName" = "ops.apigateway.amazonaws.com" } }
    },
    {
      Sid      = "Alarms"
      Effect   = "Allow"
      Action   = ["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource"]
      Resource = ["arn:${local.partition}:cloudwatch:*:${local.account}:alarm:${var.name}-*"]
    },
    {
      Sid      = "Dashboards"
      Effect   = "Allow"
      Action   = ["cloudwatch:DeleteDashboards", "cloudwatch:PutDashboard"]
      Resource = ["arn:${local.partition}:cloudwatch::${local.account}:dashboard/${var.name}", "arn:${local.partition}:cloudwatch::${local.account}:dashboard/${var.name}-*"]
    },
    {
      Sid      = "Topics"
      Effect   = "Allow"
      Action   = ["sns:CreateTopic", "sns:DeleteTopic", "sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource", "sns:Unsubscribe", "sns:UntagResource"]
      Resource = ["arn:${local.partition}:sns:*:${local.account}:${var.name}-*"]
    },
    {
      # The smoke test signs its requests with this role.
      Sid      = "SmokeTest"
      Effect   = "Allow"
      Action   = ["execute-api:Invoke"]
      Resource = ["arn:${local.partition}:execute-api:*:${local.account}:*/*/*"]
    },
    ], var.zone_id == null ? [] : [{
      Sid      = "AddressRecord"
      Effect   = "Allow"
      Action   = ["route53:ChangeResourceRecordSets"]
      Resource = ["arn:${local.partition}:route53:::hostedzone/${var.zone_id}"]
  }])
}

# The most that any function's role can be given, whatever a plan says.
resource "aws_iam_policy" "boundary" {
  name        = "github-${var.name}-boundary"
  description = "What functions of ${var.name} can be allowed at most."

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Items"
        Effect = "Allow"
        Action = [
          "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:UpdateItem",
        ]
        Resource = concat(local.tables, [for table in local.tables : "${table}/index/*"])
      },
      {
        Sid       = "KeysThroughDynamoDB"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
        Resource  = ["*"]
        Condition = { StringLike = { "kms:ViaService" = "dynamodb.*.amazonaws.com" } }
      },
      {
        Sid      = "Logs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = [for group in local.log_groups : "${group}:*"]
      },
      {
        Sid      = "Traces"
        Effect   = "Allow"
        Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
        Resource = ["*"]
      },
    ]
  })
}
