# Every operation is a function, a role, a log group and a route. Which there are, and their methods and paths, the
# API's description says, which is generated from the handlers. Below it is what only Terraform knows of them.

locals {
  # What each asks of DynamoDB, by what it asks it of (see `resources` in roles.tf), and memory and timeout where they
  # are not the usual ones. A transaction needs the permission of each of its parts, and none of its own.
  needs = {
    create-order = {
      access = { orders = ["PutItem"], idempotency_keys = ["PutItem"] }
    }
    get-order = {
      access = { orders = ["GetItem"] }
    }
    replace-order = {
      # Reads where If-Match names an item that another program wrote.
      access = { orders = ["GetItem", "PutItem"] }
    }
    update-order = {
      # Puts where a patch has more attributes than an update expression can hold.
      access = { orders = ["GetItem", "PutItem", "UpdateItem"] }
    }
    delete-order = {
      access = { orders = ["DeleteItem", "GetItem"] }
    }
    list-orders = {
      access          = { orders = ["Scan"], product_index = ["Query"], date_index = ["Query"] }
      memory_mb       = 512
      timeout_seconds = 20
    }
    envelope = {
      # The by-date index is the service's own: its keys are bookkeeping, which the envelope does not show.
      access          = { orders = ["DeleteItem", "GetItem", "PutItem", "Scan", "UpdateItem"], product_index = ["Scan"] }
      memory_mb       = 512
      timeout_seconds = 20
    }
    echo = {}
    ping = {}
  }

  usual_memory_mb       = 256
  usual_timeout_seconds = 10

  openapi_file = coalesce(var.openapi_file, "${path.module}/../openapi.json")

  # As described: operation => method and path.
  described = merge([
    for path, methods in jsondecode(file(local.openapi_file)).paths : {
      for method, operation in methods : operation.operationId => { method = upper(method), path = path }
      if contains(["get", "put", "post", "delete", "patch"], method)
    }
  ]...)

  # As deployed.
  operations = {
    for name, route in local.described : name => {
      method = route.method
      path   = name == "envelope" ? var.envelope.path : route.path
      access = try(local.needs[name].access, {})
      scopes = sort(var.authorization.scopes[name == "envelope" ? "envelope" : route.method == "GET" ? "read" : "write"])

      memory_mb            = coalesce(try(var.functions[name].memory_mb, null), try(local.needs[name].memory_mb, local.usual_memory_mb))
      timeout_seconds      = coalesce(try(var.functions[name].timeout_seconds, null), try(local.needs[name].timeout_seconds, local.usual_timeout_seconds))
      reserved_concurrency = try(var.functions[name].reserved_concurrency, null)
    }
    if name != "envelope" || var.envelope != null
  }
}
