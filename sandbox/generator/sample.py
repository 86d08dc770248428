"""The one tenant and the one VPC that the services make themselves, and what of them differs from print to print."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from sandbox.generator.operator import Operator
from sandbox.generator.size import Size
from sandbox.store import Row, Store

if TYPE_CHECKING:
    from sandbox.cloudstack.cloud import Cloud

BLOCK = "10.77."  # of the sample's addresses
TIER_NAMES = ("web", "app", "db")


def tenant_name(number: int) -> str:
    return f"tenant-{number:05}"


def vpc_name(number: int) -> str:
    return f"vpc-{number:05}"


def make_tenant(api: Operator) -> None:
    domain = api.one("createDomain", name="generated")
    api(
        "createAccount",
        account=tenant_name(1),
        username=tenant_name(1),
        password=f"{tenant_name(1)}-password",
        firstname=tenant_name(1),
        lastname="generated",
        email=f"{tenant_name(1)}@example.net",
        accounttype=0,
        domainid=domain["id"],
    )


def make_vpc(api: Operator, store: Store, size: Size, account: Row) -> None:
    zone = api.one("listZones")["id"]
    owner = {"account": account["name"], "domainid": account["domainid"]}
    offering = api.one("listVPCOfferings", name="VPC offering with Netris - NAT Mode")["id"]
    vpc = api.done("createVPC", name=vpc_name(1), cidr=f"{BLOCK}0.0/16", zoneid=zone, vpcofferingid=offering, **owner)[
        "id"
    ]
    acl = api("createNetworkACLList", name=f"{vpc_name(1)}-acl", vpcid=vpc)
    api("queryAsyncJobResult", jobid=acl["jobid"])
    for number in range(1, size.rules + 1):
        _acl_rule(api, acl["id"], number)
    offering = api.one("listNetworkOfferings", name="DefaultNATNetrisNetworkOfferingForVpc")["id"]
    placed = {"zoneid": zone, "vpcid": vpc, "networkofferingid": offering, "aclid": acl["id"]}
    machine = {
        "zoneid": zone,
        "serviceofferingid": api.one("listServiceOfferings")["id"],
        "templateid": api.one("listTemplates", templatefilter="executable")["id"],
    }
    machines = []
    for number, name in enumerate(TIER_NAMES[: size.tiers], start=1):
        gateway = f"{BLOCK}{number}.1"
        tier = api.one("createNetwork", name=name, gateway=gateway, netmask="255.255.255.0", **placed)["id"]
        machines.append(
            api.done("deployVirtualMachine", name=f"{vpc_name(1)}-{name}", networkids=tier, **machine, **owner)
        )
    if size.forwards and machines:
        _forwards(api, store, vpc, machines[0]["id"], size.forwards)


def _acl_rule(api: Operator, acl: str, number: int) -> None:
    rule = {"aclid": acl, "number": number, "protocol": "tcp", "action": "allow", "cidrlist": "0.0.0.0/0"}
    side = "ingress" if number % 2 else "egress"
    api.done("createNetworkACL", traffictype=side, startport=440 + number, endport=440 + number, **rule)


def _forwards(api: Operator, store: Store, vpc: str, machine: str, count: int) -> None:
    netris = next(row for row in store["vlan"] if row["provider"])
    address = next(iter(store["publicip"].by("pool", f"{netris['id']}:Free")))["ipaddress"]
    public = api.done("associateIpAddress", vpcid=vpc, ipaddress=address)["id"]
    networks = store["nic"].by("vmid", machine)
    for number in range(count):
        api.done(
            "createPortForwardingRule",
            ipaddressid=public,
            virtualmachineid=machine,
            networkid=networks[0]["networkid"],
            protocol="tcp",
            publicport=8000 + number,
            privateport=8000 + number,
            openfirewall="false",
        )


def tokens_of(texts: set[str]) -> re.Pattern[str]:
    """Longer ones first, and none that is part of a longer number."""
    whole = [
        f"{'(?<![0-9.])' if text[0].isdigit() else ''}{re.escape(text)}{'(?![0-9])' if text[-1].isdigit() else ''}"
        for text in sorted(texts, key=len, reverse=True)
    ]
    return re.compile(f"({'|'.join(whole)})")


class Sample:
    """What of the sample's texts differs from print to print."""

    def __init__(self, cloud: Cloud, rows: list[tuple[str, Row]], owned: list[Row]) -> None:
        self._cloud = cloud
        self._rows = rows
        self._owned = owned
        self._account: Row = cloud.get("account", owned[0]["accountid"])
        self.vnis = [row["id"] for kind, row in rows if kind == "vni"]
        self.hosts = list(dict.fromkeys(row["hostid"] for _, row in rows if row.get("hostid")))
        numbers = {row["id"]: row["number"] for _, row in rows if "number" in row}
        same = self.words(1, self._account, numbers, owned, str)
        self.tokens = tokens_of({*same, *self.hosts})

    def words(
        self, number: int, tenant: Row, numbers: dict[str, int], free: list[Row], uuid: Callable[[], str]
    ) -> dict[str, str]:
        """Each token of the sample, and what a print has in its place."""
        domain, zone = self._cloud.get("domain", tenant["domainid"])["number"], self._cloud.zone["number"]
        old, new = self._account, tenant
        vpc = next(row for kind, row in self._rows if kind == "vpc")
        found = {row["id"]: uuid() for _, row in self._rows if isinstance(row["id"], str)}
        found |= {old["id"]: new["id"], old["name"]: new["name"]}
        for mine, its in zip(self._owned, free, strict=True):
            found |= {mine["id"]: its["id"], mine["ipaddress"]: its["ipaddress"]}
        found |= {vpc_name(1): vpc_name(number), BLOCK: f"10.{1 + (number - 1) % 250}."}
        found[f"-Z{zone}-V{vpc['number']}"] = f"-Z{zone}-V{numbers[vpc['id']]}"
        found[f"D{domain}-A{old['number']}"] = f"D{domain}-A{new['number']}"
        found[f"cs{old['number']:x}."] = f"cs{new['number']:x}."
        for kind, row in self._rows:
            before, after = row.get("number"), numbers.get(row["id"])
            if kind == "network":
                found[f"-N{before}"] = f"-N{after}"
            elif kind == "networkacl":
                found[f"-ACL{before}"] = f"-ACL{after}"
            elif kind == "portforwardingrule":
                found[f"-DNAT-R{before}"] = f"-DNAT-R{after}"
            elif kind == "router":
                found[f"r-{before}-VM"] = f"r-{after}-VM"
            elif kind == "vm":
                found[f"i-{old['number']}-{before}-VM"] = f"i-{new['number']}-{after}-VM"
                found[_mac(before)] = _mac(after)
        return found


def _mac(number: int | None) -> str:
    """The part of a NIC's address that is the machine's number."""
    text = f"{number or 0:06x}"
    return f":{text[:2]}:{text[2:4]}:{text[4:]}"
