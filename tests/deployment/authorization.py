"""Tokens, and what they open.

    authorization.py issuer FILE     makes an issuer with two clients, writes FILE for the next step, prints the value
                                     of the Terraform variable `authorization`
    authorization.py check FILE URL  asks with no token, with wrong ones and with the right ones
"""

import base64
import json
import os
import sys
import urllib.parse
import urllib.request

import boto3
from checks import Api, order

SCOPES = ["read", "write", "envelope"]


def make_issuer(path: str) -> None:
    region = os.environ["AWS_REGION"]
    cognito = boto3.client("cognito-idp", region_name=region)
    pool = cognito.create_user_pool(PoolName="orders")["UserPool"]["Id"]
    cognito.create_resource_server(
        UserPoolId=pool, Identifier="orders", Name="orders", Scopes=[{"ScopeName": name, "ScopeDescription": name} for name in SCOPES]
    )
    clients = {}
    for name in ("service", "stranger"):
        made = cognito.create_user_pool_client(
            UserPoolId=pool,
            ClientName=name,
            GenerateSecret=True,
            AllowedOAuthFlows=["client_credentials"],
            AllowedOAuthFlowsUserPoolClient=True,
            AllowedOAuthScopes=[f"orders/{scope}" for scope in SCOPES],
        )["UserPoolClient"]
        clients[name] = [made["ClientId"], made["ClientSecret"]]
    with open(path, "w") as file:
        json.dump(clients, file)
    authorization = {
        "type": "jwt",
        "issuer": f"https://cognito-idp.{region}.amazonaws.com/{pool}",
        "audience": [clients["service"][0]],
        "scopes": {scope: [f"orders/{scope}"] for scope in SCOPES},
    }
    print(json.dumps(authorization))


def token(client: list[str], scope: str) -> str:
    request = urllib.request.Request(
        os.environ["AWS_ENDPOINT_URL"] + "/oauth2/token",
        data=urllib.parse.urlencode({"grant_type": "client_credentials", "scope": f"orders/{scope}"}).encode(),
        headers={
            "authorization": "Basic " + base64.b64encode(":".join(client).encode()).decode(),
            "content-type": "application/x-www-form-urlencoded",
        },
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)["access_token"]


def check(path: str, url: str) -> int:
    with open(path) as file:
        clients = json.load(file)

    def bearer(value: str) -> Api:
        return Api(url, {"authorization": f"Bearer {value}"})

    reader, writer, original = (bearer(token(clients["service"], scope)) for scope in SCOPES)
    stranger = bearer(token(clients["stranger"], "read"))
    damaged = bearer(token(clients["service"], "read")[:-8] + "AAAAAAAA")
    read = ("GET", "/orders?limit=1")
    call = ("POST", "/", {"operation": "ping"})
    expected = [
        ("ping is open", Api(url), ("GET", "/ping"), 200),
        ("no token", Api(url), read, 401),
        ("no token, envelope", Api(url), call, 401),
        ("a token that was changed", damaged, read, 401),
        ("a token for another audience", stranger, read, 401),
        ("reading with the scope to read", reader, read, 200),
        ("writing with the scope to read", reader, ("POST", "/orders", order()), 403),
        ("deleting with the scope to read", reader, ("DELETE", "/orders/x"), 403),
        ("writing with the scope to write", writer, ("POST", "/orders", order()), 201),
        ("reading with the scope to write", writer, read, 403),
        ("the envelope with the scope to read", reader, call, 403),
        ("the envelope with the scope to write", writer, call, 403),
        ("the envelope with its own scope", original, call, 200),
        ("reading with the envelope's scope", original, read, 403),
    ]
    failed = 0
    for what, api, request, status in expected:
        answer = api.send(*request)
        failed += answer.status != status
        print(f"{'ok     ' if answer.status == status else 'FAILED '} {what}: {answer.status}{'' if answer.status == status else f', wanted {status}'}")
    return 1 if failed else 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["issuer", path]:
            make_issuer(path)
        case ["check", path, url]:
            sys.exit(check(path, url))
        case _:
            sys.exit(__doc__)
