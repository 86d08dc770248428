"""V-Nets, E-BGP sessions and peerings are written as Netris wants them, and an update takes nothing away that nobody
asked for."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from apps.kernel.remote import Rejected, Unavailable
from apps.netris import Netris
from apps.netris.routing import NOTHING, NOTHING_IPV6, Plug, Session, Side
from apps.netris.wire import EBgp, Peering, Ref
from tests.netris.scripted import Scripted, envelope, failure
from tests.netris.test_sandbox import client, tier, world  # noqa: F401  # fixtures

SECRET = "s3cret-of-acme"
ADMIN, SITE = Ref(id=1, name="Admin"), Ref(id=1, name="sv")
SESSION = Session(
    name="weft-dc-1",
    site_id=1,
    vpc_id=5,
    neighbor_as=65010,
    local_address=IPv4Address("169.254.10.1"),
    remote_address=IPv4Address("169.254.10.2"),
    prefix_length=30,
    accepts="permit 10.20.0.0/16 le 24",
    announces="permit 10.1.0.0/16",
    prefix_limit=100,
    bfd=True,
    hardware_id=12,
    vnet_id=7,
    password=SecretStr(SECRET),
)


def sent(controller: Scripted) -> Any:
    return json.loads(controller.requests[-1].content)


def link_of(client: Netris, vpc_id: int, prefix: str = "169.254.10.0/30") -> None:  # noqa: F811
    """An allocation of ours in a tenant's VPC, and the subnet that the gateway stands in."""
    body = {"name": f"weft-dc-{prefix}", "prefix": prefix, "tenant": {"name": "Admin"}, "vpc": {"id": vpc_id}}
    client.create_block("allocation", body)
    client.create_block("subnet", body | {"purpose": "common", "sites": [{"name": "sv"}]})


def a_vnet(client: Netris, vpc_id: int, port_id: int, vlan: int | None = 1200, name: str = "weft-dc-1") -> int:  # noqa: F811
    gateway = IPv4Interface("169.254.10.1/30")
    return client.create_vnet(
        name=name, vpc_id=vpc_id, tenant=ADMIN, site=SITE, gateway=gateway, plugs=[Plug(port_id, vlan)]
    )


@pytest.fixture
def vpc(client, tier) -> int:  # noqa: F811
    """The tenant's VPC on Netris."""
    return int(next(each.id for each in client.vpcs() if each.name.endswith("-vpc-1")))


@pytest.fixture
def port(world) -> dict[str, Any]:  # noqa: F811
    return dict(world.netris.net.ports.one("name", "swp7@Leaf-1"))


# --- V-Nets -----------------------------------------------------------------------------------------------------------


def test_a_vnet_comes_changes_and_goes(client, vpc, port):  # noqa: F811
    link_of(client, vpc)
    made = a_vnet(client, vpc, port["id"])
    found = client.find_vnet(vpc, "weft-dc-1")
    assert (found.id, found.vpc.id, str(found.gateways[0].prefix)) == (made, vpc, "169.254.10.1/30")
    [plug] = client.get_vnet(made).ports
    assert (plug.id, plug.name, plug.vlan, plug.is_untagged, plug.state) == (
        port["id"],
        port["name"],
        1200,
        False,
        "active",
    )

    client.update_vnet(made, is_enabled=False)
    after = client.get_vnet(made)
    assert (after.state, [each.vlan for each in after.ports]) == ("disabled", [1200])  # the port stayed
    assert (after.gateways, after.vxlan_id) == (found.gateways, found.vxlan_id)

    client.update_vnet(made, is_enabled=True, plugs=[Plug(port["id"], None)])
    after = client.get_vnet(made)
    assert [(each.is_untagged, each.vlan) for each in after.ports] == [(True, 1)]
    assert after.state == "active"

    client.delete_vnet(made)
    assert client.find_vnet(vpc, "weft-dc-1") is None


def test_a_vnet_of_another_vpc_is_not_found(client, vpc, port):  # noqa: F811
    link_of(client, vpc)
    a_vnet(client, vpc, port["id"])
    other = next(each.id for each in client.vpcs() if each.id != vpc)
    assert client.find_vnet(other, "weft-dc-1") is None


def test_a_vnet_is_made_as_the_plugin_makes_them():
    controller = Scripted(envelope({"id": 7}))
    made = a_vnet(controller.client(), 5, 345)
    assert (made, controller.calls[-1]) == (7, "POST /api/v2/vnet")
    assert sent(controller) == {
        "name": "weft-dc-1",
        "vpc": {"id": 5},
        "tenant": {"id": 1, "name": "Admin"},
        "guestTenants": [],
        "sites": [{"id": 1, "name": "sv"}],
        "vlan": 0,
        "state": "active",
        "vlanAware": False,
        "l3vpn": False,
        "customAnycastMac": "",
        "nativeVlan": 0,
        "vlans": "",
        "gateways": [
            {
                "prefix": "169.254.10.1/30",
                "dhcpEnabled": False,
                "dhcp": {"start": "", "end": "", "optionSet": {}},
            }
        ],
        "ports": [{"id": 345, "vlan": "1200", "accessMode": False, "state": "active"}],
        "tags": [],
    }


def test_a_vlan_that_is_taken_on_the_port_is_refused(client, vpc, port):  # noqa: F811
    link_of(client, vpc)
    a_vnet(client, vpc, port["id"])
    with pytest.raises(Rejected, match="already in use"):
        client.create_vnet(
            name="weft-dc-2",
            vpc_id=vpc,
            tenant=ADMIN,
            site=SITE,
            gateway=IPv4Interface("169.254.10.2/30"),
            plugs=[Plug(port["id"], 1200)],
        )


@pytest.mark.parametrize("state", ["disabled", {"id": "2", "label": "Disabled", "value": "disabled"}])
def test_the_state_of_a_port_goes_back_in_either_dialect(state):
    port = {"id": 345, "name": "swp7@Leaf-1", "vlan": "1200", "untagged": False, "state": state, "speed": "auto"}
    row = {"id": 7, "name": "x", "gateways": [{"prefix": "169.254.10.1/30", "dhcpLeaseCount": 0}], "ports": [port]}
    controller = Scripted(envelope([row]))  # a list of one, as in OpenAPI
    controller.client().update_vnet(7, is_enabled=True)
    body = sent(controller)
    assert body["ports"] == [{"id": 345, "vlan": "1200", "accessMode": False, "state": "disabled"}]
    assert body["gateways"] == [{"prefix": "169.254.10.1/30"}]


# --- E-BGP sessions ---------------------------------------------------------------------------------------------------


def test_a_session_on_a_vnet_is_asked_for_as_in_the_schema():
    controller = Scripted(envelope({"id": 9}))
    assert controller.client().create_ebgp(SESSION) == 9
    assert controller.calls[-1] == "POST /api/v2/ebgp"
    assert sent(controller) == {
        "name": "weft-dc-1",
        "description": "",
        "site": {"id": 1},
        "vpc": {"id": 5},
        "hardware": {"id": 12},
        "vnet": {"id": 7},
        "vlan": 0,
        "untagged": False,
        "neighborAS": 65010,
        "localAsn": "public-as",
        "ipFamily": "ipv4",
        "localIP": "169.254.10.1",
        "remoteIP": "169.254.10.2",
        "prefixLength": 30,
        "state": "enabled",
        "bgpPassword": SECRET,
        "bfd": "enabled",
        "defaultOriginate": "disabled",
        "prefixInboundMax": "100",
        "prefixListInbound": "permit 10.20.0.0/16 le 24",
        "prefixListOutbound": "permit 10.1.0.0/16",
        "bgpCommunity": "",
        "removePrivateAs": "enabled",
    }


def test_nothing_is_learnt_or_announced_by_default():
    """Netris fills an empty outbound list by itself."""
    body = replace(SESSION, accepts="\n", announces="").body
    assert (body["prefixListInbound"], body["prefixListOutbound"]) == (NOTHING, NOTHING)


@pytest.mark.parametrize(("vlan", "tag", "is_untagged"), [(1200, 1200, False), (None, 0, True)])
def test_a_session_on_a_routed_port_speaks_its_vlan(vlan, tag, is_untagged):
    body = replace(SESSION, vnet_id=None, port_id=345, vlan=vlan, hardware_id=None).body
    assert (body["port"], body["vnet"], body["hardware"]) == ({"id": 345}, {"id": "none"}, {"id": "auto"})
    assert (body["vlan"], body["untagged"]) == (tag, is_untagged)


@pytest.fixture
def session(client, vpc, port) -> Session:  # noqa: F811
    """What one on a V-Net of the tenant's VPC is asked to be."""
    link_of(client, vpc)
    return replace(SESSION, vpc_id=vpc, hardware_id=port["hw"], vnet_id=a_vnet(client, vpc, port["id"]))


def test_a_session_comes_changes_and_goes(client, session, port):  # noqa: F811
    made = client.create_ebgp(session)
    found = client.find_ebgp(session.vpc_id, session.name)
    assert found == client.get_ebgp(made)
    assert (found.id, found.vnet.id, found.device.id, found.vpc.id) == (
        made,
        session.vnet_id,
        port["hw"],
        session.vpc_id,
    )
    assert (found.neighbor_as, str(found.local_address), str(found.remote_address), found.prefix_length) == (
        65010,
        "169.254.10.1",
        "169.254.10.2",
        30,
    )
    assert (found.accepts, found.announces) == (session.accepts, session.announces)
    assert (found.prefix_limit, found.bfd, found.is_enabled, found.local_as) == (100, True, True, "public-as")

    client.update_ebgp(made, replace(session, accepts="", prefix_limit=50, bfd=False))
    after = client.get_ebgp(made)
    assert (after.accepts, after.announces, after.prefix_limit, after.bfd) == (NOTHING, session.announces, 50, False)

    client.set_ebgp_state(made, is_enabled=False)
    assert client.get_ebgp(made).is_enabled is False
    client.set_ebgp_state(made, is_enabled=True)
    assert client.get_ebgp(made).is_enabled is True

    client.delete_ebgp(made)
    client.delete_ebgp(made)  # what is gone is gone
    assert (client.get_ebgp(made), client.find_ebgp(session.vpc_id, session.name)) == (None, None)


def test_a_session_of_another_vpc_is_not_found(client, session):  # noqa: F811
    client.create_ebgp(session)
    other = next(each.id for each in client.vpcs() if each.id != session.vpc_id)
    assert client.find_ebgp(other, session.name) is None


def test_an_update_of_a_session_leaves_what_an_operator_set(client, world, session):  # noqa: F811
    made = client.create_ebgp(session)
    row = world.netris.net.sessions.get(made)
    theirs = {"localPreference": 200, "weight": 7, "prependOutbound": 2, "tags": ["theirs"], "multihop": 2}
    world.netris.net.sessions.change(row, **theirs)
    client.update_ebgp(made, replace(session, prefix_limit=50))
    after = world.netris.net.sessions.get(made)
    assert {name: after[name] for name in theirs} == theirs
    assert (after["prefixInboundMax"], after["bgpPassword"]) == (50, SECRET)


def test_what_an_operator_set_is_read_in_the_older_dialect():
    row = {"id": 9, "local_preference": 200, "allowas_in": 1, "inbound_route_map": None, "weight": 0}
    controller = Scripted(row)  # and without an envelope
    controller.client().update_ebgp(9, SESSION)
    assert controller.calls[-1] == "PUT /api/v2/ebgp/9"
    body = sent(controller)
    assert (body["localPreference"], body["allowAsIn"], body["weight"]) == (200, 1, 0)
    assert "inboundRouteMap" not in body


# --- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "refusal",
    [
        failure(400, f"E-BGP {SECRET} is bad"),
        failure(400, "", bgpPassword=f"{SECRET[:8]}... is too short"),
        failure(400, "", neighborAS=f"with {SECRET}: no"),
    ],
)
def test_no_refusal_quotes_a_password(refusal, caplog):
    caplog.set_level(logging.DEBUG)
    controller = Scripted(lambda request: envelope([{"id": 9}]) if request.method == "GET" else refusal)
    for act in (
        lambda: controller.client().create_ebgp(SESSION),
        lambda: controller.client().update_ebgp(9, SESSION),
    ):
        with pytest.raises(Rejected) as found:
            act()
        assert SECRET[:8] not in str(found.value)
        assert found.value.code == 400
        assert found.value.__context__ is None
    assert "POST /api/v2/ebgp" in caplog.text
    assert SECRET not in caplog.text


def test_other_refusals_say_what_they_said():
    controller = Scripted(failure(400, "", neighborAS="Must be a number"))
    with pytest.raises(Rejected, match="neighborAS: Must be a number") as found:
        controller.client().create_ebgp(SESSION)
    assert found.value.field == "neighborAS"


def test_a_password_is_in_no_text_of_what_was_read():
    for row in ({"id": 9, "bgp_password": SECRET}, {"id": 9, "bgpPassword": SECRET}):
        session = EBgp.model_validate(row)
        assert session.password.get_secret_value() == SECRET
        assert SECRET not in f"{session!r} {session} {session.model_dump_json()} {session.model_dump()} {SESSION!r}"
        assert "password" not in session.model_dump()


# --- peerings ---------------------------------------------------------------------------------------------------------


def test_a_peering_is_asked_for_in_both_dialects():
    controller = Scripted(envelope({"id": 3}))
    a, b = Side(5, "permit 10.9.0.0/16 le 24"), Side(9, "")
    assert controller.client().create_peering(name="weft-peering-1", a=a, b=b) == 3
    assert controller.calls[-1] == "POST /api/v2/vpc-peering"
    assert sent(controller) == {
        "name": "weft-peering-1",
        "vpcA": {
            "id": 5,
            "prefixListInbound": f"permit 10.9.0.0/16 le 24\n{NOTHING_IPV6}",
            "prefixListInboundIPv4": "permit 10.9.0.0/16 le 24",
            "prefixListInboundIPv6": NOTHING_IPV6,
        },
        "vpcB": {
            "id": 9,
            "prefixListInbound": f"{NOTHING}\n{NOTHING_IPV6}",
            "prefixListInboundIPv4": NOTHING,
            "prefixListInboundIPv6": NOTHING_IPV6,
        },
    }


def test_both_dialects_of_a_peering_mean_the_same():
    one = {"id": 5, "name": "a", "prefixListInbound": "permit 10.9.0.0/16\n\n permit 2001:db8::/32"}
    split = {
        "id": "5",
        "name": "a",
        "prefixListInboundIPv4": "permit 10.9.0.0/16\n",
        "prefixListInboundIPv6": "permit 2001:db8::/32",
    }
    read = [Peering.model_validate({"id": 3, "vpcA": side, "vpcB": 9}) for side in (one, split, one | split)]
    assert read[0] == read[1] == read[2]
    assert (read[0].a.accepts, read[0].b.id) == ("permit 10.9.0.0/16\npermit 2001:db8::/32", 9)


def test_a_peering_comes_changes_and_goes(client, vpc):  # noqa: F811
    other = next(each.id for each in client.vpcs() if each.is_default)
    a, b = Side(vpc, "permit 10.9.0.0/16 le 24"), Side(other, "permit 10.10.0.0/16 le 24")
    made = client.create_peering(name="weft-peering-1", a=a, b=b)
    found = client.find_peering(vpc, "weft-peering-1")
    assert found == client.find_peering(other, "weft-peering-1") == client.get_peering(made)
    assert (found.a.id, found.b.id) == (vpc, other)
    assert found.a.accepts == f"{a.accepts}\n{NOTHING_IPV6}"

    client.update_peering(made, name="weft-peering-1", a=replace(a, accepts=""), b=b)
    after = client.get_peering(made)
    assert after.a.accepts == f"{NOTHING}\n{NOTHING_IPV6}"
    assert after.b == found.b

    client.delete_peering(made)
    assert (client.get_peering(made), client.peerings(vpc)) == (None, [])


def test_a_controller_that_knows_no_filter_of_peerings_is_sifted():
    rows = [
        {"id": 1, "name": "weft-peering-1", "vpcA": {"id": 7}, "vpcB": {"id": 9}},
        {"id": 2, "name": "weft-peering-1", "vpcA": {"id": 7}, "vpcB": {"id": 5}},
    ]
    controller = Scripted(envelope(rows))
    assert controller.client().find_peering(5, "weft-peering-1").id == 2
    assert controller.requests[-1].url.query == b"filterByVpc=5"


def test_an_update_of_what_is_gone_is_refused(client, session):  # noqa: F811
    for act in (
        lambda: client.update_vnet(999, is_enabled=False),
        lambda: client.update_ebgp(999, session),
        lambda: client.set_ebgp_state(999, is_enabled=False),
        lambda: client.update_peering(999, name="x", a=Side(1, ""), b=Side(2, "")),
    ):
        with pytest.raises(Rejected, match=r"Not found|not found"):
            act()


def test_a_peering_whose_id_is_not_told_is_looked_for():
    """What the answer to it holds is unverified."""
    controller = Scripted(httpx.Response(201, json=envelope({})))
    with pytest.raises(Unavailable, match="without an id"):
        controller.client().create_peering(name="weft-peering-1", a=Side(5, ""), b=Side(9, ""))
