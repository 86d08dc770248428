"""A bigger fabric of several pods: the internet is still at the leaves that have its cables, and nowhere else."""

from __future__ import annotations

import gc
import gzip
import re
import time

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from apps.fabric.queries import picture_of
from apps.fabric.surveys import survey
from apps.zones.models import Zone
from sandbox.generator import Size, site_of
from sandbox.world import World
from tests.conftest import KEYS, LOGIN
from tests.fabric.conftest import Sweep
from tests.fabric.test_queries import ISPS, LEAVES, each_with_each, joined

#: As large as the largest that was ever planned.
LARGE = Size(leaves=376, softgates=12, hypervisors=3000)
SIZE = Size(leaves=40, softgates=8, hypervisors=30)


@pytest.fixture
def world(clock: time_machine.Traveller, request: pytest.FixtureRequest) -> World:
    size = getattr(request, "param", SIZE)
    return World(site=site_of(size), cloudstack_keys=KEYS, netris_login=LOGIN)


def test_the_border_of_a_generated_fabric_is_drawn(zone: Zone, read: Sweep) -> None:
    read()
    picture = picture_of(zone)

    assert picture.topology is not None
    names = {one.id: one.name for one in picture.topology.devices}
    gates = [f"SoftGate-{number}" for number in range(1, SIZE.softgates + 1)]
    assert {row.status for row in picture.links} == {"up"}
    assert joined(picture, "leaf", "isp") == each_with_each(LEAVES, ISPS)
    assert not joined(picture, "softgate", "isp") | joined(picture, "spine", "isp")
    drawn = {frozenset((names[one.router], names[one.device])) for one in picture.topology.sessions}
    assert drawn == each_with_each(ISPS, [*LEAVES, *gates])
    # Each leaf hangs on two spines, and each SoftGate on two leaves.
    for number in range(1, SIZE.leaves + 1):
        assert len([pair for pair in joined(picture, "leaf", "spine") if f"Leaf-{number}" in pair]) == 2
    for gate in gates:
        assert len([pair for pair in joined(picture, "leaf", "softgate") if gate in pair]) == 2


@pytest.mark.parametrize("world", [LARGE], indirect=True)
def test_a_fabric_of_thousands_is_a_small_page_that_is_made_at_once(
    zone: Zone, read: Sweep, browser: Client, world: World
) -> None:
    read()
    survey(zone)
    gc.freeze()  # the emulated fabric of the same process, which no web process has beside it
    try:
        started = time.process_time()
        html = browser.get(reverse("fabric:topology")).content
        took = time.process_time() - started
        started = time.process_time()
        browser.get(reverse("fabric:topology"))
        took_again = time.process_time() - started
    finally:
        gc.unfreeze()

    small = len(gzip.compress(html))
    print(
        f"{took:.2f} s, kept {took_again:.3f} s, {len(html):,} bytes, {small:,} compressed, {html.count(b'<')} elements"
    )
    assert took < 0.5
    assert took_again < took
    assert small < 40_000
    text = html.decode()
    assert len(re.findall(r'class="topo-device ', text)) == 2 + 4 + 16 + 12 + 1
    assert not re.search(r"\b376\b", text), "no id of a person has three digits between hyphens"
    for spine in range(1, 33, 2):
        assert f"Pod of Spine-{spine}<" in text
    [opening] = re.findall(r'href="(\?[^"]*)" data-fold="pod-[0-9]+"><title>Pod of Spine-31,', text)
    pod = browser.get(f"{reverse('fabric:topology')}{opening.replace('&amp;', '&')}").content.decode()
    assert "Leaf-361, 362<" in pod
    assert len(re.findall(r'class="topo-device ', pod)) == 2 + 4 + 15 + (2 + 8) + 12 + 1
