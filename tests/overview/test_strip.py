"""What tenants are told of the network below their VPCs: of their own part alone, and without a name of ours."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.fabric.models import Survey, SurveyedDevice, SurveyedLink, SurveyedSession
from apps.mirror.models import Item, Kind, Reading
from apps.networks.vitals import vitals_of
from apps.tenancy.models import Role, Scope
from apps.zones.models import Zone
from tests import builders
from tests.api.conftest import Api
from tests.web.conftest import words

pytestmark = pytest.mark.django_db

HOSTS = ("hv-acme", "hv-globex")


@pytest.fixture
def zone() -> Zone:
    return builders.a_zone()


@pytest.fixture
def fabric(zone: Zone, acme, globex) -> Zone:
    """Two tenants with a VPC and an instance each, on a hypervisor of their own with two cables; four SoftGates."""
    for number, (tenant, host) in enumerate(zip((acme, globex), HOSTS, strict=True)):
        builders.a_vpc(tenant, zone)
        account = builders.an_account(tenant, zone, cloudstack_domain_id=uuid4())
        builders.an_instance(account, hostid=host, hostname=host, read_at=timezone.now())
        remote_id = str(100 + number)
        builders.a_device(zone, host, remote_id, role="hypervisor", host_id=host)
        for cable in "12":
            name = f"swp{cable}@Leaf-{cable} - eth{cable}@{host}"
            builders.a_link(zone, name, remote_id + cable, plane="underlay", a_id=cable, b_id=remote_id)
    for number, role in enumerate(("general", "general", "snat", "snat")):
        name, remote_id = f"SoftGate-{number}", str(200 + number)
        builders.a_device(zone, name, remote_id, role="softgate")
        data = {"id": 200 + number, "name": name, "type": "softgate", "sg_role": role}
        builders.mirrored(zone, Kind.NETRIS_DEVICE, [200 + number], data=data)
        Item.objects.filter(kind=Kind.NETRIS_DEVICE, remote_id=remote_id).update(name=name)
        builders.a_session(zone, f"ISP-{name}", remote_id, device_id=remote_id)
    return zone


def told(tenant) -> dict[str, tuple[str, str]]:
    return {vital.kind: (vital.status, vital.words) for vital in vitals_of(tenant)}


def page_of(tenant, client: Client) -> str:
    client.force_login(builders.a_member(tenant, Role.VIEWER))
    return words(client.get(f"/t/{tenant.slug}/"))


def test_a_zone_with_one_gateway_of_a_kind_is_not_said_to_have_more(fabric, acme) -> None:
    gates = SurveyedDevice.objects.filter(role="softgate").order_by("name")
    SurveyedDevice.objects.filter(pk__in=[each.pk for each in gates[1:]]).delete()

    assert told(acme)["gateways"] == ("ok", "Every gateway works.")


def test_a_network_that_is_well_is_said_to_be_on_the_page_and_over_rest(fabric, acme, client) -> None:
    assert told(acme) == {
        "hypervisors": ("ok", "The one that runs your instances is well."),
        "connections": ("ok", "All 2 of their cables are up."),
        "gateways": ("ok", "What comes in and what goes out has more than one gateway."),
        "internet": ("ok", "4 of 4 sessions with the routers outside are up."),
    }
    assert "Network health" in page_of(acme, client)
    rows = Api(builders.a_token(acme, Scope.READ)).get("/network-health/").json()["results"]
    assert [(row["kind"], row["status"], row["is_stale"]) for row in rows] == [
        (kind, "ok", False) for kind in ("hypervisors", "connections", "gateways", "internet")
    ]


def test_what_befalls_one_tenants_hypervisor_is_nowhere_in_what_another_is_told(fabric, acme, globex, client) -> None:
    before = told(globex)
    SurveyedDevice.objects.filter(name="hv-acme").update(status="critical")
    SurveyedLink.objects.filter(name__endswith="hv-acme").update(status="down")

    assert told(acme)["hypervisors"] == ("critical", "1 of 1 that run your instances is down.")
    assert told(acme)["connections"] == ("critical", "1 of these hypervisors has no connection left.")
    assert told(globex) == before
    fabric.names_devices = True
    fabric.save()
    assert told(globex) == before
    told_globex = page_of(globex, client)
    assert "hv-acme" not in told_globex and "Critical" not in told_globex
    answer = Api(builders.a_token(globex, Scope.READ)).get("/network-health/")
    assert "hv-acme" not in answer.content.decode() and "critical" not in answer.content.decode()
    assert Api(builders.a_token(globex, Scope.READ)).get("/network-health/?tenant=acme").status_code in (404, 422)


def test_devices_are_named_where_the_zone_lets_it_and_nowhere_else(fabric, acme, client) -> None:
    SurveyedDevice.objects.filter(name__in=["hv-acme", "SoftGate-2"]).update(status="critical")
    SurveyedLink.objects.filter(remote_id="1001").update(status="down")

    hidden = page_of(acme, client) + str(told(acme))
    assert not any(name in hidden for name in ("hv-", "SoftGate-", "Leaf-", "swp"))
    fabric.names_devices = True
    fabric.save()
    shown = told(acme)
    assert shown["hypervisors"] == ("critical", "1 of 1 that run your instances is down. (hv-acme)")
    assert shown["connections"][1].endswith("(swp1@Leaf-1 - eth1@hv-acme)")
    assert shown["gateways"] == (
        "warning", "Only one gateway is left for what comes in, or for what goes out. (SoftGate-2)",
    )  # fmt: skip


@pytest.mark.parametrize("status", ["stale", "unknown"])
def test_what_nobody_hears_of_is_not_known_and_no_fault(status, fabric, acme) -> None:
    SurveyedDevice.objects.filter(name__in=["hv-acme", "SoftGate-0", "SoftGate-1", "SoftGate-2"]).update(status=status)
    SurveyedSession.objects.filter(device_id__in=["200", "201"]).update(status="unknown")

    found = told(acme)
    assert found["hypervisors"] == ("unknown", "Of 1 of 1 that run your instances nothing is known.")
    assert found["gateways"] == ("unknown", "Of 3 of 4 gateways nothing is known.")
    assert found["internet"] == ("unknown", "Of 2 of 4 sessions with the routers outside nothing is known.")
    SurveyedSession.objects.filter(device_id="202").update(status="down")
    assert told(acme)["internet"] == ("warning", "1 of 4 sessions with the routers outside are up.")
    SurveyedDevice.objects.filter(name="hv-acme").update(status="maintenance")
    assert told(acme)["hypervisors"] == ("warning", "1 of 1 that run your instances needs a look.")


def test_one_cable_or_session_of_several_is_a_warning_and_the_last_is_critical(fabric, acme) -> None:
    SurveyedLink.objects.filter(remote_id="1001").update(status="down")
    SurveyedSession.objects.filter(remote_id="200").update(status="down")
    assert told(acme)["connections"] == ("warning", "1 of 2 cables is down; the others carry what went over it.")
    assert told(acme)["internet"] == ("warning", "3 of 4 sessions with the routers outside are up.")

    SurveyedSession.objects.update(status="down")
    SurveyedDevice.objects.filter(role="softgate", name__in=["SoftGate-0", "SoftGate-1"]).update(status="critical")
    assert told(acme)["internet"][0] == "critical"
    assert told(acme)["gateways"] == ("critical", "No gateway works for what comes in, or for what goes out.")


def test_of_a_hypervisor_without_a_known_cable_nothing_is_said_to_be_up(fabric, acme) -> None:
    host = SurveyedDevice.objects.get(name="hv-globex")
    SurveyedDevice.objects.filter(name="hv-globex").update(host_id="hv-acme")
    SurveyedLink.objects.filter(b_id=host.remote_id).delete()
    assert told(acme)["connections"] == ("unknown", "Of 1 of these hypervisors no cable is known.")


@pytest.mark.parametrize(
    ("column", "stale"),
    [
        ("devices_read_at", {"hypervisors", "connections", "gateways"}),
        ("links_read_at", {"connections"}),
        ("sessions_read_at", {"internet"}),
    ],
)
def test_what_was_read_too_long_ago_is_stale_and_never_well(fabric, acme, column, stale) -> None:
    Survey.objects.update(**{column: timezone.now() - timedelta(hours=1)})

    assert {kind for kind, (status, _) in told(acme).items() if status == "stale"} == stale


def test_hypervisors_are_as_old_as_the_list_of_instances_and_unknown_where_the_inventory_lacks_them(
    fabric, acme
) -> None:
    Reading.objects.filter(kind=Kind.CLOUDSTACK_INSTANCE).update(read_at=timezone.now() - timedelta(hours=1))
    assert told(acme)["hypervisors"][0] == "stale"

    Reading.objects.filter(kind=Kind.CLOUDSTACK_INSTANCE).update(read_at=timezone.now())
    SurveyedDevice.objects.filter(name="hv-acme").delete()
    assert told(acme)["hypervisors"] == ("unknown", "Of 1 of 1 that run your instances nothing is known.")


def test_who_has_no_vpc_in_a_zone_hears_nothing_of_it(fabric, client) -> None:
    initech = builders.a_tenant("Initech")

    assert told(initech) == {}
    assert "Network health" not in page_of(initech, client)


def test_more_instances_and_cables_cost_no_query_more(fabric, acme) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as asked:
            vitals_of(acme)
        return len(asked)

    one = cost()
    account = acme.accounts.get()
    for number in range(20):
        host = f"hv-{number}"
        builders.an_instance(account, f"web-{number}", hostid=host, read_at=timezone.now())
        builders.a_device(fabric, host, str(500 + number), role="hypervisor", host_id=host)
        builders.a_link(fabric, f"x{number}", f"x{number}", plane="underlay", b_id=str(500 + number))
    assert cost() == one <= 18
