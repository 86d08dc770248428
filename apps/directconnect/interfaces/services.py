"""One verb per change of a virtual interface. Each writes row, audit entry and operation in one transaction.

A change carries what is wanted beside what is: the row keeps its old values until Netris has taken the new ones. A key
is sealed in both, and told nobody: audit entries say that it was set, not what it is.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence, Set
from datetime import timedelta
from ipaddress import IPv4Network
from itertools import count
from typing import Any

from django.db import IntegrityError, transaction
from pydantic import SecretStr

from apps.directconnect import filters
from apps.directconnect.addressing import VLANS, Ends, first_vlan, free_link
from apps.directconnect.interfaces.queries import A_TEST_RUNS, our_asn, why_not_carrying
from apps.directconnect.interfaces.recipes import KIND
from apps.directconnect.interfaces.specs import InterfaceSpec
from apps.directconnect.interfaces.wanted import FIELDS, seal
from apps.directconnect.models import Connection, Interface, PortKind
from apps.directconnect.services.moves import held
from apps.directconnect.stages import Stage
from apps.kernel import clock
from apps.kernel.errors import Invalid, Refused
from apps.kernel.names import NAME, key_of
from apps.kernel.seal import Sealed
from apps.networks.learned import Learned, learned_by
from apps.networks.models import StaticRoute, Vpc
from apps.networks.services import held_in_vpc, held_vpc
from apps.operations import services as operations
from apps.operations.models import Operation
from apps.operations.state import Goal
from apps.quotas.services import hold_use
from apps.tenancy.actors import Actor
from apps.tenancy.services import audit

#: Of one connection; VPCs have no more than that either (unverified what Netris takes).
MOST_INTERFACES = 50
KEEPER = Actor.system("Weft")


@transaction.atomic(durable=True)
def create_interface(connection: Connection, vpc: Vpc, spec: InterfaceSpec, *, by: Actor) -> Operation:
    """Lead a VLAN of the connection's port into a VPC. Raises `Refused`."""
    hold_use(connection.tenant)
    vpc = held_vpc(vpc, "add tier")
    connection = held(connection)
    need_carrying(connection)
    if vpc.zone_id != connection.location.zone_id:
        text = f"{vpc.name} is in another zone than {connection.location}. Choose a VPC of {connection.location.zone}."
        raise Refused("vpc-elsewhere", text, "vpc")
    rows = Interface.objects.of(connection.tenant).live().filter(connection=connection)
    names = set(rows.values_list("name_key", flat=True))
    if len(names) >= MOST_INTERFACES:
        text = f"A connection has at most {MOST_INTERFACES} interfaces. Delete one that is not needed."
        raise Refused("too-many-interfaces", text)
    learned = learned_by(vpc)
    if faults := policy_faults(vpc, spec.peer_asn, spec.announce, spec.accept, learned):
        raise Invalid(faults)
    ends = spec.ends or _free_ends(vpc, [each.prefix for each in learned])
    if spec.ends:
        _need_free_ends(vpc, spec.ends, [each.prefix for each in learned])
    assert connection.port is not None, "it carries interfaces"
    vlan = _vlan_for(connection, spec.vlan)
    row = Interface(
        connection=connection,
        tenant=connection.tenant,
        vpc=vpc,
        port=connection.port,
        name=spec.name or _free_name(vpc, vlan, names),
        vlan=vlan,
        peer_asn=spec.peer_asn,
        link=ends.network,
        local_address=ends.local.ip,
        remote_address=ends.remote,
        prefix_length=ends.network.prefixlen,
        announce=list(map(str, spec.announce)),
        accept=list(map(str, spec.accept)),
        max_prefixes=spec.max_prefixes,
        md5=spec.key,
        has_md5=bool(spec.key.get_secret_value()),
        bfd=spec.bfd,
    )
    _save(row, force_insert=True)
    audit(by, "interface.create", row, tenant=row.tenant, new=told(row))
    return _start(row, Goal.PRESENT, by)


def _free_name(vpc: Vpc, vlan: int, taken: Set[str]) -> str:
    """ "prod, VLAN 12", where nobody has said how it is to be called. A VLAN is one interface's: only a name that
    somebody gave can be in its way."""
    for number in count(1):
        end = f", VLAN {vlan}" + (f" ({number})" if number > 1 else "")
        name = NAME.parse(f"{vpc.name[: NAME.most - len(end)]}{end}", "name")
        if key_of(name) not in taken:
            return name
    raise AssertionError("there are more numbers than interfaces")


@transaction.atomic(durable=True)
def rename_interface(row: Interface, *, name: str, by: Actor) -> bool:
    """At once: names live in Weft alone. False when it is called so already. Raises `Refused`."""
    row = _held(row, "rename")
    name = NAME.parse(name, "name")
    if row.name == name:
        return False
    old, row.name = row.name, name
    _save(row, update_fields=["name", "name_key"])
    audit(by, "interface.rename", row, tenant=row.tenant, old={"name": old}, new={"name": name})
    return True


@transaction.atomic(durable=True)
def change_interface(row: Interface, values: Mapping[str, Any], *, by: Actor) -> Operation | None:
    """`values` as `specs.change_of` gives them. None when it is so already. Raises `Refused`."""
    row = _held(row, "change")
    need_carrying(row.connection)
    wanted = {name: value for name, value in _as_columns(values).items() if not _is_so(row, name, value)}
    if not wanted:
        return None
    learned = [each for each in learned_by(row.vpc) if each.key != row.pk]
    meant = {name: wanted.get(name, getattr(row, name)) for name in FIELDS}
    announce, accept = (tuple(map(IPv4Network, meant[name])) for name in ("announce", "accept"))
    if faults := policy_faults(row.vpc, meant["peer_asn"], announce, accept, learned):
        raise Invalid(faults)
    spoken = {name: value for name, value in wanted.items() if name != "md5"}
    if "md5" in wanted:
        spoken["has_md5"] = bool(wanted["md5"])
    old = {name: getattr(row, name) for name in spoken}
    audit(by, "interface.change", row, tenant=row.tenant, old=old, new=spoken)
    return _start(row, Goal.CHANGED, by, wanted=wanted)


def _is_so(row: Interface, name: str, value: Any) -> bool:
    if name != "md5":
        return bool(value == getattr(row, name))
    known = row.md5.get_secret_value() if row.has_md5 else ""
    return known == (Sealed(value).get_secret_value() if value else "")


def _as_columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """As an operation carries them: JSON, with the key sealed."""
    columns = dict(values)
    for name in ("announce", "accept"):
        if name in columns:
            columns[name] = list(map(str, columns[name]))
    if "md5" in columns:
        columns["md5"] = seal(columns["md5"])
    return columns


@transaction.atomic(durable=True)
def reveal_key(row: Interface, *, by: Actor) -> SecretStr:
    """Its MD5 key, once: of two at the same time one gets it. Who looked stands in the audit log. Raises `Refused`; a
    new key can be shown again."""
    row = _held(row, "show key")
    row.md5_shown_at = clock.now()
    row.save(update_fields=["md5_shown_at"])
    audit(by, "interface.show-key", row, tenant=row.tenant)
    return row.md5


@transaction.atomic(durable=True)
def delete_interface(row: Interface, *, by: Actor) -> Operation:
    row = _held(row, "delete")
    audit(by, "interface.delete", row, tenant=row.tenant, old=told(row))
    return _start(row, Goal.ABSENT, by)


@transaction.atomic(durable=True)
def apply_interface(row: Interface, *, by: Actor) -> Operation:
    """Have Netris made as it should be, where somebody has changed it there. What is right already is left alone."""
    row = _held(row, "change")
    audit(by, "interface.apply", row, tenant=row.tenant)
    return _start(row, Goal.CHANGED, by)


@transaction.atomic(durable=True)
def start_test(row: Interface, minutes: int, *, by: Actor) -> Operation:
    """Take its session down for a while, to see that traffic finds its other way. It ends by itself (`tending`)."""
    row = _held(row, "change")
    need_carrying(row.connection)
    if row.test_until is not None:
        raise Refused("test-runs", A_TEST_RUNS)
    row.test_until = clock.now() + timedelta(minutes=minutes)
    row.save(update_fields=["test_until"])
    audit(by, "interface.test", row, tenant=row.tenant, new={"minutes": minutes})
    return _start(row, Goal.CHANGED, by, wanted={"is_enabled": False})


@transaction.atomic(durable=True)
def end_test(row: Interface, *, by: Actor) -> Operation | None:
    """Before its time, or when that is over. None when none runs. A test that ends does so even where its session was
    never taken down."""
    row = _held(row, "change")
    if row.test_until is None:
        return None
    row.test_until = None
    row.save(update_fields=["test_until"])
    audit(by, "interface.test-end", row, tenant=row.tenant)
    return _enable(row, by)


@transaction.atomic(durable=True)
def bring_in_line(row: Interface, *, by: Actor) -> Operation | None:
    """Have its session up or down as its connection and its test say. None when it is so already."""
    return _enable(_held(row, "change"), by)


def _enable(row: Interface, by: Actor) -> Operation | None:
    wanted = is_meant_up(row)
    return None if row.is_enabled == wanted else _start(row, Goal.CHANGED, by, wanted={"is_enabled": wanted})


def is_meant_up(row: Interface) -> bool:
    return row.connection.stage != Stage.SUSPENDED and row.test_until is None


def need_carrying(connection: Connection) -> None:
    """Raises `Refused` where nothing may be made or changed on a connection."""
    if reason := why_not_carrying(connection):
        raise Refused("connection-not-ready", reason)


def policy_faults(
    vpc: Vpc,
    peer_asn: int,
    announce: Sequence[IPv4Network],
    accept: Sequence[IPv4Network],
    learned: Sequence[Learned],
) -> list[Refused]:
    """Three queries."""
    rows = set(Interface.objects.of(vpc.tenant).live().filter(vpc=vpc).values_list("pk", flat=True))
    over = [(each.prefix, each.source) for each in learned if each.key in rows]
    elsewhere = [(each.prefix, each.source) for each in learned if each.key not in rows]
    routes = StaticRoute.objects.of(vpc.tenant).live().filter(vpc=vpc).values_list("destination", flat=True)
    elsewhere += [(each, "its static route") for each in routes]
    faults = filters.announce_faults(announce, vpc.cidr) + filters.accept_faults(accept, vpc.cidr, over, elsewhere)
    if peer_asn == our_asn(vpc.zone):
        text = f"{peer_asn} is our own ASN: a router that has it as well takes none of our routes. Give another."
        faults.append(Refused("asn-ours", text, "peer_asn"))
    return faults


def _free_ends(vpc: Vpc, learned: Sequence[IPv4Network]) -> Ends:
    ends = free_link([*_links_of(vpc), *(prefix for prefix in learned if prefix != filters.DEFAULT)])
    if ends is None:
        raise Refused("no-link-left", "No addresses are left for a link. Give your own.", "addresses")
    return ends


def _need_free_ends(vpc: Vpc, ends: Ends, learned: Sequence[IPv4Network]) -> None:
    """Raises `Refused`."""
    known = [vpc.cidr, *_links_of(vpc), *(prefix for prefix in learned if prefix != filters.DEFAULT)]
    if other := next((each for each in known if each.overlaps(ends.network)), None):
        text = f"{ends.network} overlaps {other}, which the VPC has already. Take other addresses, or leave them out."
        raise Refused("link-overlaps", text, "addresses")


def _links_of(vpc: Vpc) -> list[IPv4Network]:
    return list(Interface.objects.of(vpc.tenant).live().filter(vpc=vpc).values_list("link", flat=True))


def _vlan_for(connection: Connection, wanted: int | None) -> int:
    """On a shared port Weft gives one, from anywhere in the range: neither a number nor a refusal tells of others that
    are there. Raises `Refused`."""
    used = set(Interface.unscoped.filter(port=connection.port, holds_vlan=True).values_list("vlan", flat=True))
    if connection.kind == PortKind.HOSTED:
        if wanted is not None:
            raise Refused("vlan-is-given", "On a shared port the VLAN is given to you. Leave it out.", "vlan")
        free = [vlan for vlan in VLANS if vlan not in used]
        vlan = secrets.choice(free) if free else None
    else:
        if wanted in used:
            text = f"VLAN {wanted} is not free on the port now. Take another, or leave it out."
            raise Refused("vlan-taken", text, "vlan")
        vlan = wanted or first_vlan(used)
    if vlan is None:
        raise Refused("no-vlan-left", "No VLAN is left on the port.", "vlan")
    return vlan


def _save(row: Interface, **options: Any) -> None:
    refusals = {
        "interface_name_is_unique": Refused(
            "name-taken", f"The connection has an interface called “{row.name}” already.", "name"
        ),
        "vlan_is_free": Refused("busy", "Another interface took this VLAN a moment ago. Try again.", "vlan"),
        "links_do_not_overlap": Refused("busy", "Another interface took these addresses. Try again.", "addresses"),
    }
    try:
        with transaction.atomic():
            row.save(**options)
    except IntegrityError as error:
        for name, refusal in refusals.items():
            if name in str(error):
                raise refusal from error
        raise


def told(row: Interface) -> dict[str, Any]:
    """For the audit log: everything but the key."""
    names = ("name", "vlan", "peer_asn", "announce", "accept", "max_prefixes", "bfd", "has_md5")
    ends = {"local": f"{row.local_address}/{row.prefix_length}", "remote": str(row.remote_address)}
    return {name: getattr(row, name) for name in names} | {"vpc": row.vpc.name, "addresses": ends}


def _held(row: Interface, action: str) -> Interface:
    return held_in_vpc(row, action, "connection__location__zone", "port")


def _start(row: Interface, goal: Goal, by: Actor, **options: Any) -> Operation:
    options |= {"lock_key": row.lock_key, "lane": row.lane, "zone": row.vpc.zone}
    return operations.start(KIND, row, goal, tenant=row.tenant, by=by, **options)
