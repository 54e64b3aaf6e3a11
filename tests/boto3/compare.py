"""Compares the envelope with the function that it replaces.

The AWS tutorial's function (Python, boto3) is written anew below. It and the envelope make the same calls, each on
a table of its own on the same DynamoDB engine; both tables begin with the same items, written by the tutorial's
function. What they answer, and what the tables hold afterwards, must be the same.

    python tests/boto3/compare.py target/debug/local

Prints a line a call and exits with 1 at a difference. Needs boto3 (tests/requirements.txt).
"""

import base64
import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from decimal import Decimal

import boto3
from boto3.dynamodb.types import Binary
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

SERVICE_TABLE = "lambda-apigateway"
REFERENCE_TABLE = "reference"


def lambda_handler(event, table):
    """The tutorial's function: an operation by its name, the payload as its keyword arguments."""
    operations = {
        "create": lambda arguments: table.put_item(**arguments),
        "read": lambda arguments: table.get_item(**arguments),
        "update": lambda arguments: table.update_item(**arguments),
        "delete": lambda arguments: table.delete_item(**arguments),
        "list": lambda arguments: table.scan(**arguments),
        "echo": lambda arguments: arguments,
        "ping": lambda arguments: "pong",
    }
    operation = event["operation"]
    if operation not in operations:
        raise ValueError(f'Unrecognized operation "{operation}"')
    return operations[operation](event.get("payload"))


SEED = [
    {"id": "1234ABCG", "price": Decimal("78.89"), "product": "Beautiful Jacket", "order_date": "2024-11-04T10:30:00Z"},
    {"id": "sets", "tags": {"b", "a"}, "sizes": {Decimal(1), Decimal("2.5")}, "raw": Binary(b"\x00\xff")},
    {"id": "nested", "meta": {"_rev": "mine", "list": [1, {"deep": True}, None], "empty": {}}, "n": 5},
    {"id": "digits", "n": Decimal("12345678901234567890123456789012345678"), "tiny": Decimal("1E-130")},
    {"id": "über/all", "note": "an id that REST can't address"},
]

# Operation and payload, in the order they are made. Arguments are named alike in boto3 and the DocumentClient.
CALLS = [
    ("ping", None),
    ("echo", {"exact": Decimal("78.89"), "nested": [True, None, "x"]}),
    ("echo", None),
    ("nonsense", {}),
    ("list", {}),
    ("list", {"Select": "COUNT"}),
    ("list", {"FilterExpression": "price > :p", "ExpressionAttributeValues": {":p": Decimal("1.5")}}),
    ("list", {"ScanFilter": {"n": {"ComparisonOperator": "GE", "AttributeValueList": [5]}}}),
    ("list", {"ScanFilter": {"n": {"ComparisonOperator": "NOT_NULL"}, "price": {"ComparisonOperator": "NOT_NULL"}},
              "ConditionalOperator": "OR"}),
    ("list", {"ProjectionExpression": "#i, meta.deep", "ExpressionAttributeNames": {"#i": "id"}}),
    ("list", {"AttributesToGet": ["id", "price"]}),
    ("list", {"Limit": 0}),
    ("list", {"Segment": 0, "TotalSegments": 1, "ConsistentRead": True}),
    ("list", {"IndexName": "no-such-index"}),
    ("read", {"Key": {"id": "1234ABCG"}}),
    ("read", {"Key": {"id": "absent"}}),
    ("read", {"Key": {"id": "sets"}, "ConsistentRead": True}),
    ("read", {"Key": {"id": "nested"}, "ProjectionExpression": "meta.#l[1]", "ExpressionAttributeNames": {"#l": "list"}}),
    ("read", {"Key": {"id": "nested"}, "ProjectionExpression": "nothing"}),
    ("read", {"Key": {"id": "digits"}, "AttributesToGet": ["n"]}),
    ("read", {"Key": {"id": "über/all"}}),
    ("read", {"Key": {"wrong": "key"}}),
    ("read", {"Key": {"id": 5}}),
    ("create", {"Item": {"id": "new", "n": Decimal("0.1"), "list": [1, "two", {"three": 3}], "none": None}}),
    ("create", {"Item": {"id": "new", "n": 2}, "ReturnValues": "ALL_OLD"}),
    ("create", {"Item": {"id": "fresh"}, "ReturnValues": "ALL_OLD"}),
    ("create", {"Item": {"id": "new"}, "ReturnValues": "ALL_NEW"}),
    ("create", {"Item": {"id": "new"}, "ConditionExpression": "attribute_not_exists(id)"}),
    ("create", {"Item": {"id": "new", "n": 3}, "ConditionExpression": "n = :two OR n = :three",
                "ExpressionAttributeValues": {":two": 2, ":three": 3}}),
    ("create", {"Item": {"id": "new", "n": 4}, "ConditionExpression": "(n = :two OR n = :three)",
                "ExpressionAttributeValues": {":two": 2, ":three": 3}}),
    ("create", {"Item": {"id": "new", "n": 5}, "Expected": {"n": {"Value": 4}}}),
    ("create", {"Item": {"id": "new", "n": 6}, "Expected": {"n": {"Value": 4}}}),
    ("create", {"Item": {"id": "new2", "n": 1}, "Expected": {"id": {"Exists": False}}}),
    ("create", {"Item": {"id": "new", "n": 7}, "ConditionalOperator": "OR", "Expected": {
        "n": {"ComparisonOperator": "BETWEEN", "AttributeValueList": [4, 6]},
        "m": {"ComparisonOperator": "NULL"}}}),
    ("create", {"Item": {"id": "new", "n": 8}, "Expected": {"n": {"ComparisonOperator": "IN", "AttributeValueList": [1, 2]}}}),
    ("create", {"Item": {"n": 8}}),
    ("create", {"Item": {"id": ""}}),
    ("create", {"Item": {"id": "x"}, "ConditionExpression": "n ="}),
    ("create", {"Item": {"id": "x"}, "ConditionExpression": ""}),
    ("create", {"Item": {"id": "x"}, "ConditionExpression": "n = :undefined"}),
    ("create", {"Item": {"id": "x"}, "ConditionExpression": "attribute_not_exists(id)",
                "ExpressionAttributeValues": {":unused": 1}}),
    ("update", {"Key": {"id": "new"}, "UpdateExpression": "SET n = n + :one", "ExpressionAttributeValues": {":one": 1},
                "ReturnValues": "ALL_NEW"}),
    ("update", {"Key": {"id": "new"}, "UpdateExpression": "set a = :a remove missing add n :one",
                "ExpressionAttributeValues": {":one": 1, ":a": {"b": [1, 2]}}, "ReturnValues": "UPDATED_NEW"}),
    ("update", {"Key": {"id": "new"}, "UpdateExpression": "SET a.b[1] = :v", "ExpressionAttributeValues": {":v": "x"},
                "ReturnValues": "UPDATED_OLD"}),
    ("update", {"Key": {"id": "new"}, "UpdateExpression": "REMOVE a.b[0]", "ReturnValues": "ALL_OLD"}),
    ("update", {"Key": {"id": "new"}, "UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": 1},
                "ReturnValues": "NONE"}),
    ("update", {"Key": {"id": "sets"}, "UpdateExpression": "DELETE tags :t", "ExpressionAttributeValues": {":t": "a"}}),
    ("update", {"Key": {"id": "upsert"}, "UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": 1},
                "ReturnValues": "ALL_NEW"}),
    ("update", {"Key": {"id": "bare"}}),
    ("update", {"Key": {"id": "bare2"}, "ReturnValues": "ALL_NEW"}),
    ("update", {"Key": {"id": "absent"}, "UpdateExpression": "SET n = :n", "ConditionExpression": "attribute_exists(id)",
                "ExpressionAttributeValues": {":n": 1}}),
    ("update", {"Key": {"id": "new"}, "UpdateExpression": "SET n = :n", "ConditionExpression": "n < :n",
                "ExpressionAttributeValues": {":n": 1}, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}),
    ("update", {"Key": {"id": "new"}, "AttributeUpdates": {
        "n": {"Action": "ADD", "Value": 5}, "c": {"Action": "PUT", "Value": "c"}, "a": {"Action": "DELETE"}},
        "ReturnValues": "ALL_NEW"}),
    ("update", {"Key": {"id": "new"}, "AttributeUpdates": {"appended": {"Action": "ADD", "Value": ["x"]}}}),
    ("update", {"Key": {"id": "new"}, "AttributeUpdates": {"appended": {"Action": "ADD", "Value": [2]}},
                "ReturnValues": "UPDATED_NEW"}),
    ("update", {"Key": {"id": "new"}, "UpdateExpression": "SET n."}),
    ("update", {"Key": {"id": "new"}, "UpdateExpression": "REMOVE l[0"}),
    ("delete", {"Key": {"id": "new"}, "Expected": {"n": {"Value": 1}}, "ConditionalOperator": "OR"}),
    ("delete", {"Key": {"id": "new"}, "Expected": {"n": {"ComparisonOperator": "IN", "AttributeValueList": [1, "z"]}}}),
    ("delete", {"Key": {"id": "new"}, "Expected": {}, "ConditionExpression": "attribute_exists(id)"}),
    ("list", {"AttributesToGet": []}),
    ("update", {"Key": {"id": "new"}, "AttributeUpdates": {"d": {"Value": [1]}}, "ReturnValues": "UPDATED_NEW"}),
    ("update", {"Key": {"id": "gone"}, "AttributeUpdates": {"d": {"Action": "DELETE"}}, "ReturnValues": "ALL_NEW"}),
    ("update", {"Key": {"id": "gone"}, "AttributeUpdates": {"d": {"Action": "DELETE"}}, "Expected": {"d": {"Value": 1}}}),
    ("update", {"Key": {"id": "gone"}, "AttributeUpdates": {"d": {"Action": "DELETE"}}, "Expected": {"d": {"Exists": False}}}),
    ("update", {"Key": {"id": "new"}, "AttributeUpdates": {"d": {"Action": "DELETE"}}, "Expected": {"d": {"Value": [1]}}}),
    ("update", {"Key": {"id": "new"}, "UpdateExpression": "SET", "ReturnValues": "ALL_NEW"}),
    ("update", {"Key": {"id": "new"}, "UpdateExpression": "SET a = :a SET b = :a", "ExpressionAttributeValues": {":a": 1}}),
    ("update", {"Key": {"id": "new"}, "UpdateExpression": ", b = :a", "ExpressionAttributeValues": {":a": 1}}),
    ("update", {"Key": {"id": "new"}, "UpdateExpression": "SET id = :a", "ExpressionAttributeValues": {":a": "b"}}),
    ("update", {"Key": {"id": "new"}, "UpdateExpression": "SET a.b = :a, a = :a", "ExpressionAttributeValues": {":a": 1}}),
    ("delete", {"Key": {"id": "new2"}, "ReturnValues": "ALL_OLD"}),
    ("delete", {"Key": {"id": "new2"}, "ReturnValues": "ALL_OLD"}),
    ("delete", {"Key": {"id": "new"}, "ConditionExpression": "n = :n", "ExpressionAttributeValues": {":n": -1}}),
    ("delete", {"Key": {"id": "new"}, "Expected": {"n": {"ComparisonOperator": "GT", "AttributeValueList": [0]}}}),
    ("delete", {"Key": {"id": "absent"}, "ConditionExpression": "attribute_exists(id)"}),
    ("delete", {"Key": {"id": "absent"}}),
    ("list", {}),
]


def plain(value):
    """A value of boto3's as the JSON that the envelope answers with."""
    if isinstance(value, Decimal):
        text = format(value, "f")
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return Number("0" if text == "-0" else text)
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, (int, float)):
        return Number(str(value))
    if isinstance(value, Binary):
        return base64.b64encode(value.value).decode()
    if isinstance(value, (set, frozenset)):
        return sorted((plain(member) for member in value), key=lambda member: (Decimal(member.text) if isinstance(member, Number) else member))
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items()}
    return [plain(member) for member in value]


class Number:
    """A number by its text, so that nothing is rounded."""

    def __init__(self, text):
        self.text = text

    def __eq__(self, other):
        return isinstance(other, Number) and Decimal(self.text) == Decimal(other.text)

    def __repr__(self):
        return self.text


def read_json(text):
    return json.loads(text, parse_float=Number, parse_int=Number)


def write_json(value):
    """JSON with Decimals as they are."""
    marked = json.dumps(value, default=lambda decimal: f"\x00{decimal}\x00")
    return re.sub(r'"\\u0000(.*?)\\u0000"', r"\1", marked)


def ask_service(url, operation, payload):
    event = {"operation": operation, "tableName": SERVICE_TABLE}
    if payload is not None:
        event["payload"] = payload
    request = urllib.request.Request(url, data=write_json(event).encode(), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, read_json(response.read())
    except urllib.error.HTTPError as error:
        return error.code, read_json(error.read())


def ask_reference(table, operation, payload):
    """The tutorial's function; an error as the service should call it."""
    try:
        return 200, plain(lambda_handler({"operation": operation, "payload": payload}, table))
    except ClientError as error:
        code = error.response["Error"]["Code"]
        status = {"ConditionalCheckFailedException": 409, "ResourceNotFoundException": 404}.get(code, 400)
        body = {"errorType": code, "errorMessage": error.response["Error"].get("Message", "")}
        if "Item" in error.response:
            body["Item"] = plain({name: from_wire(value) for name, value in error.response["Item"].items()})
        return status, body
    except (BotoCoreError, ValueError) as error:
        return 400, {"errorType": None, "errorMessage": str(error)}


def from_wire(value):
    from boto3.dynamodb.types import TypeDeserializer

    return TypeDeserializer().deserialize(value)


def comparable(operation, answer):
    """Without what must differ: the metadata, and the order of a scan."""
    status, body = answer
    if status != 200:
        return status, {name: body.get(name) for name in ("errorType", "Item")}
    if operation not in ("echo", "ping") and isinstance(body, dict):
        metadata = body.pop("ResponseMetadata")
        body["ResponseMetadata"] = {name: metadata[name] for name in ("HTTPStatusCode", "RetryAttempts")}
        if "Items" in body:
            body["Items"] = sorted(body["Items"], key=lambda item: json.dumps(item, default=repr, sort_keys=True))
    return status, body


def same(service, reference):
    if service[0] != 200 and reference[0] == service[0] and reference[1]["errorType"] is None:
        return True  # refused by boto3 itself, before DynamoDB could name the error
    return service == reference


def main(binary):
    command = [binary, "--memory", "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        service, engine = addresses(server)
        resource = boto3.resource(
            "dynamodb", endpoint_url=engine, region_name="us-east-1", aws_access_key_id="local",
            aws_secret_access_key="local", config=Config(retries={"max_attempts": 0}))
        reference = resource.create_table(
            TableName=REFERENCE_TABLE, BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])
        reference.wait_until_exists()
        for table in (reference, resource.Table(SERVICE_TABLE)):
            for item in SEED:
                lambda_handler({"operation": "create", "payload": {"Item": item}}, table)
        failures = sum(not compare(service, reference, *call) for call in CALLS)
    finally:
        server.terminate()
        server.wait(timeout=20)
    print(f"{len(CALLS) - failures} passed, {failures} failed")
    return 1 if failures else 0


def compare(service, reference, operation, payload):
    ours = comparable(operation, ask_service(service, operation, payload))
    makes_no_item = removes_from_nothing(reference, operation, payload)
    theirs = comparable(operation, ask_reference(reference, operation, payload))
    if makes_no_item and theirs[0] == 200:
        reference.delete_item(Key=payload["Key"])
        theirs[1].pop("Attributes", None)
    is_same = same(ours, theirs)
    print("same     " if is_same else "DIFFERENT", operation, write_json(payload))
    if not is_same:
        print("   envelope:", ours)
        print("   boto3:   ", theirs)
    return is_same


def removes_from_nothing(reference, operation, payload):
    """Whether the call is one of AttributeUpdates that only delete, on an item that is not there.

    The engine makes an item then, and DynamoDB does not ("DELETE - Nothing happens; there is no attribute to delete":
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LegacyConditionalParameters.AttributeUpdates.html).
    """
    updates = (payload or {}).get("AttributeUpdates", {}) if operation == "update" else {}
    only_deletes = bool(updates) and all(update.get("Action") == "DELETE" for update in updates.values())
    return only_deletes and "Item" not in reference.get_item(Key=payload["Key"])


def addresses(server):
    """Where the service and its engine listen, from what the program prints."""
    engine = None
    for line in server.stdout:
        if match := re.search(r"DynamoDB endpoint (http://\S+)", line):
            engine = match.group(1)
        if match := re.match(r"listening on (http://\S+)", line):
            service = match.group(1)
            if engine:
                return service + "/", engine
    raise SystemExit("the service did not start")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
