variable "repository" {
  description = "The GitHub repository whose workflows deploy: owner/name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "repository must be owner/name, without wildcards."
  }
}

variable "environment" {
  description = "The GitHub environment whose approval a deployment needs: only its jobs get the apply role."
  type        = string
  default     = "production"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]+$", var.environment))
    error_message = "environment must be letters, digits, _ and -."
  }
}

variable "branch" {
  description = "The branch that is deployed."
  type        = string
  default     = "main"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._/-]+$", var.branch))
    error_message = "branch must be one branch, without wildcards."
  }
}

variable "name" {
  description = "The `name` of the deployment, and the prefix of the names of others that these roles may deploy: orders, orders-dev."
  type        = string
  default     = "orders"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,29}$", var.name)) && !endswith(var.name, "-")
    error_message = "name must be 3 to 30 characters of a-z, 0-9 and -, begin with a letter and not end with a hyphen."
  }
}

variable "region" {
  description = "AWS region; null: as the environment says."
  type        = string
  default     = null
}

variable "further_tables" {
  description = "Tables whose names do not begin with `name`: an adopted one, a restored one, further ones of the envelope."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for table in var.further_tables : can(regex("^[A-Za-z0-9_.-]{3,255}$", table))])
    error_message = "further_tables must be names of tables, without wildcards."
  }
}

variable "zone_id" {
  description = "The Route 53 zone that gets the API's address record; null: none does."
  type        = string
  default     = null
}

variable "oidc_provider_arn" {
  description = "GitHub's OIDC provider, where the account has it already (it can have only one); null: it is made."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_provider_arn == null || can(regex(":oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.oidc_provider_arn))
    error_message = "oidc_provider_arn must be the ARN of the provider token.actions.githubusercontent.com."
  }
}
