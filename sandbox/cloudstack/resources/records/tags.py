"""Tags on objects of tenants (cloudstack-api.md 3.11)."""

from __future__ import annotations

from sandbox.cloudstack.calls.call import SUCCESS, Call, handles
from sandbox.cloudstack.protocol.errors import InternalError, InvalidValue
from sandbox.kit.store import Row

_KINDS = {
    "uservm": ("UserVm", "vm"),
    "network": ("Network", "network"),
    "publicipaddress": ("PublicIpAddress", "publicip"),
    "account": ("Account", "account"),
    "vpc": ("Vpc", "vpc"),
    "networkacl": ("NetworkACL", "networkacl"),
    "networkacllist": ("NetworkACLList", "networkacllist"),
    "user": ("User", "user"),
    "nic": ("Nic", "nic"),
    "template": ("Template", "template"),
    "portforwardingrule": ("PortForwardingRule", "portforwardingrule"),
    "volume": ("Volume", "volume"),
    "project": ("Project", "project"),
    "loadbalancer": ("LoadBalancer", "loadbalancer"),
    "staticroute": ("StaticRoute", "staticroute"),
    "privategateway": ("PrivateGateway", "privategateway"),
    "vpngateway": ("VpnGateway", "vpngateway"),
}


def _type(call: Call) -> tuple[str, str]:
    try:
        return _KINDS[call["resourcetype"].lower()]
    except KeyError:
        raise InvalidValue(f"Invalid resource type {call['resourcetype']}") from None


def _subjects(call: Call) -> tuple[str, list[Row]]:
    name, kind = _type(call)
    rows = []
    for identifier in call["resourceids"]:
        row = call.cloud.table(kind).get(identifier)
        if row is None:
            raise InvalidValue(f"Unable to find resource by id {identifier} and type {name}")
        call.caller.check(call.cloud, kind, row)
        rows.append(row)
    return name, rows


@handles("createTags")
def create_tags(call: Call) -> Row:
    cloud, (name, rows) = call.cloud, _subjects(call)
    table = cloud.table("tag")
    wanted = [(entry.get("key"), entry.get("value", "")) for entry in call["tags"]]
    if any(not key for key, _ in wanted):
        raise InvalidValue("The tags must have a key and a value")
    for row in rows:
        present = {tag["key"] for tag in table.by("resourceid", row["id"])}
        for key, value in wanted:
            if key in present:
                raise InternalError(f"tag {key} already on {name} with id {row['id']}")
            cloud.new(
                "tag",
                key=key,
                value=value,
                customer=call.get("customer"),
                resourceid=row["id"],
                resourcetype=name,
                accountid=row.get("accountid"),
                domainid=row.get("domainid"),
            )
    return SUCCESS


@handles("deleteTags")
def delete_tags(call: Call) -> Row:
    """Without tags all of them go; a key without a value takes the key's tag whatever it says."""
    table, (_, rows) = call.cloud.table("tag"), _subjects(call)
    wanted = call.get("tags")
    for row in rows:
        for tag in table.by("resourceid", row["id"]):
            if wanted is None or any(
                entry.get("key") == tag["key"] and entry.get("value") in (None, tag["value"]) for entry in wanted
            ):
                table.drop(tag["id"])
    return SUCCESS


@handles("listTags")
def list_tags(call: Call) -> Row:
    rows = call.narrowed(call.visible("tag"), "resourcetype", "resourceid", "key", "value", "customer")
    return call.page(call.searched(rows, "key", "value"), call.cloud.tag_view)
