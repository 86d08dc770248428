"""How a site is made, changed and deleted on Netris.

One that is to be made is looked for by its name, as CloudStack does; one that is there by its id. What somebody else
has made under the same name is not taken for Weft's own: a creation is refused, and its undoing leaves it alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.fabric.models import SurveyedSite
from apps.fabric.recipes import Changed, read_again
from apps.kernel.remote import Rejected
from apps.mirror.models import Kind
from apps.netris import wire
from apps.operations.models import Operation
from apps.operations.parts import BoundPart, Done, Left, Memo, Part, Progress, Recipe, Wait
from apps.sites.models import FACTS, Site
from apps.sites.queries import line_of, subnets_of, what_is_in_it
from apps.zones.clouds import Clouds
from apps.zones.models import System

#: What Netris calls what a row has.
NAMES = {
    "name": "name",
    "public_asn": "publicAsn",
    "acl_policy": "aclPolicy",
    "switch_fabric": "switchFabric",
    "vlan_range": "vlanRange",
}
#: What its history calls it (`fabric.changes`).
CALLED = {
    "name": "Name",
    "public_asn": "Public ASN",
    "acl_policy": "Access policy",
    "switch_fabric": "Switch fabric",
    "vlan_range": "VLANs",
}
AT_WORK = "Netris is at work on it."


def find(site: Site, clouds: Clouds) -> wire.Site | None:
    return clouds.netris.get_site(site.netris_id) if site.netris_id else clouds.netris.find_site(site.name)


def body_of(values: Mapping[str, Any]) -> dict[str, Any]:
    return {NAMES[name]: value for name, value in values.items()}


def values_of(site: Site) -> dict[str, Any]:
    return {name: getattr(site, name) for name in FACTS}


class InNetris(Part[Site]):
    title = "Create it in Netris"
    undo_title = "Delete it in Netris"
    systems = (System.NETRIS,)

    def ensure(self, subject: Site, clouds: Clouds, memo: Memo) -> Progress:
        if memo.is_cleared_to_send:
            return Done(netris_id=clouds.netris.create_site(body_of(values_of(subject))))
        found = find(subject, clouds)
        if found is None:
            return memo.before_sending(AT_WORK)
        if found.id == subject.netris_id or ("intent" in memo and found.public_asn == subject.public_asn):
            return Done(netris_id=found.id)
        text = f"Netris has a site called {subject.name} already."
        raise Rejected(text, system=System.NETRIS, call="POST /sites")

    def remove(self, subject: Site, clouds: Clouds, memo: Memo) -> Progress:
        if memo.is_cleared_to_send:
            clouds.netris.delete_site(int(memo["id"]))
            return Wait(AT_WORK, **memo.answered())
        found = find(subject, clouds)
        if found is None:
            return Wait(AT_WORK, **memo.values) if memo.may_still_arrive() else Done(netris_id=None)
        is_made_here = "intent" in memo.there and found.public_asn == subject.public_asn
        if found.id != subject.netris_id and not is_made_here:
            return Done(netris_id=None)  # somebody else's
        if reason := _why_not(subject):
            raise Rejected(reason, system=System.NETRIS, call="DELETE /sites/{id}")
        return memo.before_sending(AT_WORK, id=found.id)

    def leaves(self, subject: Site) -> Sequence[Left]:
        return [Left(System.NETRIS, f"the site {subject.name}")]


def _why_not(site: Site) -> str | None:
    """What has come into it since somebody asked for it to be deleted, as the inventory has it: Netris has no call that
    tells it of one site."""
    rows = SurveyedSite.objects.select_related("zone__survey")
    row = rows.filter(zone=site.zone, remote_id=str(site.netris_id)).first()
    return what_is_in_it(line_of(row), subnets_of(row).count()) if row else None


class SiteChanged(Changed[Site]):
    def differs(self, subject: Site, clouds: Clouds, target: Mapping[str, Any]) -> bool:
        assert subject.netris_id is not None, "it was read"
        found = clouds.netris.get_site(subject.netris_id)
        if found is None:
            text = f"Netris has no site {subject.name} any more."
            raise Rejected(text, system=System.NETRIS, call="PUT /sites/{id}")
        return any(getattr(found, name) != value for name, value in target.items())

    def write(self, subject: Site, clouds: Clouds, target: Mapping[str, Any]) -> None:
        assert subject.netris_id is not None, "it was read"
        clouds.netris.update_site(subject.netris_id, body_of(target))

    def leaves(self, subject: Site) -> Sequence[Left]:
        return [Left(System.NETRIS, f"the site {subject.name}, as it was to be")]


def parts_of(site: Site) -> Sequence[BoundPart]:
    return [BoundPart(InNetris(), site)]


def changes_of(site: Site, wanted: Mapping[str, Any]) -> Sequence[BoundPart]:
    return [BoundPart(SiteChanged(wanted, values_of(site)), site)]


def facts_written(operation: Operation) -> dict[str, str]:
    """What a change writes of it, as its history says it."""
    return {CALLED[name]: str(value or "") for name, value in operation.wanted.items()}


TITLES = {"present": "Create site", "absent": "Delete site", "changed": "Change site"}
SITE: Recipe[Site] = Recipe(
    "site", Site, parts_of, read_again(Kind.NETRIS_SITE), related=("zone",), changes=changes_of, titles=TITLES
)
