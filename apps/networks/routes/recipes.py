"""A static route: one order in CloudStack, whose plugin makes it on Netris. Weft never makes one there: with each order
about routes the plugin deletes all that CloudStack does not know.

CloudStack                 Netris       then
-                          -            create
-                          the route    create, which adopts it: Netris' answer to the plugin was lost (REAL)
-                          another hop  deleted there, if it bears the plugin's name: CloudStack has forgotten it
Active, ours               the route    done
Active, ours               not so       delete and create, once: whoever had it made again asked for that
Add, Deleting              -            delete: an order that was refused half way, or broken off; it heals by repeating
                                        (REAL)
another next hop           -            refused: it was made in CloudStack

A route has no name. It is known by where it leads to: no two of a VPC overlap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from apps.cloudstack.wire import StaticRoute as Remote
from apps.kernel.remote import Rejected
from apps.mirror.models import Kind
from apps.mirror.services import request_refresh
from apps.netris.names import PREFIX
from apps.netris.wire import StaticRoute as OnNetris
from apps.networks.leftovers import clear, route_left
from apps.networks.models import StaticRoute
from apps.networks.recipes import AGREEMENT, hold_in_vpc, need_netris, settle_in_vpc
from apps.operations.orders import Fate, fate_of
from apps.operations.parts import BoundPart, Done, Left, Memo, Part, Progress, ReadBack, Recipe, Wait
from apps.zones.clouds import Clouds
from apps.zones.models import System

ACTIVE = "Active"
CREATE, DELETE = "createStaticRoute", "deleteStaticRoute"
CHECKING = "Checking whether CloudStack received the order."
TOLD = {CREATE: "CloudStack is making the route.", DELETE: "CloudStack is deleting the route."}
#: How long an order may go on once it has begun: a few calls of the plugin, each given up after ten seconds
#: (unverified).
ORDER_LASTS = timedelta(minutes=2)


class CloudStackRoute(Part[StaticRoute]):
    title = "Make the route in CloudStack"
    undo_title = "Delete the route in CloudStack, and on Netris with it"
    systems = (System.CLOUDSTACK, System.NETRIS)

    def ensure(self, subject: StaticRoute, clouds: Clouds, memo: Memo) -> Progress:
        if memo.is_cleared_to_send:
            return self._send(subject, clouds, memo)
        if pending := _at_work(clouds, memo):
            return pending
        fate = _fate(clouds, memo)
        found = self._found(subject, clouds)
        there = on_netris(subject, clouds)
        is_there = there is not None and leads_as_meant(subject, there)
        if found is None and there is not None and not is_there:
            return _cleared(there, clouds, memo)
        if found is None:
            adopts = is_there and "adopts" not in memo
            if fate.is_known and fate.refusal and memo.get("command") == CREATE and not adopts:
                raise fate.refusal
            return self._order(clouds, memo, CREATE, **({"adopts": True} if adopts else {}))
        is_just_made = memo.get("renewed", found.id) != found.id or fate.has_made("staticroute", found.id)
        if found.state == ACTIVE and (is_there or is_just_made):
            return Done()
        if fate.is_known and fate.refusal and memo.get("target") == found.id:
            raise fate.refusal
        if memo.has_lost_an_answer and memo["command"] == CREATE and memo.now < memo.given_up_at + ORDER_LASTS:
            return Wait("CloudStack may still be making the route.", **memo.values)
        return self._order(clouds, memo, DELETE, target=found.id, renewed=found.id)

    def _found(self, subject: StaticRoute, clouds: Clouds) -> Remote | None:
        """Ours in CloudStack. Raises `Rejected` for what somebody made there that is in the way."""
        near = [route for route in _routes(subject, clouds) if route.cidr and route.cidr.overlaps(subject.destination)]
        for route in near:
            if not is_ours(subject, route):
                text = f"CloudStack has the static route {route} already, which was made there. Delete that one there, "
                raise Rejected(f"{text}or take another range.", system=System.CLOUDSTACK, call=CREATE)
        return next(iter(near), None)

    def remove(self, subject: StaticRoute, clouds: Clouds, memo: Memo) -> Progress:
        if memo.is_cleared_to_send:
            return self._send(subject, clouds, memo)
        if pending := _at_work(clouds, memo):
            return pending
        fate = _fate(clouds, memo)
        found = next((route for route in _routes(subject, clouds) if is_ours(subject, route)), None)
        if found is None:
            there = on_netris(subject, clouds)
            if memo.may_still_arrive(ORDER_LASTS if there else timedelta()):
                return Wait("Making sure that no order is still on its way.", **memo.values)
            return _cleared(there, clouds, memo) if there else Done()
        if memo.may_still_arrive(ORDER_LASTS) and found.state != ACTIVE:
            return Wait("CloudStack may still be making the route.", **memo.values)
        if fate.last_word and memo.get("target") == found.id:
            raise fate.last_word
        return self._order(clouds, memo, DELETE, target=found.id)

    def _order(self, clouds: Clouds, memo: Memo, command: str, **notes: Any) -> Progress:
        if "intent" in memo and memo.get("command") != command:
            # That order is carried out, whatever became of its answer.
            kept = {name: memo[name] for name in ("order", "renewed", "adopts") if name in memo}
            memo = Memo(kept, memo.now, memo.fence, memo.there)
        need_netris(clouds)
        kept = {name: memo[name] for name in ("renewed", "adopts") if name in memo}
        return memo.before_sending(CHECKING, **(kept | notes), command=command)

    def _send(self, subject: StaticRoute, clouds: Clouds, memo: Memo) -> Progress:
        if memo["command"] == DELETE:
            job = clouds.cloudstack.delete_static_route(memo["target"])
        else:
            job = clouds.cloudstack.create_static_route(
                vpc_id=str(subject.vpc.cloudstack_id), destination=subject.destination, next_hop=subject.next_hop
            ).job
        return Wait(TOLD[memo["command"]], **memo.values, job=job)

    def leaves(self, subject: StaticRoute) -> Sequence[Left]:
        what = f"the static route {subject} in the VPC …-{subject.vpc.remote_name}"
        return Left(System.CLOUDSTACK, what), Left(System.NETRIS, what)

    def has_got_through(self, subject: StaticRoute, clouds: Clouds, *, is_removal: bool) -> bool:
        return (on_netris(subject, clouds) is None) == is_removal


class MakeAgain(CloudStackRoute):
    """Of what was built before: when that is refused, it stays as it is, and is shown so."""

    title = "Make the route in CloudStack again"
    undo_title = ""

    def remove(self, subject: StaticRoute, clouds: Clouds, memo: Memo) -> Progress:
        return Done()


class FabricRoute(ReadBack[StaticRoute]):
    title = "Find the route on Netris"
    systems = (System.NETRIS,)
    deadline = AGREEMENT

    def ensure(self, subject: StaticRoute, clouds: Clouds, memo: Memo) -> Progress:
        if (there := on_netris(subject, clouds)) and leads_as_meant(subject, there):
            return Done()
        request_refresh(clouds.zone, Kind.NETRIS_ROUTE)
        if there:
            state = "" if there.is_enabled else ", which is disabled"
            return Wait(f"On Netris there is the route {there}{state}, not {subject}.")
        return Wait(f"Netris does not have the route {subject} yet.")


def _routes(subject: StaticRoute, clouds: Clouds) -> list[Remote]:
    return clouds.cloudstack.static_routes_of(str(subject.vpc.cloudstack_id))


def on_netris(subject: StaticRoute, clouds: Clouds) -> OnNetris | None:
    """What Netris has to this very range, wherever it leads."""
    assert subject.vpc.netris_id is not None, "it is known when the VPC is built"
    found = clouds.netris.static_routes(subject.vpc.netris_id)
    return next((route for route in found if route.destination == subject.destination), None)


def leads_as_meant(subject: StaticRoute, route: OnNetris) -> bool:
    return route.destination == subject.destination and route.next_hop == subject.next_hop and route.is_enabled


def is_ours(subject: StaticRoute, route: Remote) -> bool:
    return route.cidr == subject.destination and route.nexthop == subject.next_hop


def _fate(clouds: Clouds, memo: Memo) -> Fate:
    return fate_of(clouds.cloudstack, memo, memo.get("command", CREATE))


def _at_work(clouds: Clouds, memo: Memo) -> Wait | None:
    """An order, of this direction or of the other one, is still under way."""
    there = memo.way_there
    if "command" in there and _fate(clouds, there).is_pending:
        return Wait("CloudStack is still at work on the last order.", **memo.values)
    fate = _fate(clouds, memo)
    return Wait(TOLD[memo["command"]], **fate.memo) if fate.is_pending else None


def _cleared(there: OnNetris, clouds: Clouds, memo: Memo) -> Progress:
    """CloudStack has just shown that it has no such route. Raises `Rejected` for one that its plugin did not make."""
    if PREFIX.match(there.description) is None:
        text = f"Netris still has the static route {there}, which CloudStack did not make. It has to be removed there "
        raise Rejected(f"{text}first.", system=System.NETRIS, call="DELETE /api/routes")
    clear([route_left(clouds, there)])
    return Wait("Netris is removing what CloudStack left of the route.", **memo.values)


def parts(row: StaticRoute) -> Sequence[BoundPart]:
    return [BoundPart(CloudStackRoute(), row), BoundPart(FabricRoute(), row)]


def again(row: StaticRoute, _wanted: Mapping[str, Any]) -> Sequence[BoundPart]:
    return [BoundPart(MakeAgain(), row), BoundPart(FabricRoute(), row)]


STATIC_ROUTE = Recipe(
    "static-route",
    StaticRoute,
    parts,
    settle_in_vpc,
    hold_in_vpc,
    related=("tenant", "vpc__tenant", "vpc__zone"),
    changes=again,
    titles={"present": "Create static route", "absent": "Delete static route", "changed": "Apply static route again"},
)
