"""Reads `terraform show -json` of a plan made right after apply: nothing may be left to do but what the emulator
reads back wrongly. An exception that the emulator does not need any more is a failure too."""

import json
import sys

# Resource type => attributes that the emulator does not return as they were set, and why AWS has no such change.
KNOWN = {
    # DescribeAlarms of the emulator leaves these members of an alarm out.
    "aws_cloudwatch_metric_alarm": {
        "actions_enabled",
        "alarm_actions",
        "alarm_description",
        "dimensions",
        "evaluate_low_sample_count_percentiles",
        "extended_statistic",
        "ok_actions",
        "period",
        "statistic",
        "treat_missing_data",
    },
    # The emulator gives a JWT authorizer a payload version, which only Lambda authorizers have.
    "aws_apigatewayv2_authorizer": {"authorizer_payload_format_version"},
}


def main() -> int:
    plan = json.load(sys.stdin)
    present = {resource["type"] for resource in plan["resource_changes"]}
    needed: dict[str, set[str]] = {}
    failures = []
    for resource in plan["resource_changes"]:
        change = resource["change"]
        if change["actions"] in (["no-op"], ["read"]):
            continue
        before, after = change["before"] or {}, change["after"] or {}
        differing = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        unknown = differing - KNOWN.get(resource["type"], set())
        if change["actions"] != ["update"] or unknown:
            failures.append(f"{resource['address']}: {'/'.join(change['actions'])} {', '.join(sorted(unknown))}")
        needed.setdefault(resource["type"], set()).update(differing)
    for kind in KNOWN.keys() & present:
        if stale := KNOWN[kind] - needed.get(kind, set()):
            failures.append(f"{kind}: the emulator is right about {', '.join(sorted(stale))} now: remove the exception")
    for name, change in plan.get("output_changes", {}).items():
        if change["actions"] != ["no-op"]:
            failures.append(f"output {name}: {'/'.join(change['actions'])}")
    for failure in failures:
        print(f"FAILED  {failure}")
    if not failures:
        unchanged = len(plan["resource_changes"]) - sum(1 for r in plan["resource_changes"] if r["change"]["actions"] == ["update"])
        print(f"ok      {unchanged} resources are as they should be; the others only by what the emulator leaves out: "
              f"{', '.join(sorted(needed)) or 'none'}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
