"""What is forgotten by itself, in batches: beat rings for it every hour.

    sessions                    when they have run out
    invitations                 a month after they have run out
    idempotency keys            a day after their change: the promise of `apps.tenancy.api.idempotency`
    processes                   a day after they were last seen
    imports                     a week after nobody sent them, `WEFT_GONE_DAYS` after they were over or stopped
    trials of connections       an hour after they were asked for, with the secrets that were entered
    events                      `WEFT_EVENTS_DAYS` after their operation was over
    operations                  `WEFT_GONE_DAYS` after they were over, and after the end of what they were about; while
                                the report of an import leads to them they stay
    what was asked of Netris:
    blocks, sites, ports, links,
    devices, maintenances       `WEFT_GONE_DAYS` after it was first asked for, when no operation speaks of it, nor of
                                the device that a link was made with; a device while the inventory has it stays, as
                                scripts may call it by the id that its making gave
    what happened in zones      `WEFT_GONE_DAYS` after it ended
    strays                      `WEFT_GONE_DAYS` after they were gone, when no operation speaks of them
    public IPs, their NAT,
    load balancers,
    static routes, peerings,
    lists of tiers, and lists    `WEFT_GONE_DAYS` after they were gone, and the tiers that had them
    virtual interfaces          `WEFT_GONE_DAYS` after they were gone, and their VLAN has rested
    requests for more quota     `WEFT_GONE_DAYS` after they were answered or withdrawn
    connections                 `WEFT_GONE_DAYS` after they were closed, with their history, when no interface is left
    tiers, VPCs and accounts    `WEFT_GONE_DAYS` after they were gone, when nothing speaks of them any more
    audit entries               `WEFT_AUDIT_DAYS` after they were written; whatever they tell of is no matter
    who had a public IP         `WEFT_AUDIT_DAYS` after it was released
    who had a VNI               `WEFT_AUDIT_DAYS` after they had it no more

Operations go before their rows, and what lies in a VPC before it: a row that an operation is about stays, so no page
leads to what has been forgotten, and nothing is taken from under an operation that is live or stuck. An operation about
something that lives stays with it; of the reconnections of a zone, the last.

What has left a stray stays, row and operations, until that has been gone for as long: they say whose it was. The finder
knows a VPC and a tier by the pattern of their names, so one that comes back later, as from a backup, is still found,
though as nobody's. A domain and an account it knows by their row alone. So that row stays while CloudStack lists one of
its name, or nobody knows; what comes back after that is not found.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Concat, Left

from apps.accounts.models import Account
from apps.acls.models import Acl, TierAcl
from apps.addresses.models import Holding, PortForward, PublicIp, StaticNat
from apps.balancers.models import Balancer
from apps.directconnect.models import Connection, Interface
from apps.directconnect.stages import Stage
from apps.fabric.models import SurveyedDevice
from apps.health.models import Process
from apps.history.models import Event as Happening
from apps.imports.models import Import, Row
from apps.inventory.models import Device, Link, Port
from apps.ipam.models import Block
from apps.kernel import clock
from apps.kernel.locks import try_again
from apps.mirror.models import Item, Kind, Reading
from apps.networks.models import StaticRoute, Tier, Vpc
from apps.operations.models import Event, Operation
from apps.operations.provisioned import Status
from apps.operations.state import AT_REST
from apps.peering.models import Peering
from apps.quotas.models import QuotaRequest
from apps.sites.models import Site
from apps.softgates.models import Maintenance
from apps.strays.models import Stray
from apps.tenancy.api.idempotency import KEPT
from apps.tenancy.models import AuditEntry, IdempotencyKey, Invitation, Session
from apps.vnis.models import Claim
from apps.zones.models import Plugin, Trial

Condition = Q | Combinable

logger = logging.getLogger("weft.retention")

TASK = "portal.forget"
BATCH = 1000
#: How long who invited somebody can see that the link has run out unused.
INVITATIONS_SEEN = timedelta(days=30)
#: What leads from a public IP into a tier.
LEADING = (StaticNat, PortForward, Balancer)
#: What leads into a tier, from wherever.
INTO = (*LEADING, StaticRoute)
#: What operations on Netris' inventory are done to; devices and links go by rules of their own.
ASKED_OF_NETRIS: tuple[type[models.Model], ...] = (Block, Site, Port, Maintenance)
OWNERS = (Kind.CLOUDSTACK_DOMAIN, Kind.CLOUDSTACK_ACCOUNT)


@shared_task(name=TASK)
def forget() -> None:
    now = clock.now()
    gone = now - timedelta(days=settings.GONE_DAYS)
    events = Event.unscoped.filter(
        operation__phase__in=AT_REST, operation__finished_at__lt=now - timedelta(days=settings.EVENTS_DAYS)
    )
    _forget("sessions", Session.objects.filter(expire_date__lt=now))
    _forget("invitations", Invitation.unscoped.filter(expires_at__lt=now - INVITATIONS_SEEN))
    _forget("idempotency keys", IdempotencyKey.objects.filter(created_at__lt=now - KEPT))
    _forget("processes", Process.objects.filter(seen_at__lt=now - timedelta(days=1)))
    _forget("events", events)
    _forget("events of zones", Happening.objects.filter(ended_at__lt=gone))
    _forget("trials of connections", Trial.objects.filter(created_at__lt=now - Trial.KEPT))
    _forget("imports", Import.objects.forgotten(now=now, gone=gone))
    over = Operation.unscoped.filter(phase__in=AT_REST, finished_at__lt=gone).exclude(pk__in=_evidence())
    _forget("operations", over, *_nothing_there_is_about(gone), ~Exists(Row.objects.filter(operation=OuterRef("pk"))))
    for model in ASKED_OF_NETRIS:
        named = f"{model._meta.app_label}'s {model._meta.verbose_name_plural}"
        _forget(named, model._default_manager.filter(created_at__lt=gone), _no_operation_speaks())
    links = Link.objects.filter(created_at__lt=gone)
    _forget("inventory's links", links, _no_operation_speaks(), _no_operation_speaks("device"))
    _forget("devices", Device.objects.filter(created_at__lt=gone), _no_operation_speaks(), *_nowhere_to_be_seen())
    _forget("strays", Stray.objects.filter(gone_at__lt=gone), _no_operation_speaks())
    deleted = {"status": Status.DELETED, "deleted_at__lt": gone}
    unspoken = (_no_stray_speaks(gone), _no_operation_speaks())
    _forget("static NATs", StaticNat.unscoped.filter(**deleted), *unspoken)
    _forget("port forwards", PortForward.unscoped.filter(**deleted), *unspoken)
    _forget("load balancers", Balancer.unscoped.filter(**deleted), *unspoken)
    _forget("virtual interfaces", Interface.unscoped.filter(**deleted, holds_vlan=False), *unspoken)
    closed = Connection.unscoped.filter(stage=Stage.CLOSED, closed_at__lt=gone)
    _forget("requests for quota", QuotaRequest.unscoped.filter(ended_at__lt=gone))
    _forget("connections", closed, *_empty_of("connection", Interface))
    _forget("peerings", Peering.unscoped.filter(**deleted), *unspoken)
    _forget("static routes", StaticRoute.unscoped.filter(**deleted), *unspoken)
    _forget("public IPs", PublicIp.unscoped.filter(**deleted), *unspoken, *_empty_of("public_ip", *LEADING))
    # While its tier lives, a list that was taken off may still be there, empty: the tier's removal asks for it.
    _forget("lists of tiers", TierAcl.unscoped.filter(**deleted, tier__status=Status.DELETED), *unspoken)
    _forget("access lists", Acl.unscoped.filter(**deleted), *unspoken, *_empty_of("acl", TierAcl))
    _forget("tiers", Tier.unscoped.filter(**deleted), *unspoken, *_empty_of("tier", *INTO, TierAcl))
    of_vpcs = (*_empty_of("vpc", Tier, PublicIp, Acl, Peering, Interface), *_empty_of("peer_vpc", Peering))
    _forget("VPCs", Vpc.unscoped.filter(**deleted), *unspoken, *of_vpcs)
    _forget("accounts", _accounts().filter(**deleted), *unspoken, ~Exists(_owners()))
    if settings.AUDIT_DAYS:
        long_ago = now - timedelta(days=settings.AUDIT_DAYS)
        _forget("audit entries", AuditEntry.unscoped.filter(at__lt=long_ago))
        _forget("holdings of public IPs", Holding.unscoped.filter(held_until__lt=long_ago))
        _forget("claims of VNIs", Claim.unscoped.filter(ended_at__lt=long_ago))


def _nothing_there_is_about(gone: datetime) -> Iterator[Condition]:
    """Of operations: what they were about was over by then."""
    about = OuterRef("resource_id")
    for model in (Vpc, Tier, Account, PublicIp, Acl, TierAcl, Peering, Interface, *INTO):
        yield ~Exists(model.unscoped.filter(pk=about).exclude(status=Status.DELETED, deleted_at__lt=gone))
    for column in ("pk", "row_id"):
        yield ~Q(resource_id__in=_strays(gone).exclude(**{column: None}).values(column))
    later = Operation.unscoped.filter(resource_id=about, created_at__gt=OuterRef("created_at"))
    yield ~Q(resource_type="zone") | Exists(later)


def _evidence() -> Iterable[UUID]:
    """The operations that the pages of zones lead to, for what their plugin was suspected for."""
    return [UUID(each["operation"]) for plugin in Plugin.objects.all() for each in plugin.evidence]


def _strays(gone: datetime) -> models.QuerySet[Stray]:
    """Those that are there, or were until then."""
    return Stray.objects.filter(Q(gone_at=None) | Q(gone_at__gte=gone))


def _no_stray_speaks(gone: datetime) -> Condition:
    """The strays are read once for a batch, instead of once for each of its rows."""
    kept = Stray.objects.filter(Exists(Operation.unscoped.filter(resource_id=OuterRef("pk"))))
    return ~Q(pk__in=(_strays(gone) | kept).exclude(row_id=None).values("row_id"))


def _no_operation_speaks(of: str = "pk") -> Condition:
    """Nor, of a link, of the device that it was made with: an operation about that does it together with its links."""
    return ~Exists(Operation.unscoped.filter(resource_id=OuterRef(of)))


def _nowhere_to_be_seen() -> Iterator[Condition]:
    """Of devices of the inventory: neither there any more, nor is a link that was made with it still told of."""
    yield ~Exists(SurveyedDevice.objects.filter(zone=OuterRef("zone"), remote_id=OuterRef("remote_id")))
    yield ~Exists(Link.objects.filter(device=OuterRef("pk")))


def _empty_of(whole: str, *models: Any) -> Iterator[Condition]:
    """Nothing of these lies in it any more."""
    return (~Exists(model.unscoped.filter(**{whole: OuterRef("pk")})) for model in models)


def _accounts() -> models.QuerySet[Account]:
    """Of zones whose domains and accounts were listed just now, with the name that they bear in CloudStack
    (`Account.remote_name`)."""
    fresh = [(reading.zone_id, reading.kind) for reading in Reading.objects.all() if not reading.is_stale]
    zones = [zone for zone, kind in fresh if kind == OWNERS[0] and (zone, OWNERS[1]) in fresh]
    name = Concat("tenant__slug", Value("-"), Left(Cast("pk", models.TextField()), 8), output_field=models.TextField())
    return Account.unscoped.filter(zone__in=zones).annotate(in_cloudstack=name)


def _owners() -> models.QuerySet[Item]:
    """What CloudStack lists under an account's name."""
    return Item.objects.filter(zone=OuterRef("zone"), kind__in=OWNERS, key=OuterRef("in_cloudstack"))


def _forget(what: str, old: models.QuerySet[Any, Any], *conditions: Condition) -> None:
    """Each batch is a transaction of its own, so nobody waits for long, and what is broken off is gone on with.

    A batch is taken from what is `old`, and only then looked at for the conditions: asked for all of them together,
    PostgreSQL finds every row that may go, for each batch anew."""
    count, last = 0, None
    while batch := list(
        (old if last is None else old.filter(pk__gt=last)).order_by("pk").values_list("pk", flat=True)[:BATCH]
    ):
        count, last = count + try_again(partial(_forget_batch, old.filter(*conditions, pk__in=batch))), batch[-1]
    if count:
        logger.info("forgot %d %s", count, what)


@transaction.atomic
def _forget_batch(rows: models.QuerySet[Any, Any]) -> int:
    """What somebody holds is passed over, and is seen again in an hour: nobody waits here while holding rows."""
    held = rows.order_by("pk").select_for_update(of=("self",), no_key=True, skip_locked=True)
    batch = list(held.values_list("pk", flat=True))
    rows.model._default_manager.filter(pk__in=batch).delete()
    return len(batch)
