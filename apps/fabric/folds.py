"""What of a big fabric is drawn as one box until somebody opens it.

    fold     holds                                                                  inside
    pod      spines with the leaves that hang on them, and all that hangs on these
    rack     leaves that share their hosts, mostly a pair, with these hosts          a pod
    hosts    hosts of a rack that are too many to be drawn                           a rack
    loose    hosts that hang on no leaf
    oob      the switches of the out-of-band plane

Netris knows neither pods nor racks: they are told by the cables. What most of the cables say counts, so one that is in
a wrong port tears nothing apart. SoftGates and the internet are never folded. A fabric that fits on a screen has no
folds but for its out-of-band plane.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from apps.fabric.layers import DEVICE_STATUSES, LABELS, LINK_STATUSES, Device, Link, Session, Topology, Weight, natural

HOSTS = frozenset({"server", "hypervisor", "other"})
#: With more devices than this a fabric is folded.
FITS = 80
#: As many hosts of one rack are drawn one by one.
MOST_HOSTS = 64


@dataclass(frozen=True)
class Fold:
    """`id` is made of the ids of devices: it stays as long as these do."""

    id: str
    kind: str
    name: str
    #: Ids of the devices in it, those of the folds inside included.
    members: Sequence[str]

    @property
    def opens(self) -> bool:
        return self.kind != "hosts" and (self.kind != "loose" or len(self.members) <= MOST_HOSTS)


def folds_of(fabric: Topology) -> list[Fold]:
    """Each behind the one that it is inside of."""
    found = [*_pods_and_racks(fabric)] if len(fabric.devices) > FITS else []
    plane = _sorted(device for device in fabric.devices if device.role == "oob")
    if len(plane) > 1:
        found.append(Fold("oob", "oob", f"{len(plane)} OOB switches", [device.id for device in plane]))
    return found


def _sorted(devices: Iterable[Device]) -> list[Device]:
    return sorted(devices, key=lambda one: (natural(one.name), one.id))


def _pods_and_racks(fabric: Topology) -> Iterable[Fold]:
    devices = {device.id: device for device in _sorted(fabric.devices)}
    place = {id_: index for index, id_ in enumerate(devices)}
    beside: defaultdict[str, set[str]] = defaultdict(set)
    for link in fabric.links:
        if link.a in devices and link.b in devices:
            beside[link.a].add(link.b)
            beside[link.b].add(link.a)

    def neighbours(id_: str, role: str) -> tuple[str, ...]:
        return tuple(sorted((one for one in beside[id_] if devices[one].role == role), key=place.__getitem__))

    leaves_of = {id_: neighbours(id_, "leaf") for id_, one in devices.items() if one.role in {*HOSTS, "softgate"}}
    racks = _disjoint(leaves_of.values(), place)
    rack_of = {leaf: rack for rack in racks for leaf in rack}
    leaves = [id_ for id_, device in devices.items() if device.role == "leaf"]
    racks += [(leaf,) for leaf in leaves if leaf not in rack_of]
    racks.sort(key=lambda rack: place[rack[0]])
    rack_of = {leaf: rack for rack in racks for leaf in rack}
    hosts: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for id_, device in devices.items():
        if device.role in HOSTS:
            votes = Counter(rack_of[leaf] for leaf in leaves_of[id_])
            hosts[min(votes, key=lambda rack: (-votes[rack], place[rack[0]]), default=())].append(id_)

    spines_of = {leaf: neighbours(leaf, "spine") for leaf in leaves}
    pods = _pods(spines_of, place)
    if len(pods) > 1:
        pod_of = {spine: pod for pod in pods for spine in pod}
        racks_of: defaultdict[tuple[str, ...], list[tuple[str, ...]]] = defaultdict(list)
        for rack in racks:
            votes = Counter(pod_of[spine] for leaf in rack for spine in spines_of[leaf])
            racks_of[min(votes, key=lambda pod: (-votes[pod], place[pod[0]]), default=())].append(rack)
    else:
        racks_of = defaultdict(list, {(): racks})
    for pod in (*pods, ()) if len(pods) > 1 else [()]:
        if pod:
            inside = [one for rack in racks_of[pod] for one in (*rack, *hosts[rack])]
            yield Fold(f"pod-{pod[0]}", "pod", f"Pod of {devices[pod[0]].name}", [*pod, *inside])
        for rack in racks_of[pod]:
            yield from _rack(rack, hosts[rack], devices)
    if len(hosts[()]) > 1:
        yield Fold("loose", "loose", f"{len(hosts[()])} without a leaf", hosts[()])


def _rack(rack: Sequence[str], hosts: Sequence[str], devices: Mapping[str, Device]) -> Iterable[Fold]:
    if not hosts and len(rack) == 1:
        return
    yield Fold(f"rack-{rack[0]}", "rack", _together([devices[leaf].name for leaf in rack]), [*rack, *hosts])
    if len(hosts) > MOST_HOSTS:
        yield Fold(f"hosts-{rack[0]}", "hosts", f"{len(hosts)} hosts", hosts)


def _together(names: Sequence[str]) -> str:
    """Short enough for a box: Leaf-1, 2."""
    if len(names) == 1:
        return names[0]
    first, last = names[0], names[-1]
    stem = first.rstrip("0123456789")
    rest = last.removeprefix(stem)
    return f"{first}{', ' if len(names) == 2 else ' … '}{rest if rest.isdecimal() else last}"


def _disjoint(groups: Iterable[tuple[str, ...]], place: Mapping[str, int]) -> list[tuple[str, ...]]:
    """The groups that are named most often, and none that shares a member with one of these."""
    counts = Counter(group for group in groups if len(group) > 1)
    found: list[tuple[str, ...]] = []
    taken: set[str] = set()
    for group in sorted(counts, key=lambda group: (-counts[group], [place[one] for one in group])):
        if taken.isdisjoint(group):
            found.append(group)
            taken.update(group)
    return found


def _pods(spines_of: Mapping[str, tuple[str, ...]], place: Mapping[str, int]) -> list[tuple[str, ...]]:
    """The spines of each pod. What leaves of a torn fabric have in common with a pod belongs to it."""
    counts = Counter(spines for spines in spines_of.values() if spines)
    pods: list[set[str]] = []
    for spines in sorted(counts, key=lambda spines: (-counts[spines], [place[one] for one in spines])):
        taken: set[str] = set().union(*pods)
        pod = next((pod for pod in pods if not pod.isdisjoint(spines)), None)
        if pod is None:
            pods.append(set(spines))
        else:
            pod.update(set(spines) - taken)
    return sorted((tuple(sorted(pod, key=place.__getitem__)) for pod in pods), key=lambda pod: place[pod[0]])


def open_ones(folds: Sequence[Fold], opened: Collection[str]) -> list[Fold]:
    """Those of them that are open, but for what is inside of one that is closed."""
    hidden: set[str] = set()
    found = []
    for fold in folds:
        if fold.id not in opened or not fold.opens:
            hidden.update(fold.members)
        elif not hidden.issuperset(fold.members):
            found.append(fold)
    return found


# --- folding ----------------------------------------------------------------------------------------------------------


def folded(fabric: Topology, folds: Sequence[Fold], opened: Collection[str] = ()) -> Topology:
    """The fabric with one box for each fold that is closed, and one line for all cables between the same two."""
    closed = [fold for fold in folds if fold.id not in opened or not fold.opens]
    box_of: dict[str, str] = {}
    for fold in closed:
        for one in fold.members:
            box_of.setdefault(one, fold.id)
    order = count(1)
    place = {one: next(order) for fold in folds for one in fold.members} if len(folds) > 1 else {}
    members: defaultdict[str, list[Device]] = defaultdict(list)
    drawn = []
    for device in fabric.devices:
        if device.id in box_of:
            members[box_of[device.id]].append(device)
        else:
            drawn.append(replace(device, place=place.get(device.id, 0)))
    for fold in closed:
        if fold.id in members:
            first = min((place.get(one, 0) for one in fold.members), default=0)
            drawn.append(_box(fold, members[fold.id], first, fabric.overlay))
    return replace(
        fabric,
        devices=drawn,
        links=_bundled(fabric.links, box_of),
        sessions=_gathered(fabric.sessions, box_of),
    )


def _box(fold: Fold, members: Sequence[Device], place: int, overlay: str) -> Device:
    counts = Counter(member.status for member in members)
    status = _worst(counts, DEVICE_STATUSES)
    is_due = all(member.is_due for member in members if member.status == status)
    lines = [*_of_roles(fold, members), _health(counts)]
    weights = [member.weight for member in members if member.weight]
    total = max if overlay == "utilisation" else sum
    weight = Weight(total(one.count for one in weights), total(one.of for one in weights)) if weights else None
    return Device(
        fold.id,
        fold.name,
        fold.kind,
        status,
        lines,
        is_due=is_due,
        place=place,
        holds=len(members),
        opens=fold.opens,
        weight=weight,
        is_lit=None if members[0].is_lit is None else any(member.is_lit for member in members),
    )


def _of_roles(fold: Fold, members: Sequence[Device]) -> list[str]:
    """How many of what: switches on one line, hosts on the next."""
    if fold.kind == "oob":
        return []
    roles = Counter(member.role for member in members)
    words = [(role, f"{roles[role]} {_plural(LABELS[role].lower(), roles[role])}") for role in LABELS if roles[role]]
    switches = ", ".join(text for role, text in words if role not in HOSTS)
    hosts = [text for role, text in words if role in HOSTS]
    return [line for line in (switches, *hosts) if line]


def _plural(noun: str, number: int) -> str:
    if number == 1:
        return noun
    return "leaves" if noun == "leaf" else f"{noun}es" if noun.endswith("ch") else f"{noun}s"


def _health(counts: Counter[str]) -> str:
    not_ok = [f"{counts[status]} {status}" for status in DEVICE_STATUSES[:-1] if counts[status]]
    return ", ".join(not_ok[:2]) or "all OK"


def _worst(counts: Counter[str], order: Sequence[str]) -> str:
    return next((status for status in order if counts[status]), "unknown")


def _bundled(links: Iterable[Link], box_of: Mapping[str, str]) -> list[Link]:
    """Cables between the same two boxes are one line. Those inside of a box are not seen."""
    bundles: defaultdict[tuple[str, str], list[Link]] = defaultdict(list)
    for link in links:
        a, b = box_of.get(link.a, link.a), box_of.get(link.b, link.b)
        if a != b:
            bundles[min(a, b), max(a, b)].append(replace(link, a=a, b=b) if (a, b) != (link.a, link.b) else link)
    return [_bundle(members) for members in bundles.values()]


def _bundle(links: Sequence[Link]) -> Link:
    if len(links) == 1:
        return links[0]
    counts = Counter(link.status if link.status in LINK_STATUSES else "unknown" for link in links)
    status = _worst(counts, LINK_STATUSES)
    return replace(
        links[0],
        id="",
        a_port="",
        b_port="",
        underlay=any(link.underlay for link in links),
        plane=links[0].plane if len({link.plane for link in links}) == 1 else "several",
        status=status,
        is_due=all(link.is_due for link in links if link.status == status),
        load=max((link.load for link in links if link.load is not None), default=None),
        of=tuple(sorted(counts.items(), key=lambda item: LINK_STATUSES.index(item[0]))),
    )


def _gathered(sessions: Iterable[Session], box_of: Mapping[str, str]) -> list[Session]:
    bundles: defaultdict[tuple[str, str], list[Session]] = defaultdict(list)
    for session in sessions:
        device = box_of.get(session.device, session.device)
        bundles[session.router, device].append(replace(session, device=device))
    found = []
    for members in bundles.values():
        counts = Counter(session.status if session.status in LINK_STATUSES else "unknown" for session in members)
        status = _worst(counts, LINK_STATUSES)
        is_due = all(session.is_due for session in members if session.status == status)
        total, up = sum(one.total for one in members), sum(one.up for one in members)
        found.append(replace(members[0], status=status, is_due=is_due, total=total, up=up))
    return found
