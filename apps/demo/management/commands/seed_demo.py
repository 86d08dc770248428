"""Fill the demo: the reference zone, tenants with people and tokens, and their first networks. May run at every start.

Workers build the networks, and go on with what lies in them (`apps.demo.tasks`): the seed waits for neither.

Passwords and tokens are random and stand only in the output file (mode 600); a later run reads them back from there.
"""

from __future__ import annotations

import json
import os
import secrets
from argparse import ArgumentParser
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import httpx
from django.core.management.base import BaseCommand
from pydantic import SecretStr

from apps.accounts.models import Account
from apps.accounts.services import create_tenant, register_zone
from apps.demo.services import BY
from apps.demo.tasks import furnish
from apps.networks.models import Vpc
from apps.networks.services import create_vpc
from apps.networks.specs import TierSpec, VpcSpec
from apps.operations import engine
from apps.tenancy.actors import Platform
from apps.tenancy.models import ApiToken, Membership, Role, Tenant, User
from apps.tenancy.services import issue_token
from apps.zones.models import Zone
from apps.zones.services import ZoneSpec

#: What the sandbox's reference site is called in CloudStack and in Netris.
ZONE, SITE = "zone1", "sv"
TENANTS = (("acme", "Acme Hosting"), ("globex", "Globex"))
#: username, tenant, role. Dana is in both, so the demo has somebody with a tenant switcher.
PEOPLE = (
    ("admin", None, "platform admin"),
    ("alice", "acme", Role.OWNER),
    ("erin", "acme", Role.ENGINEER),
    ("victor", "acme", Role.VIEWER),
    ("gina", "globex", Role.OWNER),
    ("dana", "acme", Role.ENGINEER),
    ("dana", "globex", Role.VIEWER),
)
#: tenant, VPC, description, range, tiers. Both tenants have a "prod" with the same addresses: what VPCs are for.
NETWORKS = (
    ("acme", "prod", "Web shop", "10.20.0.0/20", ("web", "app", "db")),
    ("acme", "staging", "Rehearsals of releases", "10.30.0.0/20", ("web", "db")),
    ("acme", "office", "", "192.168.40.0/22", ("desks",)),
    ("globex", "prod", "Booking system", "10.20.0.0/20", ("web", "db")),
)
#: What runs in every tier but those of the VPC that is left empty: state, how many, addresses more than one each.
INSTANCES = (("running", 2, 0), ("running", 1, 1), ("stopped", 1, 0))
EMPTY = "office"


class Command(BaseCommand):
    help = "Fill the demo with the reference zone, sample tenants and their networks."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", required=True)
        parser.add_argument("--cloudstack-url", required=True)
        parser.add_argument("--netris-url", required=True)
        parser.add_argument("--output", type=Path, required=True)
        parser.add_argument("--without-networks", action="store_true", help="leave the tenants' networks out")

    def handle(self, *args: Any, **options: Any) -> None:
        output: Path = options["output"]
        known = json.loads(output.read_text()) if output.exists() else {}
        zone, _ = register_zone(
            ZoneSpec(
                name=ZONE,
                cloudstack_url=options["cloudstack_url"],
                cloudstack_api_key=SecretStr(os.environ["SANDBOX_CLOUDSTACK_API_KEY"]),
                cloudstack_secret_key=SecretStr(os.environ["SANDBOX_CLOUDSTACK_SECRET_KEY"]),
                netris_url=options["netris_url"],
                netris_user=os.environ["SANDBOX_NETRIS_USER"],
                netris_password=SecretStr(os.environ["SANDBOX_NETRIS_PASSWORD"]),
                netris_site=SITE,
            ),
            by=Platform(BY),
        )
        for slug, name in TENANTS:
            if not Tenant.objects.filter(slug=slug).exists():
                create_tenant(name=name, slug=slug, by=Platform(BY))
        users = people(known.get("users", []))
        tokens = issue_tokens(known.get("tokens", {}))
        open_accounts(zone)
        if not options["without_networks"]:
            build_networks(zone, options["cloudstack_url"])
            furnish.delay()
        write_secret(
            output,
            {
                "url": options["url"],
                "users": users,
                "tokens": tokens,
                "cloudstack": {
                    "url": options["cloudstack_url"],
                    "api_key": os.environ["SANDBOX_CLOUDSTACK_API_KEY"],
                    "secret_key": os.environ["SANDBOX_CLOUDSTACK_SECRET_KEY"],
                },
                "netris": {
                    "url": options["netris_url"],
                    "username": os.environ["SANDBOX_NETRIS_USER"],
                    "password": os.environ["SANDBOX_NETRIS_PASSWORD"],
                },
            },
        )


def people(known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every login of the demo, with its password. A password that is lost with the output file is set anew."""
    passwords = {user["username"]: user["password"] for user in known}
    listed = []
    for username, slug, role in PEOPLE:
        is_known = username in passwords
        password = passwords.setdefault(username, secrets.token_urlsafe(12))
        user, is_new = User.objects.get_or_create(
            username=username, defaults={"email": f"{username}@example.net", "is_platform_admin": slug is None}
        )
        if is_new or not is_known:
            user.set_password(password)
            user.save(update_fields=["password"])
        if slug is not None:
            Membership.objects.get_or_create(
                user=user, tenant=Tenant.objects.get(slug=slug), defaults={"role": Role(role)}
            )
        listed.append({"username": username, "password": password, "tenant": slug, "role": str(role)})
    return listed


def issue_tokens(known: dict[str, str]) -> dict[str, str]:
    """One token of the platform, and one of each tenant."""
    owners: dict[str, Tenant | None] = {"admin": None}
    owners |= all_tenants()
    tokens = {}
    for name, tenant in owners.items():
        secret = known.get(name, "")
        if not ApiToken.unscoped.usable().filter(digest=ApiToken.hash(secret)).exists():
            _token, secret = issue_token(tenant, name="demo", by=BY, secret=secret or None)
        tokens[name] = secret
    return tokens


def open_accounts(zone: Zone) -> None:
    """The accounts are made here and now, by the engine itself, so that networks can be asked for right after."""
    while Account.unscoped.filter(zone=zone, status="building").exists() and engine.turn() is not None:
        pass


def build_networks(zone: Zone, cloudstack_url: str) -> None:
    """For tenants that never had a network. The worker builds them while the first visitor looks on."""
    fresh = {slug: tenant for slug, tenant in all_tenants().items() if not Vpc.objects.of(tenant).exists()}
    for slug, name, description, cidr, tiers in NETWORKS:
        if slug not in fresh:
            continue
        block = IPv4Network(cidr)
        specs = tuple(TierSpec(*tier) for tier in zip(tiers, block.subnets(new_prefix=24), strict=False))
        create_vpc(fresh[slug], VpcSpec(name, description, zone.name, block, specs), by=BY)
        if name != EMPTY:
            inhabit(Vpc.objects.of(fresh[slug]).get(name=name), cloudstack_url)


def inhabit(vpc: Vpc, cloudstack_url: str) -> None:
    """Order the sandbox to deploy instances in the VPC's tiers as soon as CloudStack has these."""
    orders = httpx.URL(cloudstack_url).join("/_sandbox/instances")
    for tier in vpc.tiers.all():
        order = {"network": tier.remote_name, "name": f"{vpc.name}-{tier.name}", "wait": True}
        for state, count, secondary in INSTANCES:
            wanted = order | {"state": state, "count": count, "secondary": secondary}
            httpx.post(orders, json=wanted, trust_env=False).raise_for_status()


def all_tenants() -> dict[str, Tenant]:
    return {slug: Tenant.objects.get(slug=slug) for slug, _ in TENANTS}


def write_secret(path: Path, content: dict[str, Any]) -> None:
    """Readable by its owner from the first byte on, and never half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
    draft.replace(path)
