# The one thing that nobody but the owner can decide.

variable "authorization" {
  description = <<-EOT
    Who may call the API.
    type: "none" (anybody), "iam" (signed requests of principals that may execute-api:Invoke) or "jwt".
    issuer, audience: of the tokens, for "jwt".
    scopes: a request's token must have one of those listed for its route: `read` for GET, `write` for the others,
      `envelope` for the envelope, which reads and writes. All empty: any valid token may do anything.
    public_ping: leaves GET /ping, which touches no data, open to health checks.
  EOT

  type = object({
    type     = string
    issuer   = optional(string)
    audience = optional(set(string), [])
    scopes = optional(object({
      read     = optional(set(string), [])
      write    = optional(set(string), [])
      envelope = optional(set(string), [])
    }), {})
    public_ping = optional(bool, true)
  })
  nullable = false

  validation {
    condition     = contains(["none", "iam", "jwt"], var.authorization.type)
    error_message = "authorization.type must be \"none\", \"iam\" or \"jwt\"."
  }
  validation {
    condition = var.authorization.type != "jwt" || (
      can(regex("^https://[^/?# ]+", var.authorization.issuer)) && length(var.authorization.audience) > 0
    )
    error_message = "authorization.type = \"jwt\" needs an issuer that starts with https://, and at least one audience."
  }
  validation {
    condition = var.authorization.type == "jwt" || (
      var.authorization.issuer == null && length(var.authorization.audience) == 0 &&
      length(setunion(values(var.authorization.scopes)...)) == 0
    )
    error_message = "issuer, audience and scopes are for authorization.type = \"jwt\" alone."
  }
  validation {
    # A route without scopes takes any valid token: one forgotten list would be a hole beside the others.
    condition = length(setunion(values(var.authorization.scopes)...)) == 0 || alltrue([
      for route, scopes in var.authorization.scopes : length(scopes) > 0 || (route == "envelope" && var.envelope == null)
    ])
    error_message = "Where there are scopes, read, write and (unless envelope = null) envelope all need some."
  }
}

# Where it stands.

variable "name" {
  description = "Prefix of every resource's name, so that several deployments can share an account: \"orders-dev\"."
  type        = string
  default     = "orders"
  nullable    = false

  validation {
    # The longest operation's name and its hyphen have to fit the 64 characters of a role's and a function's name.
    condition     = can(regex("^[a-z][a-z0-9-]{2,39}$", var.name)) && !endswith(var.name, "-")
    error_message = "name must be 3 to 40 characters of a-z, 0-9 and -, begin with a letter and not end with a hyphen."
  }
}

variable "region" {
  description = "AWS region; null: as the environment says (AWS_REGION or the profile)."
  type        = string
  default     = null

  validation {
    condition     = var.region == null || can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must look like \"eu-central-1\"."
  }
}

variable "tags" {
  description = "Tags of every resource, besides Service and Deployment."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key, value in var.tags : length(key) <= 128 && length(value) <= 256 && !startswith(lower(key), "aws:")])
    error_message = "tags must have keys of at most 128 characters that don't begin with aws:, and values of at most 256."
  }
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the functions' roles; null: none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[a-z-]+:iam::[^:]*:policy/", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of a policy."
  }
}

# The functions.

variable "openapi_file" {
  description = "The API's description, from which routes and functions are made; null: openapi.json of this repository."
  type        = string
  default     = null

  validation {
    condition     = var.openapi_file == null || can(jsondecode(file(var.openapi_file)).paths)
    error_message = "openapi_file must be a JSON file with paths."
  }
}

variable "zips" {
  description = <<-EOT
    The functions' code, built elsewhere.
    folder: holds <operation>/bootstrap.zip; null: target/lambda of this repository.
    bucket, digests: instead of a folder, objects `<prefix>/<operation>/<digest>.zip`. A digest is the zip's SHA-256 in
      base64, as Lambda shows it; in the object's name it has - and _ for + and /.
  EOT

  type = object({
    folder  = optional(string)
    bucket  = optional(string)
    prefix  = optional(string, "lambda")
    digests = optional(map(string), {})
  })
  default  = {}
  nullable = false

  validation {
    condition     = (var.zips.bucket == null) == (length(var.zips.digests) == 0)
    error_message = "zips.bucket and zips.digests go together."
  }
  validation {
    condition     = var.zips.bucket == null || var.zips.folder == null
    error_message = "zips come from a folder or from a bucket, not from both."
  }
  validation {
    condition     = alltrue([for digest in values(var.zips.digests) : can(regex("^[A-Za-z0-9+/]{43}=$", digest))])
    error_message = "zips.digests must be SHA-256 digests in base64: 43 characters and =."
  }
}

variable "architecture" {
  description = "The processor that the zips were built for."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be \"arm64\" or \"x86_64\"."
  }
}

variable "functions" {
  description = "Memory, timeout and reserved concurrency by operation, where they differ from what operations.tf says."
  type = map(object({
    memory_mb            = optional(number)
    timeout_seconds      = optional(number)
    reserved_concurrency = optional(number)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.functions), keys(local.described))) == 0
    error_message = "functions names operations that openapi.json does not have: ${join(", ", setsubtract(keys(var.functions), keys(local.described)))}."
  }
  validation {
    condition     = alltrue([for settings in values(var.functions) : try(settings.memory_mb >= 128 && settings.memory_mb <= 10240, settings.memory_mb == null)])
    error_message = "memory_mb must be 128 to 10240."
  }
  validation {
    # A request to DynamoDB gives up after 8 seconds, and API Gateway after 30: the function has to be in between.
    condition     = alltrue([for settings in values(var.functions) : try(settings.timeout_seconds >= 10 && settings.timeout_seconds <= 29, settings.timeout_seconds == null)])
    error_message = "timeout_seconds must be 10 to 29."
  }
  validation {
    # 0 would switch the operation off.
    condition     = alltrue([for settings in values(var.functions) : try(settings.reserved_concurrency >= 1, settings.reserved_concurrency == null)])
    error_message = "reserved_concurrency must be at least 1."
  }
}

variable "versions" {
  description = "For rolling back: the version that an operation's alias points to, where it is not the newest: { create-order = \"7\" }."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.versions), keys(local.described))) == 0 && alltrue([for version in values(var.versions) : can(regex("^[1-9][0-9]*$", version))])
    error_message = "versions must map operations of openapi.json to version numbers."
  }
}

variable "envelope" {
  description = <<-EOT
    The original service's single POST; null: not deployed.
    path: of its route.
    orders_as: the table names by which its clients know the orders' table.
    tables: further tables that it may serve, by the name that clients use; with the indexes that may be scanned.
  EOT

  type = object({
    path      = optional(string, "/")
    orders_as = optional(set(string), ["lambda-apigateway"])
    tables = optional(map(object({
      name    = string
      indexes = optional(set(string), [])
    })), {})
  })
  default = {}

  validation {
    condition     = var.envelope == null || can(regex("^/([A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*)?$", var.envelope.path))
    error_message = "envelope.path must be \"/\" or a path of letters, digits and . _ ~ - without a slash at its end."
  }
  validation {
    condition     = var.envelope == null || alltrue([for name in try(concat(tolist(var.envelope.orders_as), keys(var.envelope.tables)), []) : can(regex("^[^,=[:space:]]+$", name))])
    error_message = "The names that envelope.orders_as and envelope.tables give to tables must have no comma, equals sign or white space."
  }
  validation {
    condition     = var.envelope == null || length(setintersection(try(var.envelope.orders_as, []), keys(try(var.envelope.tables, {})))) == 0
    error_message = "A name of envelope.orders_as is one of envelope.tables too."
  }
  validation {
    condition     = var.envelope == null || alltrue([for table in values(try(var.envelope.tables, {})) : can(regex("^[A-Za-z0-9_.-]{3,255}$", table.name))])
    error_message = "envelope.tables must name tables of 3 to 255 characters of A-Z a-z 0-9 _ - ."
  }
}

variable "log_level" {
  description = "The least severe lines of the functions that are kept."
  type        = string
  default     = "INFO"
  nullable    = false

  validation {
    condition     = contains(["TRACE", "DEBUG", "INFO", "WARN", "ERROR"], var.log_level)
    error_message = "log_level must be TRACE, DEBUG, INFO, WARN or ERROR."
  }
}

variable "log_retention_days" {
  description = "How long the functions' and the API's logs are kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one that CloudWatch knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, …"
  }
}

# The tables.

variable "table_name" {
  description = "The orders' table; null: as `name`. For a table that is there already, or was restored under another name."
  type        = string
  default     = null

  validation {
    condition     = var.table_name == null || can(regex("^[A-Za-z0-9_.-]{3,255}$", var.table_name))
    error_message = "table_name must be 3 to 255 characters of A-Z a-z 0-9 _ - ."
  }
}

variable "deletion_protection" {
  description = "Whether the tables refuse to be deleted."
  type        = bool
  default     = true
  nullable    = false
}

variable "kms_key_arn" {
  description = "The customer managed key that encrypts the tables; null: the account's AWS managed key for DynamoDB."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[^:]+:[^:]*:key/", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key (an alias can point elsewhere tomorrow)."
  }
}

variable "stream_view_type" {
  description = "What the orders' stream shows of a change; null: there is no stream."
  type        = string
  default     = null

  validation {
    condition     = var.stream_view_type == null || contains(["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"], coalesce(var.stream_view_type, "none"))
    error_message = "stream_view_type must be KEYS_ONLY, NEW_IMAGE, OLD_IMAGE or NEW_AND_OLD_IMAGES."
  }
}

# The API.

variable "throttling" {
  description = "How many requests the API takes: steadily a second, and at once."
  type = object({
    rate_per_second = optional(number, 500)
    burst           = optional(number, 500)
  })
  default  = {}
  nullable = false

  validation {
    # API Gateway takes a missing or zero value for "refuse everything".
    condition     = var.throttling.rate_per_second >= 1 && var.throttling.burst >= 1 && floor(var.throttling.burst) == var.throttling.burst
    error_message = "throttling.rate_per_second and throttling.burst must be at least 1, and burst a whole number."
  }
}

variable "cors_origins" {
  description = "Origins whose pages may call the API: [\"https://shop.example\"]; [\"*\"] is any. Empty: CORS is off."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for origin in var.cors_origins : origin == "*" || can(regex("^https?://[^/ ]+$", origin))])
    error_message = "cors_origins must be \"*\" or look like https://shop.example, without a slash at the end."
  }
}

variable "domain" {
  description = <<-EOT
    The API's own domain; null: only API Gateway's address.
    certificate_arn: an issued ACM certificate of this region.
    zone_id: the Route 53 zone that gets the address record; null: you make the record (see the output domain_target).
    is_only_address: switches API Gateway's address off.
  EOT

  type = object({
    name            = string
    certificate_arn = string
    zone_id         = optional(string)
    is_only_address = optional(bool, true)
  })
  default = null

  validation {
    condition     = var.domain == null || can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain.name))
    error_message = "domain.name must be a host name in small letters."
  }
  validation {
    condition     = var.domain == null || can(regex("^arn:[a-z-]+:acm:", var.domain.certificate_arn))
    error_message = "domain.certificate_arn must be the ARN of an ACM certificate."
  }
}

# Being told.

variable "alarms" {
  description = <<-EOT
    When somebody is told, and who.
    topic_arn: an SNS topic of yours; null: one is made.
    emails: addresses that subscribe to the topic that is made; each has to confirm.
    error_rate_percent: 5xx answers among all, in 3 of 5 minutes.
    latency_p99_ms: of the whole API, in 3 of 5 minutes.
  EOT

  type = object({
    topic_arn          = optional(string)
    emails             = optional(set(string), [])
    error_rate_percent = optional(number, 1)
    latency_p99_ms     = optional(number, 1000)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.alarms.topic_arn == null || (can(regex("^arn:[a-z-]+:sns:", var.alarms.topic_arn)) && length(var.alarms.emails) == 0)
    error_message = "alarms.topic_arn must be the ARN of an SNS topic, and emails subscribe only to one that is made here."
  }
  validation {
    condition     = alltrue([for email in var.alarms.emails : can(regex("^[^@ ]+@[^@ ]+$", email))])
    error_message = "alarms.emails must be e-mail addresses."
  }
  validation {
    condition     = var.alarms.error_rate_percent > 0 && var.alarms.error_rate_percent <= 100 && var.alarms.latency_p99_ms > 0
    error_message = "alarms.error_rate_percent must be above 0 and at most 100, alarms.latency_p99_ms above 0."
  }
}
