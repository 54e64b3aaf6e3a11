"""Requests to a deployment, at least one for everything that a function asks of DynamoDB.

    checks.py URL      all checks
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from typing import NamedTuple

import boto3

TABLE = os.environ.get("ORDERS_TABLE", "orders")
CHECKS: list[Callable[["Api"], None]] = []


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: str

    def expect(self, status: int, *texts: str) -> "Answer":
        missing = [text for text in texts if text not in self.body]
        if self.status != status or missing:
            raise AssertionError(f"wanted {status} with {missing or 'any body'}, got {self.status} {self.body[:500]}")
        return self


class Api:
    def __init__(self, url: str, headers: dict[str, str] | None = None):
        self.url, self.headers = url.rstrip("/"), headers or {}

    def send(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        data = None if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        sent = {"content-type": "application/json"} if data is not None else {}
        sent |= self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=sent)
        try:
            with urllib.request.urlopen(request, timeout=35) as response:
                return answer(response)
        except urllib.error.HTTPError as error:
            return answer(error)

    def envelope(self, operation: str, **payload: object) -> Answer:
        return self.send("POST", "/", {"operation": operation, "tableName": "lambda-apigateway", "payload": payload})

    def create(self, **members: object) -> Answer:
        return self.send("POST", "/orders", order(**members)).expect(201)


def answer(response) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status, headers, response.read().decode())


def order(**members: object) -> dict:
    return {"id": new_id(), "product": "book", "price": 78.89, "order_date": "2026-01-02T03:04:05Z"} | members


def new_id() -> str:
    return f"check-{uuid.uuid4()}"


def put_as_another_program() -> tuple[str, str]:
    """An item without bookkeeping: its ETag is a digest of what is in it, so a condition on it has to read it."""
    order_id = new_id()
    item = {"id": {"S": order_id}, "product": {"S": "lamp"}, "price": {"N": "5"}, "order_date": {"S": "2026-01-02T03:04:05Z"}}
    boto3.client("dynamodb", region_name=os.environ["AWS_REGION"]).put_item(TableName=TABLE, Item=item)
    return order_id, f"/orders/{order_id}"


def check(function: Callable[["Api"], None]) -> Callable[["Api"], None]:
    CHECKS.append(function)
    return function


@check
def ping_answers(api: Api) -> None:
    assert api.send("GET", "/ping").expect(200).body == '{"message":"pong"}'


@check
def echo_gives_numbers_back_to_the_last_digit(api: Api) -> None:
    assert api.send("POST", "/echo", '{"n": 1.10}').expect(200).body == '{"n": 1.10}'


@check
def an_unknown_route_is_the_gateways_404(api: Api) -> None:
    for method, path in [("GET", "/nowhere"), ("PUT", "/orders"), ("GET", "/orders/a/b")]:
        assert api.send(method, path).expect(404).body == '{"message":"Not Found"}', path


@check
def an_order_is_created_once_and_read(api: Api) -> None:
    wanted = order()
    created = api.send("POST", "/orders", wanted).expect(201, '"price":78.89')
    assert created.headers["location"] == f"/orders/{wanted['id']}"
    read = api.send("GET", created.headers["location"]).expect(200)
    assert (read.body, read.headers["etag"]) == (created.body, created.headers["etag"])
    api.send("GET", created.headers["location"], if_none_match=read.headers["etag"]).expect(304)
    api.send("POST", "/orders", wanted).expect(409, "already_exists")


@check
def an_invalid_order_is_refused_with_every_violation(api: Api) -> None:
    api.send("POST", "/orders", {"price": "5"}).expect(422, '"/product"', '"/price"', '"request_id"')


@check
def a_repeated_idempotency_key_gives_the_first_answer(api: Api) -> None:
    key, body = str(uuid.uuid4()), order()
    first = api.send("POST", "/orders", body, idempotency_key=key).expect(201)
    again = api.send("POST", "/orders", body, idempotency_key=key).expect(201)
    assert again.headers["idempotency-replayed"] == "true" and again.body == first.body
    api.send("POST", "/orders", order(), idempotency_key=key).expect(422, "idempotency_key_reused")


@check
def of_two_writers_with_one_tag_the_second_is_refused(api: Api) -> None:
    created = api.create()
    path, tag = created.headers["location"], created.headers["etag"]
    api.send("PUT", path, order(id=path[8:], price=1), if_match=tag).expect(200, '"price":1')
    api.send("PUT", path, order(id=path[8:], price=2), if_match=tag).expect(412)
    api.send("PATCH", path, {"price": 2}, if_match=tag).expect(412)
    api.send("DELETE", path, if_match=tag).expect(412)


@check
def put_creates_where_there_is_nothing(api: Api) -> None:
    order_id = new_id()
    api.send("PUT", f"/orders/{order_id}", order(id=order_id)).expect(201)


@check
def a_flat_patch_a_merging_one_and_a_large_one_are_made(api: Api) -> None:
    path = api.create(gift={"wrap": True}).headers["location"]
    api.send("PATCH", path, {"price": 68.5}).expect(200, '"price":68.5')
    api.send("PATCH", path, {"gift": {"card": "x"}}).expect(200, '"gift":{"card":"x","wrap":true}')
    # More than an update expression can hold: written as a whole item.
    large = {f"attribute{number}": number for number in range(400)}
    api.send("PATCH", path, large).expect(200, '"attribute399":399')
    api.send("PATCH", path, {}).expect(200)


@check
def an_order_is_deleted_once(api: Api) -> None:
    path = api.create().headers["location"]
    api.send("DELETE", path).expect(204)
    api.send("DELETE", path).expect(404, "not_found")
    api.send("GET", path).expect(404, "not_found")


@check
def an_item_of_another_program_has_a_tag_that_put_honours(api: Api) -> None:
    order_id, path = put_as_another_program()
    tag = api.send("GET", path).expect(200).headers["etag"]
    api.send("PUT", path, order(id=order_id), if_match=tag).expect(200)


@check
def an_item_of_another_program_has_a_tag_that_delete_honours(api: Api) -> None:
    _, path = put_as_another_program()
    tag = api.send("GET", path).expect(200).headers["etag"]
    api.send("DELETE", path, if_match='"other"').expect(412)
    api.send("DELETE", path, if_match=tag).expect(204)


@check
def every_order_is_listed(api: Api) -> None:
    order_id = api.create().headers["location"][8:]
    seen = listed(api, "/orders?limit=100")
    assert seen.count(order_id) == 1, f"listed {seen.count(order_id)} times"


@check
def a_products_orders_are_listed_from_its_index(api: Api) -> None:
    product = f"product {uuid.uuid4()}"
    ids = [api.create(product=product, order_date=f"2026-01-0{day}T00:00:00Z").headers["location"][8:] for day in (1, 2, 3)]
    query = f"/orders?product={product.replace(' ', '%20')}&limit=2"
    eventually(lambda: listed(api, query) == ids[::-1])
    eventually(lambda: listed(api, query + "&sort=order_date&from=2026-01-02T00:00:00Z") == ids[1:])


@check
def all_orders_are_listed_by_date_from_their_index(api: Api) -> None:
    first, last = (api.create(order_date=f"2031-01-0{day}T00:00:00Z").headers["location"][8:] for day in (1, 2))

    def in_order() -> bool:
        seen = listed(api, "/orders?from=2031-01-01T00:00:00Z&limit=1")
        return last in seen and first in seen and seen.index(last) < seen.index(first)

    eventually(in_order)


@check
def a_client_of_the_original_works_unchanged(api: Api) -> None:
    order_id = new_id()
    key = {"id": order_id}
    api.envelope("create", Item=key | {"product": "book", "order_date": "2026-01-01", "price": 78.89}).expect(200, "ResponseMetadata")
    api.envelope("read", Key=key).expect(200, '"price":78.89')
    api.envelope(
        "update", Key=key, UpdateExpression="SET price = :p", ExpressionAttributeValues={":p": 1.5}, ReturnValues="UPDATED_NEW"
    ).expect(200, '"Attributes":{"price":1.5}')
    api.envelope("list").expect(200, '"Items"', order_id)
    eventually(lambda: order_id in api.envelope("list", IndexName="product-order_date-index").expect(200).body)
    api.envelope("delete", Key=key, ReturnValues="ALL_OLD").expect(200, '"price":1.5')
    api.envelope("update", Key=key, AttributeUpdates={"price": {"Action": "DELETE"}}, Expected={"price": {"Exists": False}}).expect(200)
    assert api.send("POST", "/", {"operation": "ping"}).expect(200).body == '"pong"'


@check
def the_envelope_serves_no_other_table(api: Api) -> None:
    request = {"operation": "list", "tableName": "orders-idempotency", "payload": {}}
    api.send("POST", "/", request).expect(404, "table_not_found")
    api.envelope("list", IndexName="_shard-order_date-index").expect(400)


@check
def every_answer_names_its_request(api: Api) -> None:
    missing = api.send("GET", "/orders/no-such-order").expect(404)
    assert missing.headers["content-type"] == "application/problem+json"
    assert json.loads(missing.body)["request_id"] == missing.headers["x-request-id"]


def listed(api: Api, path: str) -> list[str]:
    """The ids of all pages."""
    ids: list[str] = []
    cursor = ""
    for _ in range(100):
        page = json.loads(api.send("GET", f"{path}{cursor}").expect(200).body)
        ids += [order["id"] for order in page["orders"]]
        if "next_cursor" not in page:
            return ids
        cursor = f"&cursor={page['next_cursor']}"
    raise AssertionError("more than 100 pages")


def eventually(holds: Callable[[], bool]) -> None:
    """An index follows its table, on AWS within a second or so."""
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline, "not within 10 seconds"
        time.sleep(0.2)


def failure(function: Callable[[Api], None], api: Api) -> str | None:
    """What a check found wrong; none when it passes."""
    try:
        function(api)
        return None
    except Exception as error:
        return f"{name(function)}: {error!r}"


def name(function: Callable[[Api], None]) -> str:
    return function.__name__.replace("_", " ")


def main(url: str) -> int:
    api = Api(url)
    failed = 0
    for function in CHECKS:
        wrong = failure(function, api)
        print(f"FAILED  {wrong}" if wrong else f"ok      {name(function)}")
        failed += wrong is not None
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
