"""When all is calm: rows, CloudStack and Netris are compared, and what Weft has told its clients with the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import httpx

from tests.chaos.clients import Client, Promise
from tests.chaos.town import Town


def everything(town: Town, path: str, tenants: Iterable[str]) -> list[dict[str, Any]]:
    """All pages of a list, of all these tenants."""
    found: list[dict[str, Any]] = []
    for tenant in tenants:
        with town.api(tenant) as api:
            url: str | None = path
            while url:
                answer = api.get(url)
                answer.raise_for_status()
                found += answer.json()["results"]
                url = answer.json()["next"]
    return found


def operation(town: Town, client: Client, operation_id: str) -> httpx.Response:
    with town.api(client.tenant) as api:
        return api.get(f"/operations/{operation_id}/")


def was_removed(town: Town, client: Client, promise: Promise) -> bool:
    """By an operation whose answer was lost: sent again, the request found nothing any more."""
    told = everything(town, f"/operations/?resource={promise.id}&limit=100", [client.tenant])
    return any((each["title"], each["phase"]) == ("Delete VPC", "succeeded") for each in told)


def findings(town: Town, clients: Sequence[Client]) -> Iterator[str]:
    """One sentence for everything that is lost, doubled, left over or untrue. Nothing when all is well."""
    tenants = sorted({client.tenant for client in clients})
    vpcs = everything(town, "/vpcs/?limit=100", tenants)
    yield from _of_promises(town, clients, vpcs)
    yield from _of_remotes(town, vpcs)


def _of_promises(town: Town, clients: Sequence[Client], vpcs: Sequence[dict[str, Any]]) -> Iterator[str]:
    rows = {vpc["id"]: vpc for vpc in vpcs}
    for client in clients:
        yield from (f"odd: {oddity}" for oddity in client.oddities)
        phases = {}
        for operation_id, told in client.operations.items():
            answer = operation(town, client, operation_id)
            if answer.status_code != 200:
                yield f"lost: {told['title']} of {told['resource']['id']} was accepted, now it is {answer.status_code}"
                continue
            now = answer.json()
            phases[now["resource"]["id"], now["title"]] = now["phase"]
            if now["phase"] not in ("succeeded", "rolled_back", "cancelled"):
                yield f"unfinished: {now['title']} of {now['resource']['id']} is {now['phase']}: {now['error']}"
        for promise in client.promises:
            row = rows.pop(promise.id, None)
            made = phases.get((promise.id, "Create VPC"))
            gone = phases.get((promise.id, "Delete VPC")) == "succeeded" or made in ("rolled_back", "cancelled")
            gone = gone or (promise.is_unheard and was_removed(town, client, promise))
            if row is None and not gone:
                yield f"lost: the VPC {promise.name} ({made})"
            if row is not None and gone:
                yield f"left over: the VPC {promise.name} has a row"
            if row is not None and row["name"] != promise.name:
                yield f"untrue: {promise.name} is called {row['name']}"
    for row in rows.values():
        yield f"doubled: nobody was told of the VPC {row['name']}"


def _of_remotes(town: Town, vpcs: Sequence[dict[str, Any]]) -> Iterator[str]:
    with town.cloudstack() as cloudstack, town.netris() as netris:
        remote = cloudstack.all_vpcs()
        networks = [network for network in cloudstack.all_networks() if network.vpcid]
        fabric = [vpc for vpc in netris.vpcs() if not vpc.is_system]
        rules = [rule for vpc in fabric for rule in netris.nat_rules(vpc.id)]
        inside = {vpc.id: (netris.ipam(vpc.id), netris.subnets(vpc.id), netris.vnets(vpc.id)) for vpc in fabric}
    yield from _differences("CloudStack's VPCs", Counter(vpc.name for vpc in remote), Counter(map(_name, vpcs)))
    seen = Counter(vpc.name.partition("-vpc-")[2] for vpc in fabric)
    yield from _differences("Netris' VPCs", seen, Counter(_name(vpc).removeprefix("vpc-") for vpc in vpcs))
    tiers = [tier for vpc in vpcs for tier in vpc["tiers"]]
    ranges = Counter(tier["cidr"] for tier in tiers)
    yield from _differences("CloudStack's tiers", Counter(str(net.cidr) for net in networks), ranges)
    vnets = Counter(net.vxlan_id for _, _, found in inside.values() for net in found)
    yield from _differences("V-Nets", vnets, Counter(net.vni for net in networks), "CloudStack's tiers")
    mine = [str(net.prefix) for key, (_, subnets, _) in inside.items() for net in subnets if net.vpc.id == key]
    yield from _differences("subnets", Counter(mine), ranges)
    allocations = Counter(str(each.prefix) for found, _, _ in inside.values() for each in found)
    yield from _differences("allocations", allocations, Counter(vpc["cidr"] for vpc in vpcs))
    egress = Counter(str(rule.snat_to_ip) for rule in rules if rule.vpc.id in inside)
    yield from _differences("source NAT rules", egress, Counter(vpc["egress_ip"] for vpc in vpcs))
    for each in (*vpcs, *tiers):
        if each["status"] != "ready":
            yield f"untrue: {each['name']} is {each['status']} at the end"


def _name(vpc: dict[str, Any]) -> str:
    return f"vpc-{vpc['id'].replace('-', '')[:12]}"


def _differences(what: str, there: Counter[Any], wanted: Counter[Any], by: str = "Weft's rows") -> Iterator[str]:
    for key, count in (there - wanted).items():
        yield f"{'doubled' if wanted[key] else 'left over'}: {what} have {key}, {count} more than {by}"
    for key, count in (wanted - there).items():
        yield f"untrue: {by} have {key}, {count} more than {what}"
