"""Takes every single permission on data away from every role, one at a time, and looks whether a check fails then.

    least_privilege.py URL

Where none does, the permission is not needed (or not tested), and this fails.
"""

import json
import os
import sys
from collections.abc import Iterator

import boto3

from checks import CHECKS, Api, failure, name

iam = boto3.client("iam", region_name=os.environ["AWS_REGION"])


def main(url: str) -> int:
    api = Api(url)
    needless = 0
    count = 0
    for role, policy in policies():
        for action, resource, without in reduced(policy):
            count += 1
            put(role, without)
            try:
                noticed = next((name(check) for check in CHECKS if failure(check, api)), None)
            finally:
                put(role, policy)
            needless += noticed is None
            verdict = f"ok      {noticed}" if noticed else "FAILED  nothing notices"
            print(f"{role:22} {action:22} {resource.split(':', 5)[-1]:40} {verdict}", flush=True)
    broken = [wrong for check in CHECKS if (wrong := failure(check, api))]
    print(f"{count - needless} of {count} permissions are needed; with all of them back {len(broken)} checks fail")
    return 1 if needless or broken or not count else 0


def policies() -> Iterator[tuple[str, dict]]:
    for page in iam.get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            if "function" in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
                answer = iam.get_role_policy(RoleName=role["RoleName"], PolicyName="function")
                yield role["RoleName"], answer["PolicyDocument"]


def reduced(policy: dict) -> Iterator[tuple[str, str, dict]]:
    """The policy without one action on one resource, for each of those on data."""
    for index, statement in enumerate(policy["Statement"]):
        for action in statement["Action"]:
            if not action.startswith("dynamodb:"):
                continue
            for resource in statement["Resource"]:
                rest = [
                    statement | {"Action": [other for other in statement["Action"] if other != action]},
                    statement | {"Action": [action], "Resource": [other for other in statement["Resource"] if other != resource]},
                ]
                kept = [part for part in rest if part["Action"] and part["Resource"]]
                others = policy["Statement"][:index] + policy["Statement"][index + 1 :]
                yield action, resource, policy | {"Statement": others + kept}


def put(role: str, policy: dict) -> None:
    iam.put_role_policy(RoleName=role, PolicyName="function", PolicyDocument=json.dumps(policy))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
