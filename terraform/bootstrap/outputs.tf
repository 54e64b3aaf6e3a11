output "github_variables" {
  description = "Variables of the GitHub repository that the workflows read."
  value = {
    AWS_PLAN_ROLE        = aws_iam_role.github["plan"].arn
    AWS_APPLY_ROLE       = aws_iam_role.github["apply"].arn
    PERMISSIONS_BOUNDARY = aws_iam_policy.boundary.arn
    STATE_BUCKET         = aws_s3_bucket.this["state"].id
    ZIPS_BUCKET          = aws_s3_bucket.this["zips"].id
  }
}
