"""Reading one VPC into the mirror, by its ids, when an operation on it has ended: its page does not wait for a sweep.

Nothing depends on it. What could not be read is read by the next sweep.
"""

from __future__ import annotations

import logging
from uuid import UUID

import redis
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from apps.kernel import clock
from apps.kernel.remote import RemoteError
from apps.mirror.models import Kind
from apps.mirror.services import note
from apps.networks.leftovers import nat_rules_of
from apps.networks.models import Vpc
from apps.operations import doorbell
from apps.operations.state import AT_REST
from apps.zones import health, pace
from apps.zones.clouds import Clouds
from apps.zones.models import System

logger = logging.getLogger("weft.mirror")

TASK = "mirror.vpc"


def read_again_when_over(vpc: Vpc, phase: str) -> None:
    """Called when an operation changes the status of a VPC's rows: have it read once that is committed."""
    if phase in AT_REST:
        transaction.on_commit(lambda: _ask(vpc.tenant_id, vpc.pk))


def _ask(tenant_id: UUID, vpc_id: UUID) -> None:
    try:
        current_app.send_task(TASK, args=[str(tenant_id), str(vpc_id)], retry=False, ignore_result=True)
    except (OperationalError, redis.RedisError, OSError) as error:
        logger.warning("a VPC waits for the next sweep: %s", error)


def read_again(vpc: Vpc, clouds: Clouds) -> None:
    """Eight calls, however much the zone holds. Both systems answered a moment ago; if not, the sweeps see to it."""
    if any(health.is_troubled(vpc.zone, system) for system in System):
        return
    try:
        with pace.sweeping():
            _read(vpc, clouds)
    except RemoteError as trouble:
        logger.warning("%s of %s could not be read again: %s", vpc.remote_name, vpc.zone, trouble)
    doorbell.tell(vpc.tenant_id)


def _read(vpc: Vpc, clouds: Clouds) -> None:
    zone, at = vpc.zone, clock.now()
    if vpc.cloudstack_id is not None:
        cloudstack_id = str(vpc.cloudstack_id)
        ours = clouds.cloudstack.get_vpc(cloudstack_id)
        note(zone, Kind.CLOUDSTACK_VPC, [ours] if ours else [], read_at=at)
        note(zone, Kind.CLOUDSTACK_NETWORK, clouds.cloudstack.networks_of(cloudstack_id), read_at=at, key=cloudstack_id)
        # Not the virtual router's own, which Netris knows nothing of.
        addresses = [each for each in clouds.cloudstack.list_public_ips(cloudstack_id) if each.forprovider]
        note(zone, Kind.CLOUDSTACK_ADDRESS, addresses, read_at=at, key=cloudstack_id)
    if vpc.netris_id is not None:
        twin = clouds.netris.get_vpc(vpc.netris_id)
        note(zone, Kind.NETRIS_VPC, [twin] if twin else [], read_at=at)
        note(zone, Kind.NETRIS_VNET, clouds.netris.vnets(vpc.netris_id), read_at=at)
        note(zone, Kind.NETRIS_RANGE, clouds.netris.ipam(vpc.netris_id), read_at=at, key=vpc.netris_id)
        note(zone, Kind.NETRIS_NAT, nat_rules_of(clouds, vpc.netris_id), read_at=at, key=vpc.netris_id)
        routes = clouds.netris.static_routes(vpc.netris_id)
        note(zone, Kind.NETRIS_ROUTE, routes, read_at=at, key=vpc.netris_id)
