"""The numbers that Netris object names are made of (netris-api.md 4.2)."""

from __future__ import annotations

from sandbox.cloudstack.plugin.objects import VpcName
from sandbox.cloudstack.state.cloud import Cloud
from sandbox.kit.store import Row


def vpc_name(cloud: Cloud, vpc: Row) -> VpcName:
    return VpcName(
        domain=cloud.get("domain", vpc["domainid"])["number"],
        account=cloud.get("account", vpc["accountid"])["number"],
        zone=cloud.get("zone", vpc["zoneid"])["number"],
        vpc=vpc["number"],
        name=vpc["name"],
    )
