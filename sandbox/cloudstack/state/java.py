"""Rows as CloudStack's refusals spell them: what its Java objects say of themselves (cloudstack-api.md 2.1).

    VPC {"id":30,"name":"vpc one","uuid":"..."}

With the numbers of its database. A kind that no recorded refusal names has a form of the same make (unverified).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sandbox.cloudstack.state.cloud import Cloud
from sandbox.kit.store import Row


def described(cloud: Cloud, kind: str, row: Row) -> str:
    return _FORMS[kind](cloud, row)


def _compact(of: str, /, **fields: Any) -> str:
    text = json.dumps(dict(sorted(fields.items())), ensure_ascii=False, separators=(",", ":"))
    return f"{of} {text}".replace("/", "\\/")


def _number(cloud: Cloud, kind: str, identifier: str) -> int:
    return int(cloud.get(kind, identifier)["number"])


def _vpc(_: Cloud, row: Row) -> str:
    return _compact("VPC", id=row["number"], name=row["name"], uuid=row["id"])


def _domain(_: Cloud, row: Row) -> str:
    path = row["path"].removeprefix("ROOT") + "/"
    return _compact("Domain", id=row["number"], name=row["name"], path=path, uuid=row["id"])


def _account(_: Cloud, row: Row) -> str:
    text = _compact("", accountName=row["name"], id=row["number"], uuid=row["id"])
    return f"Account [{text.strip()}]"


def _network(cloud: Cloud, row: Row) -> str:
    offering = _number(cloud, "networkoffering", row["networkofferingid"])
    shown = {"id": row["number"], "name": row["name"], "uuid": row["id"], "networkofferingid": offering}
    return f"Network {json.dumps(shown, ensure_ascii=False)}"


def _address(cloud: Cloud, row: Row) -> str:
    zone = _number(cloud, "zone", row["zoneid"])
    return _compact("IPAddress", address=row["ipaddress"], dataCenterId=zone, id=row["number"], uuid=row["id"])


def _gateway(cloud: Cloud, row: Row) -> str:
    vpc = _number(cloud, "vpc", row["vpcid"])
    return _compact("VpcGateway", id=row["number"], ip4Address=row["ipaddress"], uuid=row["id"], vpcId=vpc)


def _route(cloud: Cloud, row: Row) -> str:
    gateway = row.get("vpcgatewayid")
    through = _number(cloud, "privategateway", gateway) if gateway else "null"
    return f"StaticRoute[{row['id']}|{row['cidr']}|{through}]"


def _rule(purpose: str) -> Callable[[Cloud, Row], str]:
    def form(cloud: Cloud, row: Row) -> str:
        network = _number(cloud, "network", row["networkid"])
        of_rule = {"id": row["number"], "networkId": network, "purpose": purpose, "state": row["state"]}
        return _compact("FirewallRule", **of_rule, uuid=row["id"])

    return form


_FORMS: dict[str, Callable[[Cloud, Row], str]] = {
    "vpc": _vpc,
    "domain": _domain,
    "account": _account,
    "network": _network,
    "publicip": _address,
    "privategateway": _gateway,
    "staticroute": _route,
    "portforwardingrule": _rule("PortForwarding"),
    "loadbalancer": _rule("LoadBalancing"),
}
