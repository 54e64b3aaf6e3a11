locals {
  open = { type = "NONE", authorizer_id = null, scopes = null }

  route_authorization = {
    for name, operation in local.operations : name => (
      var.authorization.type == "none" || (name == "ping" && var.authorization.public_ping) ? local.open
      : var.authorization.type == "iam" ? merge(local.open, { type = "AWS_IAM" })
      : {
        type          = "JWT"
        authorizer_id = aws_apigatewayv2_authorizer.jwt["jwt"].id
        scopes        = operation.scopes
      }
    )
  }
}

resource "aws_apigatewayv2_authorizer" "jwt" {
  for_each = var.authorization.type == "jwt" ? { jwt = var.authorization } : {}

  api_id           = aws_apigatewayv2_api.orders.id
  name             = "${var.name}-jwt"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = each.value.issuer
    audience = each.value.audience
  }
}
