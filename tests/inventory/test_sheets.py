"""Devices and links as sheets: told row by row before anything is sent, and the same when one that was taken out comes
back."""

from __future__ import annotations

import csv
import io

from apps.imports import services
from apps.imports.models import Import
from apps.imports.reading import Line, read
from apps.inventory.sheets import DEVICES, LINKS
from apps.kernel.sheets import written
from apps.operations.models import Operation
from apps.tenancy.actors import platform_of
from tests import builders
from tests.inventory.conftest import cables, on_netris


def told(kind, *rows: dict[str, str]) -> list[Line]:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    sheet = written(columns, [[row.get(name, "") for name in columns] for row in rows])
    return list(read(kind, sheet, builders.the_platform()))


def faults(line: Line) -> dict[str | None, str]:
    return {each.field: each.message for each in line.checked.faults}


def test_what_was_taken_out_goes_in_as_it_is(surveyed, browser):
    for kind in (DEVICES, LINKS):
        sheet = browser.get(f"/fabric/{kind.key}/sheet/").content.decode()
        lines = read(kind, sheet, builders.the_platform())
        assert len(lines) == len(list(csv.reader(io.StringIO(sheet)))) - 1 > 10
        assert all(not line.checked.faults and not line.checked.order for line in lines), [
            (line.cells, line.checked) for line in lines if line.checked.faults or line.checked.order
        ]


def test_a_rack_of_hypervisors(zone, surveyed, run, world, admin):
    by = platform_of(admin)
    before = cables(world)
    common = {"zone": zone.slug, "role": "hypervisor", "asn": "auto"}
    rows = [
        common | {"name": f"Server-{n}", "loopback": f"10.0.8.{n}", "links": f"eth1=swp{n}@Leaf-1 eth2=swp{n}@Leaf-2"}
        for n in (5, 6)
    ]
    sheet = written(list(rows[0]), [list(row.values()) for row in rows])
    imported = services.bring("devices", sheet, by=by)
    assert [row.what for row in imported.rows.order_by("line")] == [f"Create hypervisor Server-{n}" for n in (5, 6)]
    assert not Operation.unscoped.filter(kind="device").exists()
    services.send(imported, by=by)
    services.go_on()
    services.go_on()
    operations = list(Operation.unscoped.filter(kind="device"))
    assert [run(operation).phase for operation in operations] == ["succeeded"] * 2
    assert on_netris(world, "Server-6")["mainAddress"] == "10.0.8.6" and len(cables(world)) == len(before) + 4
    services.go_on()
    assert Import.objects.get().over_at is not None


def test_what_is_wrong_is_told_by_its_column(zone, surveyed):
    new = {"zone": zone.slug, "role": "hypervisor", "name": "Server-5", "loopback": "10.0.8.5", "asn": "auto"}
    lines = told(
        DEVICES,
        new | {"links": "eth1=swp2@Leaf-1"},
        new | {"loopback": "none", "asn": "many", "name": "Server-6"},
        new | {"name": "Server-7"},
        new | {"name": "Server-8"},
        new | {"name": "Server-4", "role": "leaf", "loopback": ""},
        new | {"name": "Server-4", "zone": "moon"},
    )
    assert faults(lines[0])["links"].startswith("swp2@Leaf-1 is linked to eth1@Server-2")
    assert set(faults(lines[1])) == {"loopback", "asn"}
    moved = [{"zone": zone.slug, "name": f"Server-{n}", "role": "hypervisor", "loopback": "10.0.8.99"} for n in (3, 4)]
    assert [faults(line) for line in told(DEVICES, *moved)] == [{}, {"loopback": "Server-3 has this address."}]
    assert (faults(lines[2]), faults(lines[3])) == ({}, {"loopback": "Server-7 has this address."})
    assert "It is there already, as hypervisor" in faults(lines[4])["role"]
    assert set(faults(lines[5])) == {"zone"}


def test_a_cell_that_differs_is_a_change(zone, surveyed, run, world):
    row = {"zone": zone.slug, "name": "Server-4", "role": "hypervisor", "description": "Row 9", "loopback": ""}
    [line] = told(DEVICES, row)
    assert dict(line.checked.sends) == {"Description": "nothing → Row 9"}
    operation = DEVICES.order(line.checked.order, builders.the_platform())
    assert run(operation).phase == "succeeded" and on_netris(world, "Server-4")["description"] == "Row 9"


def test_links(zone, surveyed, run, world):
    def row(one: str, other: str, **more: str) -> dict[str, str]:
        ends = zip(("a_port", "a_device", "b_port", "b_device"), [*one.split("@"), *other.split("@")], strict=True)
        return {"zone": zone.slug, **dict(ends), **more}

    lines = told(
        LINKS,
        row("swp7@Leaf-1", "swp7@Leaf-2", underlay="off"),
        row("swp8@Leaf-1", "swp7@Leaf-2"),
        row("eth1@Server-4", "swp4@Leaf-1", underlay="off"),
        row("eth1@Server-4", "swp4@Leaf-1", underlay="perhaps"),
        row("swp13@Leaf-1", "swp14@Leaf-1"),
    )
    assert [line.checked.what for line in lines[:3]] == [
        "Create link swp7@Leaf-1 - swp7@Leaf-2",
        "Create link swp8@Leaf-1 - swp7@Leaf-2",
        "Change link eth1@Server-4 - swp4@Leaf-1",
    ]
    cutting = [row(f"eth{n}@Server-4", f"swp4@Leaf-{n}", underlay="off") for n in (1, 2)]
    assert [faults(line) for line in told(LINKS, *cutting)] == [
        {},
        {"underlay": "Without it Server-4 would have no link of this kind. Switch it off on its own page."},
    ]
    assert [set(faults(line)) for line in lines] == [set(), {"b_port"}, set(), {"underlay"}, {"b_device"}]
    assert dict(lines[2].checked.sends) == {"Underlay": "on → off"}
    for line in (lines[0], lines[2]):
        assert run(LINKS.order(line.checked.order, builders.the_platform())).phase == "succeeded"
    assert frozenset({"swp7@Leaf-1", "swp7@Leaf-2"}) in cables(world)
