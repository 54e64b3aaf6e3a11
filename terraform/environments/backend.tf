# State in the bucket of bootstrap/, for whoever does not deploy alone. In use once it is copied:
#   cp environments/backend.tf backend_override.tf
#   terraform init -backend-config=bucket=… -backend-config=key=production.tfstate -backend-config=region=…
terraform {
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}
