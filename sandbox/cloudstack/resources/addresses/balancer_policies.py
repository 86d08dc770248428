"""Stickiness and health checks of load balancers (cloudstack-api.md 3.7, 5.6).

Netris advertises stickiness and then ignores it. It has no health checks of CloudStack's making, so those are refused.
"""

from __future__ import annotations

from sandbox.cloudstack.calls.call import SUCCESS, Call, creates, handles, undoes
from sandbox.cloudstack.protocol.errors import InvalidValue, Malformed, ServerError
from sandbox.cloudstack.resources.addresses import balancers
from sandbox.cloudstack.resources.addresses.rules import ACTIVE, BALANCER
from sandbox.cloudstack.resources.zone.offerings import STICKINESS_METHODS
from sandbox.cloudstack.state.cloud import Cloud, view
from sandbox.kit.store import Row

POLICY = "stickinesspolicy"


@creates("createLBStickinessPolicy")
def make_policy(call: Call) -> Row:
    rule = call["lbruleid"]
    methods = {name.lower(): name for name in STICKINESS_METHODS}
    method = methods.get(call["methodname"].lower())
    if method is None:
        raise InvalidValue(f"Failed to create Stickiness policy: unknown method {call['methodname']}")
    if call.cloud.table(POLICY).count_by("ruleid", rule["id"]):
        raise InvalidValue(f"Failed to create Stickiness policy: the rule {rule['id']} has one already")
    return call.cloud.new(
        POLICY,
        ruleid=rule["id"],
        vpcid=rule["vpcid"],
        name=call["name"],
        methodname=method,
        description=call.get("description"),
        params={entry["name"]: entry.get("value", "") for entry in call.get("param", ()) if entry.get("name")},
        fordisplay=call.get("fordisplay", True),
        accountid=rule["accountid"],
        domainid=rule["domainid"],
    )


@handles("createLBStickinessPolicy")
def confirm_policy(call: Call) -> Row:
    rule = call.cloud.get(BALANCER, call.row["ruleid"])
    _apply(call.cloud, rule)
    return {"stickinesspolicies": _sticky_view(call, rule)}


@undoes("createLBStickinessPolicy")
def unmake_policy(call: Call) -> None:
    call.cloud.remove(POLICY, call.row)
    raise ServerError("Failed to create Stickiness policy")


@handles("deleteLBStickinessPolicy")
def delete_policy(call: Call) -> Row:
    rule = call.cloud.get(BALANCER, call["id"]["ruleid"])
    call.cloud.remove(POLICY, call["id"])
    _apply(call.cloud, rule)
    return SUCCESS


def _apply(cloud: Cloud, rule: Row) -> None:
    if rule["state"] == ACTIVE:
        balancers.apply(cloud, rule)


@handles("listLBStickinessPolicies")
def list_policies(call: Call) -> Row:
    rule = _rule_asked_for(call)
    return {} if rule is None else call.page([rule], lambda row: _sticky_view(call, row))


def _rule_asked_for(call: Call) -> Row | None:
    """The one rule whose policies are listed."""
    rule: Row | None = call.get("lbruleid")
    if (policy := call.get("id")) is not None and not policy.get("is_removed"):
        rule = call.cloud.table(BALANCER).get(policy["ruleid"])
    if "lbruleid" not in call and "id" not in call:
        raise InvalidValue("Either load balancer rule id or policy id should be specified")
    if rule is None or rule.get("is_removed"):
        return None
    call.caller.check(call.cloud, BALANCER, rule)
    return rule


def _sticky_view(call: Call, rule: Row) -> Row:
    policies = call.displayed(call.cloud.table(POLICY).by("ruleid", rule["id"]))
    shown = []
    for policy in policies:
        each = {**view(policy, "id", "name", "methodname", "description", "params"), "state": "Active"}
        shown.append({**each, "fordisplay": policy["fordisplay"]} if call.caller.is_root else each)
    fields = {**_of_rule(call.cloud, rule), "stickinesspolicy": shown}
    if policies:
        fields |= {"name": policies[0]["name"], "state": "Active", **view(policies[0], "description")}
    return fields


def _of_rule(cloud: Cloud, rule: Row) -> Row:
    owner = view(cloud.owner_fields(rule), "account", "domainid", "domain")
    return {"lbruleid": rule["id"], "zoneid": rule["zoneid"], **owner}


# health checks


@creates("createLBHealthCheckPolicy")
def refuse_check(call: Call) -> Row:
    """A 430 (REAL); its text is (unverified)."""
    raise Malformed(
        f"Failed to create HealthCheck policy: Validation Failed: the provider Netris of the rule "
        f"{call['lbruleid']['id']} does not support health checks"
    )


@handles("createLBHealthCheckPolicy")
def confirm_check(call: Call) -> Row:
    raise InvalidValue("No health check is ever made here")


@handles("listLBHealthCheckPolicies")
def list_checks(call: Call) -> Row:
    rule = _rule_asked_for(call)
    return {} if rule is None else call.page([rule], lambda row: {**_of_rule(call.cloud, row), "healthcheckpolicy": []})


@handles("deleteLBHealthCheckPolicy")
def delete_check(call: Call) -> Row:
    """Nothing can be named here, as nothing can be made."""
    return SUCCESS
