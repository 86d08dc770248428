"""The commands that docs/using.md shows do what it says: each is sent as it stands there."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from apps.accounts.models import Account
from apps.acls.models import TierAcl
from apps.directconnect.letters import facts_of
from apps.directconnect.models import Connection
from apps.directconnect.stages import Stage
from apps.fabric.models import SurveyedSubnet
from apps.mirror.models import Kind
from apps.networks.models import Tier, Vpc
from apps.operations.provisioned import Status
from apps.tenancy.models import Scope, Tenant
from tests import builders
from tests.api.conftest import Api

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "using.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
#: What stands in a shell as one command, by the lines that end it.
COMMANDS = [
    command
    for kind, block in BLOCKS
    for command in re.split(r"\n(?=curl )", block.strip())
    if kind == "sh" and command.startswith("curl ")
]
HTTPS = [{"action": "allow", "direction": "ingress", "protocol": "tcp", "ports": "443", "cidrs": ["0.0.0.0/0"]}]
NOT_THEM = [*HTTPS, {**HTTPS[0], "action": "deny", "cidrs": ["198.51.100.0/24"]}]


@pytest.fixture
def known(acme: Tenant, vpc: Vpc, request: pytest.FixtureRequest) -> dict[str, str]:
    """What the variables of the page stand for."""
    account = Account.unscoped.get(tenant=acme)
    Vpc.unscoped.filter(pk=vpc.pk).update(cloudstack_id=uuid4(), netris_id=7)
    Tier.unscoped.filter(vpc=vpc).update(cloudstack_id=uuid4())
    tier = Tier.unscoped.select_related("vpc__zone", "vpc__tenant", "tenant").get(vpc=vpc)
    builders.a_pool(vpc.zone)
    free, static, forwarded = (builders.a_public_ip(tier.vpc, f"198.51.100.{number}") for number in (20, 21, 22))
    command: str = request.getfixturevalue("command")
    # What is asked for of an address goes by what leads from it already.
    address = forwarded if "port-forwards/?" in command else free
    balancer = builders.a_balancer(builders.a_public_ip(tier.vpc, "198.51.100.23"), tier)
    acl = builders.an_acl(tier.vpc, "web", NOT_THEM)
    if "apply-acl" in command or "allowed_cidrs" in command:
        TierAcl.unscoped.create(id=tier.pk, tier=tier, tenant=acme, acl=acl, status=Status.READY)
    lab, stock, store = (
        builders.a_vpc(acme, vpc.zone, name, f"10.{number}.0.0/20", netris_id=number)
        for name, number in (("lab", 60), ("stock", 70), ("store", 80))
    )
    globex = Tenant.objects.get(slug="globex")
    theirs = builders.a_vpc(globex, vpc.zone, "theirs", "10.90.0.0/20", netris_id=90)
    asked = builders.a_peering(theirs, None, peer_tenant=acme, name="theirs")
    rules = Api(builders.a_token(acme)).get(f"/acls/{acl.pk}/rules/")
    fabric = builders.whatever_a_fabric_has(tier.vpc.zone)
    what_netris_has(tier.vpc)
    location = builders.a_location(vpc.zone)
    port = builders.a_fabric_port(location, "swp31@Leaf-1", "31", device_id="3")
    connection = builders.a_connection(acme, location, name="paris-a", stage=Stage.IN_SERVICE, port=port)
    issued = builders.a_connection(acme, location, name="paris-d", stage=Stage.LOA_ISSUED)
    Connection.unscoped.filter(pk=issued.pk).update(loa_facts=facts_of(issued))
    return {
        "VPC": str(vpc.pk),
        "TIER": str(tier.pk),
        "OTHER_VPC": str(lab.pk),
        "REQUEST": str(asked.pk),
        "PEERING": str(builders.a_peering(stock, store).pk),
        "INSTANCE": str(builders.an_instance(account, tier=tier)),
        "PUBLIC_IP": str(address.pk),
        "STATIC_ROUTE": str(builders.a_static_route(tier, "172.16.50.0/24").pk),
        "LOAD_BALANCER": str(balancer.pk),
        "MEMBER": str(balancer.members.all()[0].pk),
        "STATIC_NAT": str(builders.a_static_nat(static, tier).pk),
        "FORWARD": str(builders.a_port_forward(forwarded, tier).pk),
        "ACL": str(acl.pk),
        "ETAG": rules["ETag"],
        "DEVICE": str(fabric["fabdevice"]),
        "SOFTGATE": str(fabric["gate"]),
        "PORT": str(fabric["fabport"]),
        "SUBNET": str(fabric["fabsubnet"]),
        "SERIES": str(fabric["series"]),
        "IMPORT": str(fabric["import"]),
        "CONNECTION": str(connection.pk),
        "INTERFACE": str(builders.an_interface(connection, tier.vpc, md5=SecretStr("a-key-of-both"), has_md5=True).pk),
        "DRAFT": str(builders.a_connection(acme, location, name="paris-c").pk),
        "ISSUED": str(issued.pk),
        "QUOTA_REQUEST": str(builders.a_quota_request(acme).pk),
    }


def what_netris_has(vpc: Vpc) -> None:
    """What the platform's examples are checked against: what was surveyed, as it was read."""
    zone = vpc.zone
    system = {"name": "vpc-1:Default", "isSystem": True, "adminTenant": {"id": 1, "name": "Admin"}}
    builders.mirrored(zone, Kind.NETRIS_VPC, [1], data=system)
    builders.mirrored(zone, Kind.NETRIS_SITE, [2], data={"name": zone.netris_site})
    for remote_id, name in ((3, "Leaf-1"), (9, "SoftGate-1")):
        builders.mirrored(zone, Kind.NETRIS_DEVICE, [remote_id], data={"name": name, "type": "switch"})
    builders.mirrored(zone, Kind.NETRIS_PORT, [1], data={"name": "swp1@Leaf-1"})
    for number, name in enumerate(("swp5@Leaf-1", "swp6@Leaf-1", "eth6@Server-1"), 10):
        builders.a_port(zone, name, str(number))
    builders.a_subnet(zone, "Lab", "allocation-9", type="allocation", prefix="10.77.0.0/16")
    SurveyedSubnet.objects.filter(name="Loopbacks").update(
        prefix="10.0.0.0/24", purpose="loopback", sites=[{"id": 2, "name": zone.netris_site}]
    )
    builders.a_subnet(zone, "web", "subnet-70", prefix="10.20.0.0/24", owner="tenant", vpc=vpc)


def sent(api: Api, command: str, known: dict[str, str]) -> Any:
    """The answer to a command, read as a shell would."""
    filled = re.sub(r"\$([A-Z_]+)", lambda found: known.get(found[1], found[0]).replace('"', '\\"'), command)
    words = shlex.split(filled.replace("\\\n", " "))
    headers = dict(words[place + 1].split(": ", 1) for place, word in enumerate(words) if word == "-H")
    token = headers.pop("Authorization")
    assert token in ("Bearer $TOKEN", "Bearer $ADMIN")
    if token == "Bearer $ADMIN":
        api = Api(builders.a_token(None, Scope.WRITE))
    [address] = [word for word in words if word.startswith("$WEFT/")]
    method = words[words.index("-X") + 1] if "-X" in words else "GET"
    body = words[words.index("-d") + 1] if "-d" in words else None
    assert (headers.get("Content-Type") == "application/json") == (body is not None)
    named = {name.replace("-", "_"): value for name, value in headers.items()}
    return api.call(method, address.removeprefix("$WEFT"), body, **named)


#: What is there at once, and answered with as it is.
BROUGHT = ("fabric/imports", "direct-connects", "quota-requests")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: re.sub(r"\W+", " ", command)[:60])
def test_a_command_of_the_page_is_accepted(command: str, api: Api, known: dict[str, str]) -> None:
    answer = sent(api, command, known)
    is_at_once = (
        "-X" not in command
        or "/evaluate/" in command
        or "/reachability/" in command
        or '"$WEFT/fabric/imports/' in command
        or 'PATCH "$WEFT/public-ips/' in command
        or '"$WEFT/peerings/settings/"' in command
        or "/transition/" in command
        or "/md5/" in command
        or "/withdraw/" in command
    )
    is_brought = any(f'-X POST "$WEFT/{rows}/" ' in command for rows in BROUGHT)
    is_brought |= '"peer": {"tenant"' in command  # it asks another tenant; nothing is made yet
    assert answer.status_code == (201 if is_brought else 200 if is_at_once else 202), answer.content
    is_one = any(word in command for word in ("/rules/", "?span=", "/suggestion/", "/router-config/", "/preview/"))
    if "?" in command and not is_one:
        assert len(answer.json()["results"]) >= 1


@pytest.mark.parametrize("command", [command for command in COMMANDS if "/evaluate/" in command])
def test_the_answer_of_the_page_is_the_one_that_comes(command: str, api: Api, known: dict[str, str]) -> None:
    [shown] = [json.loads(block) for kind, block in BLOCKS if kind == "json"]
    assert sent(api, command, known).json() == shown


def test_every_list_of_the_vpcs_inside_has_an_example() -> None:
    told = set(re.findall(r"\$WEFT/([a-z-]+)/", PAGE))
    assert told >= {"instances", "public-ips", "static-nats", "port-forwards", "acls", "tiers", "quotas"}
