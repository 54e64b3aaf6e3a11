# Workflows get AWS credentials for the hour from GitHub's word for who they are. No key is stored anywhere.

locals {
  github   = "token.actions.githubusercontent.com"
  provider = var.oidc_provider_arn == null ? aws_iam_openid_connect_provider.github["github"].arn : var.oidc_provider_arn

  # Planning is for pull requests of this repository (a fork's get no token) and for the branch. Applying is for jobs of
  # the environment alone, whose approval rules GitHub keeps.
  subjects = {
    plan  = ["repo:${var.repository}:pull_request", "repo:${var.repository}:ref:refs/heads/${var.branch}"]
    apply = ["repo:${var.repository}:environment:${var.environment}"]
  }
}

resource "aws_iam_openid_connect_provider" "github" {
  for_each = var.oidc_provider_arn == null ? toset(["github"]) : toset([])

  url            = "https://${local.github}"
  client_id_list = ["sts.amazonaws.com"]
}

# Not named `${var.name}-…`: the apply role must not be able to change itself.
resource "aws_iam_role" "github" {
  for_each = local.subjects

  name                 = "github-${var.name}-${each.key}"
  description          = "terraform ${each.key} of ${var.repository}."
  max_session_duration = 3600

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = local.provider }
      Condition = {
        StringEquals = {
          "${local.github}:aud" = "sts.amazonaws.com"
          "${local.github}:sub" = each.value
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "github" {
  for_each = {
    plan  = concat(local.read, local.plan)
    apply = concat(local.read, local.apply)
  }

  name   = "terraform"
  role   = aws_iam_role.github[each.key].name
  policy = jsonencode({ Version = "2012-10-17", Statement = each.value })
}
