"""The fabric's pages. They are the platform's, and show what the mirror knows and what is held back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe
from django_htmx.http import push_url

from apps.fabric.drawings import Drawing, drawing_of, export_of, plan_of, state_of
from apps.fabric.exports import graph_file, picture_file
from apps.fabric.layers import Topology
from apps.fabric.overlays import LISTS
from apps.fabric.queries import KINDS, Basis, basis_of
from apps.fabric.sights import OVERLAYS, Sight
from apps.fabric.tables import table_of
from apps.kernel.errors import Refused
from apps.kernel.pages import echoes_nothing, only_parameters, part_or_page, wants_part
from apps.mirror.models import Kind
from apps.tenancy.actors import PlatformRequest
from apps.tenancy.decorators import platform_view
from apps.zones.models import Zone


@platform_view
@require_safe
def topology(request: PlatformRequest) -> HttpResponse:
    """The map and how old it is; with `device` open as far as that one is seen.

    An open page asks again, and says with `seen` which map it has, and what the page was drawn from. As long as nothing
    else has been read, there is nothing to say. Who opens a part of the map in place asks without it, and is at another
    address then."""
    asked = _asked(request, "device", "seen")
    if asked is None:
        return render(request, "fabric/topology.html", {})
    sight, basis = asked.sight, asked.basis
    if "device" in request.GET:
        wanted = request.GET["device"][:64]
        opened = tuple(fold.id for fold in plan_of(asked.zone, basis).folds if wanted in fold.members)
        return redirect(f"{reverse('fabric:topology')}?{replace(sight, opened=opened).query}#device-{wanted}")
    seen_map, _, seen_state = request.GET.get("seen", "").partition(".")
    plan = plan_of(asked.zone, basis)
    if wants_part(request) and seen_state == state_of(basis, plan, sight):
        return HttpResponse(status=204)
    # What is open is only named again where there is such a part.
    known = {fold.id for fold in plan.folds}
    sight = replace(sight, opened=tuple(one for one in sight.opened if one in known))
    drawing = drawing_of(asked.zone, basis, sight)
    url = reverse("fabric:topology")
    context = replace(asked, sight=sight).context(url) | {
        "picture": drawing.plan.picture,
        "drawing": drawing.svg,
        "drawn": drawing,
        "in_place": True,
        "readings": [basis.known[kind] for kind in LISTS.get(sight.overlay, ())],
        "opened": [(fold, f"{url}?{sight.closing(fold.id).query}") for fold in drawing.opened],
        "folded_url": f"{url}?{sight.folded.query}",
        # What has not changed is not sent again, and so whoever walks through the map with the keyboard keeps their
        # place.
        "has_new_map": seen_map != drawing.map,
        "poll_url": f"{url}?{sight.query}&{urlencode({'seen': f'{drawing.map}.{drawing.state}'})}",
    }
    response = render(request, part_or_page(request, "fabric/topology.html", "fabric"), context)
    if wants_part(request) and not seen_state:
        push_url(response, f"{url}?{sight.query}")
    # A VNI and a tenant's name come back as they were typed.
    return response if sight.overlay in ("vni", "tenant") else echoes_nothing(response)


@platform_view
@require_safe
def topology_table(request: PlatformRequest) -> HttpResponse:
    """What the map shows as it is folded, in words."""
    asked = _asked(request)
    if asked is None:
        return redirect("fabric:topology")
    drawing = drawing_of(asked.zone, asked.basis, asked.sight)
    context = asked.context(reverse("fabric:topology_table")) | {
        "picture": drawing.plan.picture,
        "drawn": drawing,
        "table": table_of(drawing.topology) if drawing.topology else None,
        "readings": [
            drawing.plan.over(asked.basis).known[kind] for kind in (*KINDS, *LISTS.get(asked.sight.overlay, ()))
        ],
        "path": request.get_full_path(),
    }
    return render(request, part_or_page(request, "fabric/topology_table.html", "table"), context)


@platform_view
@require_safe
def topology_svg(request: PlatformRequest) -> HttpResponse:
    """The map as it is seen, for a file."""
    asked, drawing = _exported(request)
    drawn = picture_file(export_of(drawing), _told(asked, drawing))
    return _file(drawn, "image/svg+xml", f"topology-{asked.zone.slug}.svg")


@platform_view
@require_safe
def topology_dot(request: PlatformRequest) -> HttpResponse:
    """The whole fabric with each of its cables, whatever is folded on the map."""
    asked, drawing = _exported(request)
    whole = drawing.plan.whole if drawing.topology else Topology([], [])
    return _file(
        "".join(graph_file(whole, _told(asked, drawing))), "text/vnd.graphviz", f"topology-{asked.zone.slug}.dot"
    )


@platform_view
@require_safe
def glossary(request: PlatformRequest) -> HttpResponse:
    """The same page as a tenant's, in the platform's frame."""
    return render(request, "glossary.html")


@dataclass(frozen=True)
class Asked:
    """What the address of a map asks for."""

    zones: Sequence[Zone]
    zone: Zone
    sight: Sight
    basis: Basis

    def context(self, url: str) -> dict[str, Any]:
        """What all pages of a map show of it. `url` is the page's."""
        sight = self.sight
        return {
            "zone": self.zone,
            "sight": sight,
            "tabs": [
                {"label": each.name, "url": f"{url}?{urlencode({'zone': each.slug})}", "current": each == self.zone}
                for each in self.zones
            ],
            "overlays": [
                {"label": label, "url": f"{url}?{sight.under(name).query}", "current": name == sight.overlay}
                for name, label in OVERLAYS.items()
            ],
            "urls": {
                name: f"{reverse(f'fabric:{name}')}?{sight.query}"
                for name in ("topology", "topology_table", "topology_svg", "topology_dot")
            },
            "path_of_form": url,
            "opened_ids": ",".join(sight.opened),
        }


def _asked(request: PlatformRequest, *also: str) -> Asked | None:
    """None while there is no zone. Raises `BadRequest` and `Http404`."""
    zones = list(Zone.objects.filter(is_enabled=True))
    if not zones:
        return None
    only_parameters(request.GET, "zone", "open", "overlay", "vni", "tenant", *also)
    zone = _chosen(zones, request.GET.get("zone"))
    try:
        sight = Sight.of(zone.slug, request.GET)
    except Refused as refusal:
        if refusal.field != "vni":
            raise BadRequest(refusal.message) from None
        sight = Sight(zone.slug, overlay="vni", fault=refusal.message)
    return Asked(zones, zone, sight, basis_of(zone))


def _exported(request: PlatformRequest) -> tuple[Asked, Drawing]:
    asked = _asked(request)
    if asked is None:
        raise Http404("There is no map yet.")
    return asked, drawing_of(asked.zone, asked.basis, asked.sight)


def _told(asked: Asked, drawing: Drawing) -> str:
    """What a file shows, and how old that is."""
    read_at = drawing.plan.basis.readings[Kind.NETRIS_DEVICE].read_at
    when = f"inventory read at {read_at:%Y-%m-%d %H:%M:%S} UTC" if read_at else "never read"
    return f"Fabric of {asked.zone}, {OVERLAYS[asked.sight.overlay]}; {when}"


def _file(content: str, kind: str, name: str) -> HttpResponse:
    return HttpResponse(
        content,
        content_type=f"{kind}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _chosen(zones: list[Zone], slug: str | None) -> Zone:
    if slug is None:
        return zones[0]
    for zone in zones:
        if zone.slug == slug:
            return zone
    raise Http404("No such zone.")
