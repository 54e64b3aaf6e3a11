terraform {
  # 1.11: the lock of the S3 backend is a file in the bucket, and tests can override values while planning.
  required_version = ">= 1.11, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = merge({ Service = "orders", Deployment = var.name }, var.tags)
  }
}
