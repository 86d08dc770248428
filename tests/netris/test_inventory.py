"""What is written of the inventory, and that an update takes nothing away that nobody asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.kernel.remote import Rejected, Unavailable
from apps.netris import Netris
from sandbox.world import World
from tests.netris.scripted import Scripted, envelope
from tests.netris.test_sandbox import client, world  # noqa: F401  # fixtures


def raw(world: World, table: str, name: str) -> dict[str, Any]:  # noqa: F811
    return dict(getattr(world.netris.net, table).one("name", name))


@pytest.mark.parametrize(
    ("kind", "name", "change"),
    [
        ("switch", "Leaf-1", {"description": "Row 3"}),
        ("softgate", "SoftGate-1", {"maintenanceMode": True}),
        ("server", "Server-2", {"tags": ["iface.eth1=blue"]}),
    ],
)
def test_an_update_of_a_device_leaves_the_rest(client: Netris, world, kind, name, change):  # noqa: F811
    before = raw(world, "devices", name)
    client.update_device(kind, before["id"], change)
    after = raw(world, "devices", name)
    changed = {key for key in before if before[key] != after[key]}
    assert {key: after[key] for key in changed - {"modifiedDate"}} == change


def test_an_update_of_a_port_leaves_the_rest(client: Netris, world):  # noqa: F811
    port = raw(world, "ports", "swp5@Leaf-1")
    client.update_port(port["id"], {"speed": "25000"})
    client.update_port(port["id"], {"mtu": 1500, "adminDown": "yes"})
    after = raw(world, "ports", "swp5@Leaf-1")
    changed = {key: after[key] for key in port if port[key] != after[key] and key != "modifiedDate"}
    assert changed == {"mtu": 1500, "adminDown": True, "desiredSpeed": "25000"}


def test_an_update_of_what_is_gone_is_refused(client: Netris):  # noqa: F811
    for act in (
        lambda: client.update_device("switch", 999, {"description": ""}),
        lambda: client.update_port(99999, {"mtu": 1500}),
        lambda: client.update_link(99999, underlay=True),
    ):
        with pytest.raises(Rejected, match="Not found"):
            act()


def test_a_device_comes_and_goes(client: Netris):  # noqa: F811
    assert client.find_device("Server-9") is None
    body = {"name": "Server-9", "site": {"name": "sv"}, "tenant": {"name": "Admin"}, "portCount": 2, "asn": "auto"}
    made = client.create_device("server", body | {"srvRole": "hyperv_cs", "mainAddress": "auto"})
    found = client.find_device("Server-9")
    assert (found.id, found.srv_role, found.asn is not None, found.main_address is not None) == (
        made,
        "hyperv_cs",
        True,
        True,
    )
    client.delete_device("server", made)
    client.delete_device("server", made)  # what is gone is gone
    assert client.get_device(made) is None


def test_a_link_comes_changes_and_goes(client: Netris):  # noqa: F811
    ends = ("swp7@Leaf-1", "swp7@Leaf-2")
    assert client.find_link(*ends) is None
    made = client.create_link(*ends, underlay=True)
    found = client.find_link(*reversed(ends))
    assert (found.id, client.get_link(made).underlay) == (str(made), True)
    client.update_link(made, underlay=False)
    assert client.get_link(made).underlay is False
    client.delete_link(made)
    assert client.get_link(made) is None


def test_a_link_whose_id_is_not_told_is_looked_for():
    """The old schema answers with a bare text (1.6)."""
    with pytest.raises(Unavailable, match="without an id"):
        Scripted(envelope("Successfully added.")).client().create_link("a", "b", underlay=True)


def test_what_a_row_shows_otherwise_is_not_sent_back():
    row = {"id": 5, "name": "Leaf-1", "asn": None, "mainIP": {"id": 3}, "nos": {"id": 1, "name": "X", "tag": "x"}}
    controller = Scripted(envelope([row]))
    controller.client().update_device("switch", 5, {"description": "new"})
    assert controller.calls[-1] == "PUT /api/v2/hw/switch/5"
    assert json.loads(controller.requests[-1].content) == {"name": "Leaf-1", "nos": row["nos"], "description": "new"}


def sent_back(row: dict[str, Any], act: Any) -> dict[str, Any]:
    """What goes back of a row that comes as an older controller may spell it."""
    scripted = Scripted(envelope([row]))
    with scripted.client() as netris:
        act(netris)
    [put] = [request for request in scripted.requests if request.method == "PUT"]
    return dict(json.loads(put.content))


def test_an_update_of_a_site_keeps_what_is_spelt_otherwise():
    row = {"id": 1, "name": "la", "publicASN": 65100, "acl_policy": {"label": "Deny", "value": "deny"}, "rohASN": 7}
    row |= {"vmASN": 8, "siteMesh": {"value": "hub"}, "switchFabric": "netris", "vlanRange": "2-4094"}
    body = sent_back(row, lambda netris: netris.update_site(1, {"name": "ny"}))
    assert body == {
        "name": "ny",
        "publicAsn": 65100,
        "aclPolicy": "deny",
        "rohAsn": 7,
        "vmAsn": 8,
        "siteMesh": {"value": "hub"},
        "switchFabric": "netris",
        "vlanRange": "2-4094",
    }


def test_a_block_is_found_and_kept_however_it_is_spelt():
    row = {"id": 7, "type": {"label": "Subnet", "value": "subnet"}, "prefix": "FD00:0::/64", "name": "six"}
    row |= {"purpose": {"label": "NAT", "value": "nat"}, "defaultGateway": None}
    body = sent_back(row, lambda netris: netris.update_block(1, "subnet", "fd00::/64", {"name": "seven"}))
    assert body == {"name": "seven", "prefix": "FD00:0::/64", "purpose": "nat"}
