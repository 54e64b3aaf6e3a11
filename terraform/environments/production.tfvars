# What .github/workflows/deploy.yml deploys.

authorization = { type = "iam" }
