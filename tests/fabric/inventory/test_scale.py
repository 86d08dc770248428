"""The largest fabric that is promised: 376 leaves and 3,000 hypervisors. Lists are read along their indexes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.urls import reverse

from apps.fabric.inventory.queries import DEVICE_SORTS, SORTS, SUBNET_SORTS, Surveys, at_device, narrowed
from apps.fabric.models import Survey, SurveyedDevice, SurveyedLink, SurveyedPort, SurveyedSubnet
from apps.kernel import clock
from apps.tenancy.models import Tenant
from apps.zones.models import Zone
from tests import builders
from tests.crowds import a_crowd

#: Leaves with 54 ports, spines with 64, hypervisors and servers with four: each tenth is down. Links join a leaf's port
#: to a hypervisor's.
FILL = """
INSERT INTO fabric_surveyeddevice (id, zone_id, remote_id, name, sort_key, search_key, status, badness, because,
    created_at, role, pair, host_id)
SELECT md5('device' || n)::uuid, %(zone)s, n, 'Leaf-' || n, 'leaf-' || lpad(n::text, 10, '0'), 'leaf-' || n,
    CASE WHEN n %% 10 = 0 THEN 'critical' ELSE 'ok' END, CASE WHEN n %% 10 = 0 THEN 0 ELSE 5 END, '', now(), 'leaf',
    'Leaf-' || n - (n + 1) %% 2 || ' + Leaf-' || n - (n + 1) %% 2 + 1, ''
FROM generate_series(1, 3400) AS n;
INSERT INTO fabric_surveyedlink (id, zone_id, remote_id, name, sort_key, search_key, status, badness, because,
    created_at, plane, a_id, a_device, a_port, b_id, b_device, b_port)
SELECT md5('link' || n)::uuid, %(zone)s, n, 'link ' || n, 'link ' || lpad(n::text, 10, '0'),
    'swp' || n %% 54 || '@leaf-' || n / 54 || E'\\neth1@server-' || n, CASE WHEN n %% 10 = 0 THEN 'down' ELSE 'up' END,
    CASE WHEN n %% 10 = 0 THEN 0 ELSE 5 END, '', now(), 'underlay', n / 54, '', '', 400 + n / 2, '', ''
FROM generate_series(1, 10300) AS n;
INSERT INTO fabric_surveyedport (id, zone_id, remote_id, name, sort_key, search_key, status, badness, because,
    created_at, device_id, device, short_name, description, speed, mtu, is_used, link_id, far_device_id, far_device,
    far_port)
SELECT md5('port' || n)::uuid, %(zone)s, n, 'swp' || n %% 54 || '@Leaf-' || n / 54,
    'leaf-' || lpad((n / 54)::text, 10, '0') || ' swp' || lpad((n %% 54)::text, 10, '0'),
    'swp' || n %% 54 || '@leaf-' || n / 54, CASE WHEN n %% 10 = 0 THEN 'down' ELSE 'up' END,
    CASE WHEN n %% 10 = 0 THEN 0 ELSE 5 END, '', now(), n / 54, 'Leaf-' || n / 54, 'swp' || n %% 54, '', '100000', 9216,
    n %% 3 = 0, '', '', '', ''
FROM generate_series(1, 33000) AS n;
INSERT INTO fabric_surveyedsubnet (id, zone_id, remote_id, name, sort_key, search_key, status, badness, because,
    created_at, owner, netris_vpc_id, netris_vpc, vpc_id, whose, type, prefix, purpose, netris_tenant, gateway,
    parent_id, percent, addresses, description, sites, is_read_only)
SELECT md5('subnet' || n)::uuid, %(zone)s, 'subnet-' || n, 'range ' || n, '4 ' || lpad(n::text, 40, '0'),
    'range ' || n || E'\nnet ' || n / 3 || ' of crowd', CASE WHEN n %% 10 = 0 THEN 'unknown' ELSE 'ok' END, 5, '',
    now() - n * interval '1 second', CASE WHEN n <= 60 THEN 'platform' ELSE 'tenant' END, NULLIF(n / 3, 0), '',
    CASE WHEN n > 60 THEN md5('vpc' || n / 3)::uuid END, 'net ' || n / 3 || ' of crowd',
    CASE WHEN n %% 3 = 0 THEN 'allocation' ELSE 'subnet' END, '10.0.0.0/8',
    CASE WHEN n < 60 THEN 'nat' ELSE 'common' END, '', '', 'subnet-' || n / 3 * 3, n %% 100, 0, '', '[]', false
FROM generate_series(1, 60000) AS n;
SELECT gin_clean_pending_list(index) FROM unnest(
    ARRAY['device_by_words', 'link_by_words', 'port_by_words', 'subnet_by_words']::regclass[]) AS index;
ANALYZE fabric_surveyeddevice, fabric_surveyedlink, fabric_surveyedport, fabric_surveyedsubnet;
"""


@pytest.fixture
def estate(db: None) -> Zone:
    a_crowd(20_100)
    zone = Zone.objects.get()
    moments = {f"{what}_read_at": clock.now() for what in builders.SURVEYED}
    Survey.objects.create(zone=zone, **moments)
    with connection.cursor() as cursor:
        for statement in FILL.split(";\n")[:-1]:
            cursor.execute(statement, {"zone": zone.pk})
    return zone


def pages(zone: Zone) -> Iterator[tuple[str, QuerySet[Any]]]:
    """What lists ask for, with the index that has to serve it."""
    surveys = Surveys.read()
    ports, links, devices = SurveyedPort.objects.all(), SurveyedLink.objects.all(), SurveyedDevice.objects.all()
    subnets = SurveyedSubnet.objects.select_related("vpc__tenant")
    worst, by_name, newest = SORTS["status"], SORTS["name"], ("-created_at", "-id")
    yield "port_worst_first", ports.order_by(*worst)
    yield "port_worst_first", narrowed(ports, surveys, zone=zone).order_by(*worst)
    yield "port_by_name", ports.order_by(*by_name)
    yield "port_by_words", narrowed(ports, surveys, words="swp7@leaf-217").order_by(*worst)
    yield "port_by_device", narrowed(ports, surveys, zone=zone, device_id="217").order_by("sort_key")
    yield "port_newest", ports.order_by(*newest)
    yield "link_worst_first", links.order_by(*worst)
    yield "link_by_words", narrowed(links, surveys, words="swp7@leaf-117").order_by(*worst)
    yield "link_by_", at_device(links.filter(zone=zone), "117").order_by(*worst)
    yield "link_newest", links.order_by(*newest)
    yield "subnet_by_prefix", subnets.order_by(*SUBNET_SORTS["prefix"])
    yield "subnet_by_prefix", narrowed(subnets, surveys, zone=zone).order_by(*SUBNET_SORTS["prefix"])
    yield (
        "subnet_by_prefix",
        narrowed(subnets, surveys, vpc__tenant=Tenant.objects.get()).order_by(*SUBNET_SORTS["prefix"]),
    )
    yield "subnet_by_owner", narrowed(subnets, surveys, owner="platform").order_by(*SUBNET_SORTS["prefix"])
    yield "subnet_by_owner", narrowed(subnets, surveys, owner="platform").order_by(*newest)
    yield "subnet_by_purpose", narrowed(subnets, surveys, purpose="nat").order_by(*SUBNET_SORTS["prefix"])
    yield "subnet_by_status", narrowed(subnets, surveys, status="warning").order_by(*SUBNET_SORTS["prefix"])
    yield "subnet_by_words", narrowed(subnets, surveys, words="net 1999").order_by(*SUBNET_SORTS["prefix"])
    yield "subnet_fullest", subnets.order_by(*SUBNET_SORTS["-use"])
    yield "subnet_emptiest", subnets.order_by(*SUBNET_SORTS["use"])
    yield "subnet_by_parent", subnets.filter(zone=zone, parent_id="subnet-300").order_by("sort_key", "pk")
    yield "subnet_newest", subnets.order_by(*newest)
    yield "device_worst_first", devices.order_by(*DEVICE_SORTS["status"])
    yield "device_by_words", narrowed(devices, surveys, words="leaf-2171").order_by(*worst)
    yield "device_by_pair", narrowed(devices, surveys, zone=zone, pair="Leaf-217 + Leaf-218").order_by(*worst)


def test_lists_are_read_along_their_indexes(estate: Zone) -> None:
    for index, rows in pages(estate):
        plan = rows[:50].explain()
        assert index in plan, plan


def test_any_page_of_any_list_comes_at_once(estate: Zone, client: Client) -> None:
    client.force_login(builders.a_platform_admin())
    client.get(reverse("fabric:device_list"))  # what is loaded once
    slowest = 0.0
    for name in ("device_list", "link_list", "port_list"):
        for query in ("", "?page=20", "?q=leaf-217", "?status=down", "?status=stale", "?sort=name", "?sort=-status"):
            started = time.perf_counter()
            answer = client.get(f"{reverse(f'fabric:{name}')}{query}")
            assert answer.status_code == 200
            slowest = max(slowest, time.perf_counter() - started)
    for query in (
        "",
        "?page=20",
        "?q=net+1999",
        "?q=zebra",
        "?owner=platform",
        "?tenant=crowd",
        "?status=warning",
        "?sort=-use",
    ):
        started = time.perf_counter()
        assert client.get(f"{reverse('fabric:subnet_list')}{query}").status_code == 200
        slowest = max(slowest, time.perf_counter() - started)
    print(f"60,000 subnets, 33,000 ports, 10,300 links, 3,400 devices: the slowest page took {1000 * slowest:.0f} ms")
    assert slowest < 1  # about 0.1 s when nothing else runs


def test_no_list_shows_more_than_it_counts(estate: Zone, client: Client) -> None:
    client.force_login(builders.a_platform_admin())
    page = client.get(reverse("fabric:port_list")).context["page"]
    assert page.paginator.is_bounded
    assert len(page) == 50
    assert isinstance(page[0].pk, UUID)
