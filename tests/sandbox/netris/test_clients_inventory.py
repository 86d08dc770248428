"""What the vendor's Go SDK and Terraform provider send and read of inventory, people and ledgers.

The number at the end of a name is that of the finding in the list of what those clients need.
"""

from __future__ import annotations

import pytest

from tests.sandbox.controller import Controller


@pytest.fixture
def netris() -> Controller:
    return Controller()


def test_an_id_of_zero_leaves_the_name_to_say_what_is_meant_client_2(netris):
    local = {"id": 0, "name": "swp21@Leaf-1", "ipv4": "", "ipv6": ""}
    remote = {"id": 0, "name": "eth3@Server-2", "ipv4": "", "ipv6": ""}
    number = netris.post("/api/v2/link", local=local, remote=remote)["id"]

    link = netris.get(f"/api/v2/link/{number}")
    assert (link["local"]["name"], link["remote"]["name"]) == ("swp21@Leaf-1", "eth3@Server-2")
    netris.refused(404, "POST", "/api/v2/link", {"local": {"id": 0, "name": ""}, "remote": remote})


def test_a_user_may_have_a_group_and_a_role_of_zeroes_client_19(netris):
    group = netris.post("/api/permissiongroups", name="g", hidden=[], readOnly=[])["id"]
    nothing = {"create_date": 0, "description": "", "id": 0, "modified_date": 0, "name": "", "tenants": None}
    body = {"name": "jane", "email": "j@example.net", "permissionGroup": {"id": group, "name": "g"}, "tenants": []}
    number = netris.post("/api/users", **body, userRole=nothing | {"perm_id": 0, "perm_name": ""})["id"]

    (jane,) = [row for row in netris.get("/api/users") if row["id"] == number]
    assert (jane["role_id"], jane["perm_id"]) == (None, group)
