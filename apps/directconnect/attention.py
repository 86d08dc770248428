"""Which orders need their tenant: it is its turn, or they expire soon and somebody has to ask. And which interfaces of
connections in service: a layer of theirs was freshly read to be down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db.models import Q
from django.urls import reverse

from apps.directconnect.checks import Verdict, worst_of
from apps.directconnect.interfaces.queries import checks
from apps.directconnect.models import Connection, Interface
from apps.directconnect.stages import FACTS, Party, Stage
from apps.directconnect.timeline import day
from apps.kernel import clock
from apps.networks.attention import MOST, Need, Source, Step
from apps.networks.models import Vpc
from apps.operations.provisioned import Status
from apps.tenancy.models import Tenant

#: Nobody waits for a draft, and a connection that is suspended is meant to be.
MEANT = (Stage.DRAFT, Stage.IN_SERVICE, Stage.SUSPENDED)
TURNS = [stage for stage, facts in FACTS.items() if facts.owner is Party.TENANT and stage not in MEANT]
#: What ends by itself while it is somebody else's turn.
EXPIRING = [stage for stage, facts in FACTS.items() if facts.expires and facts.owner is not Party.TENANT]
SOON = timedelta(days=3)
STEPS = {
    Stage.LOA_ISSUED: "Report the cross-connect",
    Stage.PREFIXES_ACCEPTED: "Take it into service",
    Stage.REJECTED: "Revise it",
}


def turns(tenant: Tenant, vpc: Vpc | None) -> Sequence[Need]:
    """One query; none for one VPC, since an order is for none."""
    if vpc is not None:
        return []
    early = Q(stage=Stage.EXPIRED, port=None)
    rows = Connection.objects.of(tenant).filter(Q(stage__in=TURNS) | early)
    return list(_needs(YOUR_TURN, tenant, rows.order_by("stage_since", "id")[: MOST + 1]))


def expiring(tenant: Tenant, vpc: Vpc | None) -> Sequence[Need]:
    """One query; none for one VPC."""
    if vpc is not None:
        return []
    rows = Connection.objects.of(tenant).filter(stage__in=EXPIRING, due_at__lte=clock.now() + SOON)
    return list(_needs(EXPIRES_SOON, tenant, rows.order_by("due_at", "id")[: MOST + 1]))


def broken(tenant: Tenant, vpc: Vpc | None) -> Sequence[Need]:
    """Of one VPC those that lead into it. Six queries; one where none is in service."""
    rows = Interface.objects.of(tenant).filter(status=Status.READY, connection__stage=Stage.IN_SERVICE)
    rows = rows if vpc is None else rows.filter(vpc=vpc)
    serving = list(rows.select_related("connection", "port", "vpc__zone").order_by("name", "id"))
    found = checks(serving)
    needs = []
    for row in serving:
        first = worst_of(found[row.pk])
        if first is not None and first.verdict == Verdict.CRITICAL:
            url = reverse("directconnect:interface_detail", args=[tenant.slug, row.connection_id, row.pk])
            said = f"{first.sentence} {first.advice}".strip()
            step = Step("Look at it", url)
            subject = f"Interface {row.name}"
            needs.append(Need(DOWN.kind, row.pk, row.vpc_id, subject, said, url=url, step=step, read_at=first.read_at))
    return needs[: MOST + 1]


def _needs(source: Source, tenant: Tenant, rows: Iterable[Connection]) -> Iterable[Need]:
    for row in rows:
        url = reverse("directconnect:connection_detail", args=[tenant.slug, row.pk])
        step = Step(STEPS.get(Stage(row.stage), "Look at it"), url)
        subject = f"Connection {row.name}"
        yield Need(source.kind, row.pk, None, subject, _said(source, row), url=url, step=step, since=row.stage_since)


def _said(source: Source, row: Connection) -> str:
    if source is EXPIRES_SOON:
        assert row.due_at is not None
        return f"The order expires on {day(row.due_at)} unless it goes on before. Ask your provider."
    until = f" It has time until {day(row.due_at)}." if row.due_at else ""
    return f"{row.order.facts.next_action}{until}"


YOUR_TURN = Source("direct_connect_turn", "Your turn", turns)
EXPIRES_SOON = Source("direct_connect_expires", "Expires soon", expiring)
DOWN = Source("direct_connect_down", "Down", broken)
