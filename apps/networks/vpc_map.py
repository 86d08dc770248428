"""The map of a VPC: how its traffic leaves and comes in, its tiers and what is in them, how its CIDR is shared out.

Two variants of the same drawing come out, a wide one and a tall one; CSS shows the one that fits the place, so that no
text is ever smaller than 11 px. The same map stands beside the create form, where everything is "planned" and dashed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from zlib import crc32

from django.utils.safestring import SafeString

from apps.kernel.svg.draw import element, fit, join, mark, number, picture, status_words, text, width_of
from apps.kernel.svg.status import look_of

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PLANNED = "planned"


@dataclass(frozen=True)
class Machines:
    """How many instances a tier has, as CloudStack said last."""

    running: int
    others: int
    is_stale: bool = False

    @property
    def count(self) -> int:
        return self.running + self.others

    @property
    def words(self) -> str:
        return f"{self.count} instance{'s'[: self.count != 1]}" if self.count else "no instance"


@dataclass(frozen=True)
class PublicIpNode:
    """A public IP by which the internet comes in."""

    address: Address
    #: "static NAT to web-1", "3 port forwards", "load balancer shop", "switched off", "unused".
    use: str
    #: By which the way is drawn: in alone, or out again too.
    is_two_way: bool
    #: The names of the tiers that it leads to.
    tiers: Sequence[str]
    status: str
    url: str
    #: The way forks: it is shared out among several.
    is_balanced: bool = False


@dataclass(frozen=True)
class TierNode:
    name: str
    cidr: Network
    gateway: Address
    status: str
    url: str | None = None
    #: For platform admins only.
    vni: int | None = None
    used_fraction: float | None = None
    machines: Machines | None = None
    #: The name of its access list, blank without one; None where lists are not told.
    acl: str | None = None

    @property
    def description(self) -> str:
        parts = [f"Tier {self.name}: {self.cidr}, gateway {self.gateway}, {look_of(self.status).words.lower()}"]
        if self.machines is not None:
            parts.append(f"{self.machines.words}, {self.machines.running} running")
        if self.acl is not None:
            parts.append(f"access list {self.acl}" if self.acl else "no access list")
        return f"{', '.join(parts)}."


@dataclass(frozen=True)
class VpcMap:
    name: str
    cidr: Network | None
    status: str
    egress_ip: Address | None
    zone: str
    tiers: Sequence[TierNode] = ()
    #: The blocks that no tier has yet.
    free: Sequence[Network] = field(default=())
    public_ips: Sequence[PublicIpNode] = ()
    #: How many public IPs it has besides these.
    more_public_ips: int = 0

    @property
    def is_inhabited(self) -> bool:
        """What is in its tiers is told too."""
        return any(tier.machines is not None or tier.acl is not None for tier in self.tiers)

    @property
    def is_interactive(self) -> bool:
        return bool(self.public_ips) or any(tier.url for tier in self.tiers)

    @property
    def is_planned(self) -> bool:
        return self.status == PLANNED

    @property
    def egress(self) -> str:
        if self.egress_ip is not None:
            return str(self.egress_ip)
        return "address not known yet" if self.status == "ready" else "will be reserved"

    @property
    def description(self) -> str:
        """The whole drawing in sentences, for who cannot see it."""
        parts = [f"{self.name or 'The VPC'} in {self.zone}, {look_of(self.status).words.lower()}."]
        parts.append(f"Traffic to the internet leaves through source NAT on the SoftGates ({self.egress}).")
        for node in self.public_ips:
            where = f" in {' and '.join(node.tiers)}" if node.tiers else ""
            parts.append(f"Public IP {node.address}: {node.use}{where}, {look_of(node.status).words.lower()}.")
        if self.more_public_ips:
            parts.append(f"And {self.more_public_ips} more public IP{'s'[: self.more_public_ips != 1]}.")
        parts += [tier.description for tier in self.tiers]
        if not self.tiers:
            parts.append("No tier yet.")
        if self.free:
            parts.append(f"Free: {', '.join(str(block) for block in self.free[:6])}.")
        return " ".join(parts)


@dataclass(frozen=True)
class Box:
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.y + self.height / 2

    @property
    def centre(self) -> float:
        return self.x + self.width / 2


TIER_HEIGHT = 58
TIER_STEP = 70
#: With more tiers than this the wide map draws them closer together.
ROOMY = 6
DENSE_HEIGHT = 46
DENSE_STEP = 52
NODE_HEIGHT = 74
#: What a tier is higher by when its inside is told.
INSIDE_HEIGHT = 20
ADDRESS_HEIGHT = 24
ADDRESS_STEP = 28
#: More instances than this are a number.
MOST_DOTS = 8


def render_vpc_map(plan: VpcMap) -> SafeString:
    return element("div", _wide(plan), _tall(plan), class_="vpc-map")


def _wide(plan: VpcMap) -> SafeString:
    width, margin = 900, 14
    rows = max(1, len(plan.tiers))
    is_dense = rows > ROOMY
    more = INSIDE_HEIGHT if plan.is_inhabited else 0
    step, tall = (DENSE_STEP + more, DENSE_HEIGHT + more) if is_dense else (TIER_STEP + more, TIER_HEIGHT + more)
    gate_height = _gate_height(plan)
    body = max(rows * step - (step - tall), gate_height, 128)
    middle = margin + body / 2
    internet = Box(margin, middle - 28, 90, 56)
    gate = Box(130, middle - gate_height / 2, 210, gate_height)
    router = Box(366, middle - NODE_HEIGHT / 2, 172, NODE_HEIGHT)
    top = middle - (rows * step - (step - tall)) / 2
    tiers = [Box(588, top + index * step, 298, tall) for index in range(rows)]

    threads = [
        _thread(internet.x + internet.width, middle, gate.x, middle, plan.status),
        _thread(gate.x + gate.width, middle, router.x, middle, plan.status),
    ]
    for index, box in enumerate(tiers):
        status = plan.tiers[index].status if plan.tiers else PLANNED
        threads.append(_thread(router.x + router.width, middle, box.x, box.middle, status))
    strip, strip_height = _strip(plan, margin, margin + body + 30, width - 2 * margin)
    return picture(
        *threads,
        _internet(internet),
        _gate(plan, gate),
        _router(plan, router),
        *_tiers(plan, tiers, is_dense=is_dense),
        strip,
        width=width,
        height=margin + body + 30 + strip_height + 6,
        title=f"Map of VPC {plan.name}".strip(),
        description=plan.description,
        class_=f"map map--wide{' map--planned' if plan.is_planned else ''}",
        is_interactive=plan.is_interactive,
    )


def _tall(plan: VpcMap) -> SafeString:
    width, margin = 322, 1
    inner = width - 2 * margin
    internet = Box(width / 2 - 62, margin, 124, 44)
    gate = Box(margin + 36, 72, inner - 72, _gate_height(plan))
    router = Box(margin + 36, gate.y + gate.height + 24, inner - 72, NODE_HEIGHT)
    top = router.y + NODE_HEIGHT + 22
    rows = max(1, len(plan.tiers))
    more = INSIDE_HEIGHT if plan.is_inhabited else 0
    step, height = TIER_STEP + more, TIER_HEIGHT + more
    tiers = [Box(margin + 36, top + index * step, inner - 36, height) for index in range(rows)]

    threads = [
        _drop(width / 2, internet.y + internet.height, gate.y, plan.status),
        _drop(width / 2, gate.y + gate.height, router.y, plan.status),
    ]
    # The tiers hang from one thread that leaves the router on its left and runs down the side. Drawn from the last to
    # the first, so that a solid stretch lies over a dashed one.
    for index, box in reversed(list(enumerate(tiers))):
        status = plan.tiers[index].status if plan.tiers else PLANNED
        side = margin + 14
        path = f"M{number(router.x)} {number(router.middle)}H{number(side + 10)}q-10 0 -10 10"
        path += f"V{number(box.middle - 10)}q0 10 10 10H{number(box.x)}"
        threads.append(element("path", d=path, class_=_thread_class(status)))
    strip, strip_height = _strip(plan, margin, top + rows * step + 12, inner)
    return picture(
        *threads,
        _internet(internet),
        _gate(plan, gate),
        _router(plan, router),
        *_tiers(plan, tiers, is_dense=False),
        strip,
        width=width,
        height=top + rows * step + 12 + strip_height + 6,
        title=f"Map of VPC {plan.name}".strip(),
        description=plan.description,
        class_=f"map map--tall{' map--planned' if plan.is_planned else ''}",
        is_interactive=plan.is_interactive,
    )


def _thread_class(status: str) -> str:
    kind = {PLANNED: " thread--planned", "building": " thread--moving", "removing": " thread--planned"}
    return f"thread{kind.get(status, '')}"


def _thread(x1: float, y1: float, x2: float, y2: float, status: str) -> SafeString:
    bend = (x2 - x1) / 2
    path = f"M{number(x1)} {number(y1)}C{number(x1 + bend)} {number(y1)} {number(x2 - bend)} {number(y2)} "
    return element("path", d=f"{path}{number(x2)} {number(y2)}", class_=_thread_class(status))


def _drop(x: float, y1: float, y2: float, status: str) -> SafeString:
    return element("path", d=f"M{number(x)} {number(y1)}V{number(y2)}", class_=_thread_class(status))


def _frame(box: Box, class_: str) -> SafeString:
    return element("rect", x=box.x, y=box.y, width=box.width, height=box.height, rx=9, class_=class_)


def _internet(box: Box) -> SafeString:
    frame = element("rect", x=box.x, y=box.y, width=box.width, height=box.height, rx=box.height / 2, class_="map-cloud")
    return element("g", frame, text(box.centre, box.middle + 4.5, "Internet", "map-name", anchor="middle"))


def _gate_height(plan: VpcMap) -> float:
    lines = len(plan.public_ips) + bool(plan.more_public_ips)
    return NODE_HEIGHT + lines * ADDRESS_STEP + 8 * bool(lines)


def _gate(plan: VpcMap, box: Box) -> SafeString:
    class_ = "map-sub" if plan.egress_ip is None else "map-sub map-mono"
    top = box.y + NODE_HEIGHT
    numbers = {tier.name: str(number) for number, tier in enumerate(plan.tiers, start=1)}
    public_ips = [
        _public_ip(node, [numbers[name] for name in node.tiers if name in numbers], box, top + place * ADDRESS_STEP)
        for place, node in enumerate(plan.public_ips)
    ]
    if plan.more_public_ips:
        more = f"and {plan.more_public_ips} more"
        public_ips.append(text(box.x + 14, top + len(public_ips) * ADDRESS_STEP + 16, more, "map-faint"))
    return element(
        "g",
        _frame(box, f"map-node{' map-node--planned' if plan.is_planned else ''}"),
        text(box.x + 14, box.y + 20, "SOFTGATE", "map-kind"),
        text(box.x + 14, box.y + 40, "Source NAT", "map-name"),
        text(box.x + 14, box.y + 59, plan.egress, class_),
        *public_ips,
    )


def _public_ip(node: PublicIpNode, numbers: Sequence[str], gate: Box, top: float) -> SafeString:
    look = look_of(node.status)
    box = Box(gate.x + 8, top, gate.width - 16, ADDRESS_HEIGHT)
    if not node.tiers:
        leads = "unused" if node.use == "unused" else "off"
    else:
        leads = f"tier {', '.join(numbers)}" if len(numbers) <= 2 else f"{len(numbers)} tiers"
    drawn = element(
        "g",
        element("title", f"{node.address}, {node.use}, {look.words.lower()}"),
        element("rect", x=box.x, y=box.y, width=box.width, height=box.height, rx=6, class_="map-node map-address"),
        _way(node, box.x + 13, box.middle)
        if node.status == "ready"
        else mark(look.shape, box.x + 13, box.middle, look.tone),
        text(box.x + 26, box.middle + 4.5, node.address, "map-sub map-mono"),
        text(box.x + box.width - 8, box.middle + 4.5, leads, "map-faint", anchor="end"),
    )
    name = f"map-address-{box.width:.0f}-{crc32(node.url.encode()):08x}"
    return element("a", drawn, href=node.url, class_="map-link", id=name)


def _way(node: PublicIpNode, x: float, y: float) -> SafeString:
    """An arrow in, one in and out again, one that forks, or a ring where nothing leads on."""
    if not node.tiers:
        return mark("ring", x, y, "linen", size=4.5)
    if node.is_balanced:
        stem = f"M{number(x - 6)} {number(y)}h4"
        return element("path", d=f"{stem}l6 -5h-3.5m3.5 0v3.5{stem}l6 5h-3.5m3.5 0v-3.5", class_="map-way")
    path = f"M{number(x - 6)} {number(y)}H{number(x + 6)}M{number(x + 2.5)} {number(y - 3.5)}l3.5 3.5l-3.5 3.5"
    if node.is_two_way:
        path += f"M{number(x - 2.5)} {number(y - 3.5)}l-3.5 3.5l3.5 3.5"
    return element("path", d=path, class_="map-way")


def _router(plan: VpcMap, box: Box) -> SafeString:
    room = box.width - 28
    name = plan.name or "New VPC"
    return element(
        "g",
        element("title", name) if fit(name, room, 14.5) != name else "",
        _frame(box, f"map-node map-node--vpc{' map-node--planned' if plan.is_planned else ''}"),
        text(box.x + 14, box.y + 20, "ROUTER", "map-kind"),
        text(box.x + 14, box.y + 40, fit(name, room, 14.5), "map-name"),
        text(box.x + 14, box.y + 59, plan.cidr or "no CIDR yet", "map-sub map-mono" if plan.cidr else "map-sub"),
        _status(plan.status, box.x + box.width - 14, box.y + 20),
    )


def _status(status: str, right: float, baseline: float) -> SafeString:
    """A word and a shape, flush right: the shape last, since nobody here knows how wide the word will be."""
    look = look_of(status)
    words = status_words(look, right - 14, baseline, "map-status", anchor="end")
    return join(words, mark(look.shape, right - 4.5, baseline - 4, look.tone, size=4.5))


def _tiers(plan: VpcMap, boxes: Sequence[Box], *, is_dense: bool) -> list[SafeString]:
    if not plan.tiers:
        box = boxes[0]
        words = text(box.x + 14, box.middle + 4, "No tier yet", "map-sub")
        return [element("g", _frame(box, "map-node map-node--planned"), words)]
    pairs = enumerate(zip(plan.tiers, boxes, strict=True), start=1)
    return [_tier(index, tier, box, is_dense=is_dense) for index, (tier, box) in pairs]


def _tier(index: int, tier: TierNode, box: Box, *, is_dense: bool) -> SafeString:
    look = look_of(tier.status)
    left, right = box.x + 40, box.x + box.width - 14
    upper, lower = (box.y + 19, box.y + 36) if is_dense else (box.y + 24, box.y + 44)
    room = right - left - width_of(look.words, 12) - 24
    dashed = " map-node--planned" if tier.status in (PLANNED, "removing") else ""
    cidr = str(tier.cidr)
    vni_at = left + width_of(cidr, 12, mono=True) + 10
    drawn = element(
        "g",
        element("title", tier.description),
        _frame(box, f"map-node map-node--tier{dashed}"),
        element("rect", x=box.x + 10, y=upper - 14, width=20, height=20, rx=5, class_="map-index"),
        text(box.x + 20, upper + 0.5, index, "map-index-text", anchor="middle"),
        text(left, upper, fit(tier.name, room, 14.5), "map-name"),
        _status(tier.status, right, upper),
        text(left, lower, cidr, "map-sub map-mono"),
        text(vni_at, lower, f"VNI {tier.vni}", "map-faint") if tier.vni is not None else "",
        _used(tier, right, lower, right - vni_at - (82 if tier.vni is not None else 0)),
        _inside(tier, left, right, lower + 20),
        class_="map-tier",
    )
    if tier.url is None:
        return drawn
    # Each variant has its own, by which whoever has the focus on it keeps it when the map is drawn anew.
    name = f"map-{box.width:.0f}-{crc32(tier.url.encode()):08x}"
    return element("a", drawn, href=tier.url, class_="map-link", id=name)


def _inside(tier: TierNode, left: float, right: float, baseline: float) -> SafeString:
    """Its instances, one dot each while they are few, and its access list."""
    parts = []
    taken = left
    if tier.machines is not None:
        count = tier.machines.count
        for place in range(count if count <= MOST_DOTS else 0):
            runs = place < tier.machines.running
            tone = "sage" if runs and not tier.machines.is_stale else "linen"
            parts.append(mark("disc" if runs else "ring", left + 4 + place * 12, baseline - 4, tone, size=4))
        taken += count * 12 + 4 if 0 < count <= MOST_DOTS else 0
        parts.append(text(taken, baseline, tier.machines.words, "map-faint"))
        taken += width_of(tier.machines.words, 11.5) + 12
    if tier.acl is not None:
        words = f"list {tier.acl}" if tier.acl else "no list"
        parts.append(text(right, baseline, fit(words, right - taken, 11.5), "map-faint", anchor="end"))
    return join(*parts)


def _used(tier: TierNode, right: float, baseline: float, room: float) -> SafeString:
    if tier.used_fraction is None:
        return SafeString("")
    words = f"{min(100, max(0, round(tier.used_fraction * 100)))} % used"
    if width_of(words, 11.5) > room:
        words = words.removesuffix(" used")
    return text(right, baseline, words, "map-faint", anchor="end")


def _strip(plan: VpcMap, x: float, y: float, width: float) -> tuple[SafeString, float]:
    """The VPC's block on one axis, each tier where its addresses lie and as wide as its share. Gives its height too."""
    head = text(x, y + 11, "ADDRESSES", "map-kind")
    if plan.cidr is None:
        return join(head, element("rect", x=x, y=y + 22, width=width, height=26, rx=6, class_="strip-free")), 54
    given = sum(tier.cidr.num_addresses for tier in plan.tiers)
    share = given / plan.cidr.num_addresses
    percent = "less than 1 %" if 0 < share < 0.01 else f"{share:.0%}".replace("%", " %")
    drawn = [
        head,
        text(x + width, y + 11, f"{percent} of {plan.cidr} in tiers", "map-faint", anchor="end"),
        element("rect", x=x, y=y + 22, width=width, height=26, rx=6, class_="strip-free"),
    ]
    drawn += [_segment(index, tier, plan, x, y + 22, width) for index, tier in enumerate(plan.tiers, start=1)]
    drawn += [
        text(x, y + 65, plan.cidr.network_address, "map-faint map-mono"),
        text(x + width, y + 65, plan.cidr.broadcast_address, "map-faint map-mono", anchor="end"),
    ]
    line = _free_line(plan.free, width)
    if not line:
        return join(*drawn), 72
    drawn.append(text(x, y + 86, "Free", "map-faint"))
    drawn.append(text(x + 32, y + 86, line, "map-faint map-mono"))
    return join(*drawn), 92


def _segment(index: int, tier: TierNode, plan: VpcMap, x: float, y: float, width: float) -> SafeString:
    block = plan.cidr
    if block is None:
        return SafeString("")
    scale = width / block.num_addresses
    start = (int(tier.cidr.network_address) - int(block.network_address)) * scale
    start = min(max(0.0, start), width - 3)
    length = max(3.0, min(tier.cidr.num_addresses * scale, width - start))
    dashed = " strip-tier--planned" if tier.status in (PLANNED, "removing") else ""
    parts = [
        element("title", f"{index} {tier.name}: {tier.cidr}"),
        element(
            "rect",
            x=x + start,
            y=y,
            width=max(2.0, length - 1),
            height=26,
            rx=min(5.0, length / 3),
            class_=f"strip-tier{dashed}",
        ),
    ]
    words = f"{index} {tier.name}"
    if width_of(words, 12) + 14 <= length:
        parts.append(text(x + start + 8, y + 17.5, words, "strip-text"))
    elif length >= 16:
        parts.append(text(x + start + (length - 1) / 2, y + 17.5, index, "strip-text", anchor="middle"))
    return element("g", *parts)


def _free_line(free: Sequence[Network], width: float) -> str:
    """As many free blocks as fit, the largest first; the others are counted."""
    blocks = sorted(free, key=lambda block: (block.prefixlen, int(block.network_address)))
    line = ""
    for count, block in enumerate(blocks):
        longer = f"{line}, {block}" if line else str(block)
        rest = len(blocks) - count - 1
        if line and width_of(f"{longer} and {rest} more", 11.5, mono=True) > width - 36:
            return f"{line} and {rest + 1} more"
        line = longer
    return line
