"""What is said of one number, for every way in which two systems can have it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from apps.vnis.verdicts import judge


@dataclass(frozen=True)
class Has:
    kind: str
    name: str = ""
    holder: str = "1"


TIER, LOST, TAKEN = Has("network", "tier-1"), Has("lost"), Has("taken")
VNET, OTHER, BY_HAND, VPC = (
    Has("vnet", "D1-A2-Z1-V3-N4-tier-1"),
    Has("vnet", "D1-A2-Z1-V3-N5-tier-2"),
    Has("vnet", "storage"),
    Has("vpc", "D1-A2-Z1-V3-vpc"),
)


@pytest.mark.parametrize(
    ("cloudstack", "netris", "is_in_pool", "status"),
    [
        ([TIER], [VNET], True, "ok"),
        ([TIER], [], True, "ok"),
        ([TIER], [OTHER], True, "differs"),
        ([TIER], [BY_HAND], True, "differs"),
        ([TIER], [VPC], True, "critical"),
        ([TIER, TIER], [VNET], True, "critical"),
        ([TIER], [VNET, OTHER], True, "critical"),
        ([], [BY_HAND, VPC], False, "critical"),
        ([LOST], [], True, "lost"),
        ([LOST], [VNET], True, "warning"),
        ([TAKEN], [VNET], True, "new"),
        ([], [VNET], True, "warning"),
        ([], [VPC], True, "warning"),
        ([], [VPC], False, "ok"),
        ([], [], True, "free"),
        ([], [], False, "free"),
    ],
)
def test_a_number_is_judged_by_who_has_it_in_both_systems(cloudstack, netris, is_in_pool, status):
    found = judge(cloudstack, netris, is_in_pool=is_in_pool)
    assert found.status == status and found.text.endswith(".")
