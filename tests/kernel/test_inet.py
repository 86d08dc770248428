"""What has a zone is no address: PostgreSQL takes none, whoever writes one."""

from __future__ import annotations

import pytest

from apps.inventory.specs import parse_address
from apps.ipam.specs import parse_gateway, parse_prefix
from apps.kernel.errors import Refused
from apps.kernel.inet import address_of, interface_of, network_of
from apps.netris.wire import Allocation, Device


@pytest.mark.parametrize("parse", [address_of, network_of, interface_of])
def test_addresses_are_parsed_and_those_with_a_zone_are_none(parse):
    assert str(parse("fd00:7::1")).startswith("fd00:7::1")
    with pytest.raises(ValueError, match="zone"):
        parse("fe80::1%eth0")


@pytest.mark.parametrize(
    ("parse", "text", "code"),
    [
        (parse_prefix, "fe80::%1/64", "prefix-malformed"),
        (parse_gateway, f"fd00:7::1%{'a' * 70}", "gateway-malformed"),
        (parse_address, "fe80::1%eth0", "address-invalid"),
    ],
)
def test_people_are_told_so(parse, text, code):
    with pytest.raises(Refused) as refusal:
        parse(text, "field")
    assert refusal.value.code == code


def test_what_a_remote_says_so_is_not_known():
    assert Allocation.model_validate({"id": 1, "prefix": "fe80::%1/64"}).prefix is None
    device = {"id": 1, "name": "a", "mainAddress": "fe80::1%a", "mgmtAddress": "10.0.0.1"}
    found = Device.model_validate(device)
    assert (found.main_address, str(found.mgmt_address)) == (None, "10.0.0.1")
