"""The numbers that Netris object names are made of (netris-api.md 4.2)."""

from __future__ import annotations

from sandbox.cloudstack.cloud import Cloud
from sandbox.cloudstack.netris_objects import VpcName
from sandbox.store import Row


def vpc_name(cloud: Cloud, vpc: Row) -> VpcName:
    return VpcName(
        domain=cloud.get("domain", vpc["domainid"])["number"],
        account=cloud.get("account", vpc["accountid"])["number"],
        zone=cloud.get("zone", vpc["zoneid"])["number"],
        vpc=vpc["number"],
        name=vpc["name"],
    )
