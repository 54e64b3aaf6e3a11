# Who may plan and who may apply.

mock_provider "aws" {
  override_during = plan

  override_data {
    target = data.aws_caller_identity.current
    values = { account_id = "123456789012", arn = "arn:aws:sts::123456789012:assumed-role/admin/me" }
  }
  override_resource {
    target = aws_s3_bucket.this["state"]
    values = { id = "orders-state-123456789012", arn = "arn:aws:s3:::orders-state-123456789012" }
  }
  override_resource {
    target = aws_s3_bucket.this["zips"]
    values = { id = "orders-zips-123456789012", arn = "arn:aws:s3:::orders-zips-123456789012" }
  }
  override_resource {
    target = aws_iam_policy.boundary
    values = { arn = "arn:aws:iam::123456789012:policy/github-orders-boundary" }
  }
  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/some" }
  }
}

variables {
  repository = "shop/orders"
}

run "trust_is_pinned_to_repository_branch_and_environment" {
  command = plan

  assert {
    condition = { for name, role in aws_iam_role.github : name => jsondecode(role.assume_role_policy).Statement[0].Condition } == {
      plan = { StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = ["repo:shop/orders:pull_request", "repo:shop/orders:ref:refs/heads/main"]
      } }
      apply = { StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = ["repo:shop/orders:environment:production"]
      } }
    }
    error_message = "Somebody else may take on a role."
  }
}

run "planning_reads_settings_and_writes_nothing_but_plans" {
  command = plan

  assert {
    condition = flatten([
      for statement in jsondecode(aws_iam_role_policy.github["plan"].policy).Statement : [
        for action in statement.Action : action if !can(regex(":(Describe|Get|GET|List)", action))
      ]
    ]) == ["s3:PutObject"]
    error_message = "Planning can change something."
  }
  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.github["plan"].policy).Statement : statement.Resource if contains(statement.Action, "s3:PutObject")] == [["arn:aws:s3:::orders-state-123456789012/plans/*"]]
    error_message = "Planning can write elsewhere."
  }
  assert {
    condition = length(setintersection(flatten([for statement in jsondecode(aws_iam_role_policy.github["plan"].policy).Statement : statement.Action]), [
      "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:GetRecords", "dynamodb:Query", "dynamodb:Scan", "logs:GetLogEvents", "lambda:InvokeFunction",
    ])) == 0
    error_message = "Planning can read data."
  }
}

run "roles_are_made_within_the_boundary_and_given_to_lambda_alone" {
  command = plan

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.github["apply"].policy).Statement :
      try(statement.Condition.StringEquals["iam:PermissionsBoundary"], "") == "arn:aws:iam::123456789012:policy/github-orders-boundary"
      if length(setintersection(statement.Action, ["iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"])) > 0
    ])
    error_message = "A role can be made without the boundary."
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.github["apply"].policy).Statement :
      statement.Condition.StringEquals["iam:PassedToService"] == "lambda.amazonaws.com" if contains(statement.Action, "iam:PassRole")
    ])
    error_message = "A role can be given to something else than a function."
  }
  assert {
    condition     = length(setintersection(flatten([for statement in jsondecode(aws_iam_role_policy.github["apply"].policy).Statement : statement.Action]), ["iam:AttachRolePolicy", "iam:DeleteRolePermissionsBoundary"])) == 0
    error_message = "The boundary can be taken off, or anything attached."
  }
}

run "the_apply_role_can_not_change_the_bootstrap" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(aws_iam_role_policy.github["apply"].policy).Statement : [
        for resource in statement.Resource : !strcontains(resource, ":iam:") || startswith(resource, "arn:aws:iam::123456789012:role/orders-") || startswith(resource, "arn:aws:iam::123456789012:role/aws-service-role/")
      ]
    ])) && alltrue([for role in aws_iam_role.github : startswith(role.name, "github-")])
    error_message = "The apply role could give itself more."
  }
}

run "the_buckets_are_private_versioned_and_encrypted" {
  command = plan

  assert {
    condition     = alltrue([for block in aws_s3_bucket_public_access_block.this : block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets])
    error_message = "A bucket can be opened to the public."
  }
  assert {
    condition     = alltrue([for versioning in aws_s3_bucket_versioning.this : one(versioning.versioning_configuration).status == "Enabled"]) && length(aws_s3_bucket_versioning.this) == 2
    error_message = "A bucket keeps no versions."
  }
  assert {
    condition     = alltrue([for encryption in aws_s3_bucket_server_side_encryption_configuration.this : one(one(encryption.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"])
    error_message = "A bucket is not encrypted."
  }
}

run "a_provider_that_is_there_is_used" {
  command = plan

  variables {
    oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
  }
  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0
    error_message = "A second provider is made, which AWS refuses."
  }
}

run "a_repository_with_a_wildcard_is_refused" {
  command = plan

  variables {
    repository = "shop/*"
  }
  expect_failures = [var.repository]
}
