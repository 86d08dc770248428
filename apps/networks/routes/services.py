"""One verb per change of a static route. Each writes the row, the audit entry and the operation in one transaction."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from apps.kernel.errors import Refused
from apps.networks.learned import need_apart
from apps.networks.models import StaticRoute, Tier, Vpc
from apps.networks.routes.specs import RouteSpec, tier_of
from apps.networks.services import held_in_vpc, held_vpc
from apps.operations import services as operations
from apps.operations.models import Operation
from apps.operations.state import Goal
from apps.quotas.resources import STATIC_ROUTE
from apps.quotas.services import hold_use
from apps.tenancy.actors import Actor
from apps.tenancy.services import audit

KIND = "static-route"


@transaction.atomic(durable=True)
def create_route(vpc: Vpc, spec: RouteSpec, *, by: Actor) -> Operation:
    """Lead what is addressed to a range outside the VPC to an address in one of its tiers. Raises `Refused`."""
    quotas = hold_use(vpc.tenant)
    vpc = held_vpc(vpc, "add tier")
    quotas.need(STATIC_ROUTE)
    tiers = Tier.objects.of(vpc.tenant).live().filter(vpc=vpc)
    tier = tier_of(spec, vpc, tiers, StaticRoute.objects.of(vpc.tenant).live().filter(vpc=vpc))
    need_apart(vpc, [spec.destination], "destination")
    row = StaticRoute(vpc=vpc, tenant=vpc.tenant, tier=tier, destination=spec.destination, next_hop=spec.next_hop)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if "routes_do_not_overlap" not in str(error):
            raise
        text = "Another static route took part of this range a moment ago. Take another range."
        raise Refused("routes-overlap", text, "destination") from error
    audit(by, "static-route.create", row, tenant=row.tenant, new=_told(row))
    return _start(row, Goal.PRESENT, by)


@transaction.atomic(durable=True)
def delete_route(row: StaticRoute, *, by: Actor) -> Operation:
    row = held_in_vpc(row, "delete")
    audit(by, "static-route.delete", row, tenant=row.tenant, old=_told(row))
    return _start(row, Goal.ABSENT, by)


@transaction.atomic(durable=True)
def apply_route(row: StaticRoute, *, by: Actor) -> Operation:
    """Have both systems made as they should be, when they are not. What is right already is left alone."""
    row = held_in_vpc(row, "apply")
    audit(by, "static-route.apply", row, tenant=row.tenant)
    return _start(row, Goal.CHANGED, by)


def _told(row: StaticRoute) -> dict[str, str]:
    return {"destination": str(row.destination), "next_hop": str(row.next_hop)}


def _start(row: StaticRoute, goal: Goal, by: Actor) -> Operation:
    return operations.start(
        KIND, row, goal, tenant=row.tenant, zone=row.vpc.zone, lock_key=row.lock_key, lane=row.lane, by=by
    )
