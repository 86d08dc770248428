"""The map for programs, for the platform alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.fabric.api.topology.serializers import TopologyRead
from apps.fabric.drawings import folded_of, laid_of, plan_of
from apps.fabric.layers import Device, Link, Topology
from apps.fabric.overlays import LISTS
from apps.fabric.queries import KINDS, Basis, basis_of
from apps.fabric.sights import OVERLAYS, Sight
from apps.fabric.tables import layers_of
from apps.kernel.errors import Refused
from apps.tenancy.api.views import ApiView
from apps.tenancy.models import Tenant
from apps.zones.models import Zone

PARAMETERS = [
    OpenApiParameter("zone", str, description="The zone's id, name or short name. Left out: the first of all zones."),
    OpenApiParameter("overlay", str, enum=list(OVERLAYS), description="What is said of each node besides its status."),
    OpenApiParameter("vni", int, description="For the overlay vni: which hypervisors carry it."),
    OpenApiParameter("tenant", str, description="For the overlay tenant: the short name of the one whose it is."),
    OpenApiParameter(
        "folded", str, enum=["true", "false"], description="As the map is drawn: pods and racks as one node each."
    ),
    OpenApiParameter("open", str, description="With folded=true: ids of the folds that are open, with commas."),
]


class TopologyOne(ApiView):
    written_by = "nobody"

    @property
    def known_parameters(self) -> Sequence[str]:
        return [parameter.name for parameter in PARAMETERS] if self.request.method == "GET" else ()

    @extend_schema(
        summary="Read the topology of the fabric",
        operation_id="fabric_topology_retrieve",
        parameters=PARAMETERS,
        responses=TopologyRead,
    )
    def get(self, request: Request) -> Response:
        """Devices, cables and sessions with the internet, and which layer each device stands in."""
        if self.caller.platform is None:
            raise Http404
        said = request.query_params
        zone = _zone(said.get("zone"))
        sight = Sight.of(zone.slug, said)
        _check_tenant(said.get("tenant"))
        is_folded = _truth("folded", said.get("folded", "false"))
        basis = basis_of(zone)
        plan = plan_of(zone, basis)
        shown = folded_of(zone, plan, sight) if is_folded else laid_of(zone, plan, sight)
        topology = shown.topology if shown else Topology([], [])
        if is_folded:
            unknown = set(sight.opened) - {fold.id for fold in plan.folds}
            if unknown:
                raise Refused("open-unknown", f"There is no part “{min(unknown)}” that could be open.", "open")
        elif sight.opened:
            raise Refused("open-unknown", "Nothing is folded, so nothing can be open. Add folded=true.", "open")
        data = {
            "zone": zone.slug,
            "overlay": sight.overlay,
            "words": shown.words if shown else "",
            **_age(plan.over(basis), sight),
            "nodes": [_node(device) for device in topology.devices],
            "links": [_link(link) for link in topology.links],
            "sessions": topology.sessions,
            "layers": [
                {"name": layer.name, "nodes": [device.id for device in layer.devices]} for layer in layers_of(topology)
            ],
        }
        return Response(TopologyRead(data).data)


def _zone(reference: str | None) -> Zone:
    zones = Zone.objects.filter(is_enabled=True) if reference is None else Zone.objects.called(reference)
    zone = zones.filter(is_enabled=True).order_by("name").first()
    if zone is None and reference is not None:
        raise Refused("zone-unknown", "There is no zone with this id, name or short name.", "zone")
    if zone is None:
        raise Http404("There is no zone yet.")
    return zone


def _check_tenant(slug: str | None) -> None:
    if slug is not None and not Tenant.objects.filter(slug=slug).exists():
        raise Refused("tenant-unknown", "There is no tenant with this short name.", "tenant")


def _truth(name: str, said: str) -> bool:
    if said not in ("true", "false"):
        raise Refused(f"{name}-unknown", f"“{name}” is true or false.", name)
    return said == "true"


def _age(basis: Basis, sight: Sight) -> dict[str, Any]:
    readings = [basis.known[kind] for kind in (*KINDS, *LISTS.get(sight.overlay, ()))]
    moments = [each.read_at for each in readings if each.read_at is not None]
    return {
        "read_at": min(moments) if len(moments) == len(readings) else None,
        "is_stale": any(each.is_stale for each in readings),
    }


def _node(device: Device) -> dict[str, Any]:
    weight = device.weight
    return {
        "id": device.id,
        "name": device.name,
        "role": "spine" if device.role == "super-spine" else device.role,
        "status": device.status,
        "is_due": device.is_due,
        "lines": device.lines,
        "devices": device.holds or 1,
        "lit": device.is_lit,
        "figure": weight.count if weight else None,
        "figure_of": weight.of if weight else None,
    }


def _link(link: Link) -> dict[str, Any]:
    return {
        "id": link.id or None,
        "a": link.a,
        "a_port": link.a_port or None,
        "b": link.b,
        "b_port": link.b_port or None,
        "plane": link.plane,
        "status": link.status,
        "is_due": link.is_due,
        "cables": dict(link.of) or {link.status: 1},
        "utilisation": link.load,
    }
