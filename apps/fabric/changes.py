"""What was changed in the inventory of a fabric: a survey finds a row that says something else than the last one did.

    kind             who
    netris-changed   somebody in Netris, or a script there
    weft-changed     an operation of Weft's, which the event names

An operation was at work on the thing after the last reading: what it is known to write is its own change, and the rest
is not. Apps say what theirs write (`register`); of the others everything is.

The cables of the border are no links of Netris'. What changes too much at once, as when a site is set up, is one event
that counts, for each of the two.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from apps.fabric.layers import ROLES
from apps.fabric.models import Part, Surveyed, SurveyedDevice, SurveyedLink, SurveyedSite, SurveyedSubnet
from apps.history.kinds import EventKind, Subject
from apps.history.models import Severity
from apps.history.services import Change, note
from apps.kernel.words import counted
from apps.mirror.queries import Device
from apps.operations.models import Operation
from apps.operations.state import Goal, Phase
from apps.zones.models import Zone

NETRIS_CHANGED = EventKind("netris-changed", "Changed in Netris", is_change=True)
WEFT_CHANGED = EventKind("weft-changed", "Changed by Weft", is_change=True)
KINDS = (NETRIS_CHANGED, WEFT_CHANGED)

#: Events of one survey of one part of the inventory.
MOST = 50
MAINTENANCE = "Maintenance"
EXISTENCE = "Exists"
#: An operation puts back what it did, or has.
UNDONE = frozenset({Phase.REMOVING, Phase.ROLLED_BACK, Phase.CANCELLED, Phase.GIVEN_UP})

Difference = tuple[str, str, str]

Facts = Mapping[str, str]

_writes: dict[str, Callable[[Operation], Facts]] = {}


def register(kind: str, facts: Callable[[Operation], Facts]) -> None:
    """What operations of a kind change, and to what, as `_facts` has it. Apps call this from `AppConfig.ready`."""
    _writes[kind] = facts


def facts_of(device: Device) -> dict[str, str]:
    """What somebody has set of it, or installed on it: its state and its readings are no changes."""
    return {
        "Name": device.name,
        "Type": " ".join(filter(None, (device.type, device.sg_role, device.sg_flavor))),
        "Description": device.description,
        "Main address": str(device.main_address or ""),
        "Management address": str(device.mgmt_address or ""),
        "ASN": str(device.asn or ""),
        "Site": device.site.name,
        "Tenant": device.tenant.name,
        "NOS": device.nos.name,
        "Version": device.version,
        "Tags": ", ".join(device.tags),
        "Custom data": device.custom_data,
        MAINTENANCE: "on" if device.maintenance_mode else "off",
    }


@dataclass(frozen=True)
class Written:
    """What a survey has changed of its rows: the new, those that differ with what they were, those that are gone."""

    added: Sequence[Surveyed] = ()
    changed: Sequence[tuple[Surveyed, Surveyed]] = ()
    removed: Sequence[Surveyed] = ()


@dataclass(frozen=True)
class _Found:
    row: Surveyed
    differences: Sequence[Difference]
    is_new: bool = False
    is_gone: bool = False


def tell(zone: Zone, written: Written, *, since: datetime | None, at: datetime) -> None:
    """Write down what differs between the readings `since` and `at`. Nothing is known before the first survey. Four
    queries at most, and one when nothing differs."""
    found = list(_found(written)) if since is not None else []
    if since is None or not found:
        return
    part, work = found[0].row.part, _Work(zone, since)
    some = [(each, change) for each in found for change in _changes(each, work.about(each))]
    changes: list[Change] = []
    for kind in KINDS:
        changes += _told(zone, part, kind, [(each, change) for each, change in some if change.kind == kind.key])
    note(zone, f"fabric.changes.{part}", changes, at=at)


def _found(written: Written) -> Iterator[_Found]:
    for row in written.added:
        if _is_set(row):
            yield _Found(row, [(EXISTENCE, "", _called(row))], is_new=True)
    for row in written.removed:
        if _is_set(row):
            yield _Found(row, [(EXISTENCE, _called(row), "")], is_gone=True)
    for before, after in written.changed:
        old, new = _facts(before), _facts(after)
        differences = [(name, old.get(name, ""), new[name]) for name in new if old.get(name, "") != new[name]]
        if old and differences and not _is_renamed(before, after):
            yield _Found(after, differences)


def _is_renamed(before: Surveyed, after: Surveyed) -> bool:
    """A link whose device has another name: that is told of the device."""
    if not (isinstance(before, SurveyedLink) and isinstance(after, SurveyedLink)):
        return False
    return all(getattr(before, name) == getattr(after, name) for name in ("a_id", "a_port", "b_id", "b_port"))


def _is_set(row: Surveyed) -> bool:
    return not (isinstance(row, SurveyedLink) and row.plane == "border")


def _facts(row: Surveyed) -> dict[str, str]:
    """Empty for what is not compared, and for a row that was written before facts were."""
    if isinstance(row, SurveyedDevice):
        return dict(row.facts)
    if isinstance(row, SurveyedLink) and _is_set(row):
        return {"Ends": row.name}
    if isinstance(row, SurveyedSubnet):
        return {
            "Name": row.name,
            "Prefix": str(row.prefix or ""),
            "Purpose": row.purpose,
            "Tenant": row.netris_tenant,
            "Gateway": row.gateway,
        }
    if isinstance(row, SurveyedSite):
        return {
            "Name": row.name,
            "Public ASN": str(row.public_asn or ""),
            "Access policy": row.acl_policy,
            "Switch fabric": row.switch_fabric,
            "VLANs": row.vlan_range,
        }
    return {}


def _called(row: Surveyed) -> str:
    if isinstance(row, SurveyedDevice):
        return f"{ROLES.get(row.role, 'Device')} {row.name}"
    if isinstance(row, SurveyedSubnet):
        return f"{row.type} {row.prefix or ''} {row.name}".replace("  ", " ").strip()
    if isinstance(row, SurveyedSite):
        return f"Site {row.name}"
    return row.name


# --- whose it is ------------------------------------------------------------------------------------------------------


class _Work:
    """The platform's operations that were not over when the last reading began, the newest first: from any zone of the
    same Netris."""

    def __init__(self, zone: Zone, since: datetime) -> None:
        """One query, whatever has changed."""
        then = Q(finished_at=None) | Q(finished_at__gte=since)
        here = Q(zone__netris_url=zone.netris_url, tenant=None)
        begun = Operation.unscoped.filter(then, here).exclude(started_at=None).order_by("-created_at")
        self._on: defaultdict[UUID | str, list[Operation]] = defaultdict(list)
        self._named: defaultdict[tuple[str, str], list[Operation]] = defaultdict(list)
        for operation in begun:
            for key in (operation.resource_id, operation.lock_key):
                self._on[key].append(operation)
            self._named[operation.kind, operation.resource_name].append(operation)

    def about(self, found: _Found) -> Iterator[Operation]:
        """By Netris' id of the thing, whatever it is called; what makes it knows its name alone."""
        row = found.row
        told = [*self._on.get(row.pk, ()), *self._on.get(row.lock_of(row.zone, row.remote_id), ())]
        for kind, name in _made_as(row) if _is_whole(found) else ():
            told += self._named.get((kind, name), ())
        yield from {operation.pk: operation for operation in told}.values()


def _made_as(row: Surveyed) -> set[tuple[str, str]]:
    """The kinds and names of operations that make such a row, or take it away. A cable comes and goes with the device
    at one of its ends, too."""
    if isinstance(row, SurveyedLink):
        one, other = f"{row.a_port}@{row.a_device}", f"{row.b_port}@{row.b_device}"
        cable = {(Part.LINK.value, f"{one} - {other}"), (Part.LINK.value, f"{other} - {one}")}
        return cable | {(Part.DEVICE.value, name) for name in (row.a_device, row.b_device) if name}
    return {(row.type if isinstance(row, SurveyedSubnet) else row.part.value, row.name)}


def _written_by(operation: Operation, found: _Found) -> list[Difference]:
    """What of it the operation has written: the whole of what it makes or takes away."""
    if _is_whole(found):
        is_its = operation.kind in {kind for kind, _ in _made_as(found.row)} and _has_done(operation, found)
        return list(found.differences) if is_its else []
    if operation.kind not in _writes:
        return list(found.differences)
    values = _writes[operation.kind](operation)
    return [each for each in found.differences if each[0] in values and _fits(operation, each, values[each[0]])]


def _is_undone(operation: Operation) -> bool:
    return operation.phase in UNDONE or operation.stopped_in == Phase.REMOVING


def _has_done(operation: Operation, found: _Found) -> bool:
    """A creation that was undone has made nothing, and may have taken away what it had made before."""
    if found.is_new:
        return operation.goal == Goal.PRESENT and operation.phase not in (Phase.ROLLED_BACK, Phase.CANCELLED)
    return operation.goal == Goal.ABSENT or (operation.goal == Goal.PRESENT and _is_undone(operation))


def _fits(operation: Operation, difference: Difference, value: str) -> bool:
    """It has become what the operation writes, or is so no more since that is put back."""
    _, before, after = difference
    return value == (before if _is_undone(operation) and operation.goal == Goal.CHANGED else after)


def _changes(found: _Found, operations: Iterable[Operation]) -> Iterator[Change]:
    """One event for what somebody did in Netris, and one for each operation."""
    rest = list(found.differences)
    for operation in operations:
        written = _written_by(operation, found)
        own = [each for each in rest if each in written]
        rest = [each for each in rest if each not in written]
        if own:
            words = f"{_words(found, own)} By “{operation}”, requested by {operation.requested_by}."
            yield _change(WEFT_CHANGED, found, own, words, operation_id=operation.pk)
    if rest:
        yield _change(NETRIS_CHANGED, found, rest, f"{_words(found, rest)} Not by Weft.")


def _change(kind: EventKind, found: _Found, differences: Sequence[Difference], words: str, **facts: Any) -> Change:
    subject = Subject(found.row.part, found.row.remote_id, found.row.name)
    return Change(kind.key, subject, Severity.INFO, words, () if _is_whole(found) else differences, **facts)


def _is_whole(found: _Found) -> bool:
    return found.is_new or found.is_gone


def _words(found: _Found, differences: Sequence[Difference]) -> str:
    if _is_whole(found):
        return f"{'Added' if found.is_new else 'Removed'}: {_called(found.row)}."
    return (
        "; ".join(f"{name} from {before or 'nothing'} to {after or 'nothing'}" for name, before, after in differences)
        + "."
    )


def _told(zone: Zone, part: Part, kind: EventKind, some: Sequence[tuple[_Found, Change]]) -> Sequence[Change]:
    """Each of them, or one that counts them."""
    if len(some) <= MOST:
        return [change for _, change in some]
    found = [each for each, _ in some]
    added, gone = sum(each.is_new for each in found), sum(each.is_gone for each in found)
    counts = {"added": added, "removed": gone, "changed": len(found) - added - gone}
    words = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
    whose = {change.operation_id for _, change in some}
    by = "Not by Weft." if kind is NETRIS_CHANGED else f"By {counted(len(whose), 'operation')} of Weft's."
    subject = Subject("zone", zone.slug, zone.name)
    only = next(iter(whose)) if len(whose) == 1 else None
    return [Change(kind.key, subject, Severity.INFO, f"Of its {part}s {words} at once. {by}", operation_id=only)]
