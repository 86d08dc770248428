"""The tree of the REST API, below `/api/v1/`."""

from __future__ import annotations

from django.urls import include, path, re_path

from apps.kernel.api import views
from apps.tenancy.api.views import NoSuchAddress

app_name = "api"

urlpatterns = [
    path("schema/", views.Schema.as_view(), name="schema"),
    path("docs/", views.docs, name="docs"),
    path("", include("apps.tenancy.api.urls")),
    path("", include("apps.quotas.api.urls")),
    path("", include("apps.accounts.api.urls")),
    path("", include("apps.overview.api.urls")),
    path("", include("apps.fabric.api.inventory.urls")),
    path("", include("apps.fabric.api.zones.urls")),
    path("", include("apps.fabric.api.topology.urls")),
    path("", include("apps.softgates.api.urls")),
    path("", include("apps.inventory.api.urls")),
    path("", include("apps.ipam.api.urls")),
    path("", include("apps.sites.api.urls")),
    path("", include("apps.search.api.urls")),
    path("", include("apps.history.api.urls")),
    path("", include("apps.imports.api.urls")),
    path("", include("apps.vnis.api.urls")),
    path("", include("apps.strays.api.urls")),
    path("", include("apps.health.api.urls")),
    path("", include("apps.instances.api.urls")),
    path("", include("apps.addresses.api.urls")),
    path("", include("apps.reachability.api.urls")),
    path("", include("apps.acls.api.urls")),
    path("", include("apps.networks.api.urls")),
    path("", include("apps.networks.api.routes.urls")),
    path("", include("apps.addresses.api.nat.urls")),
    path("", include("apps.balancers.api.urls")),
    path("", include("apps.directconnect.api.urls")),
    path("", include("apps.peering.api.urls")),
    path("", include("apps.operations.api.urls")),
    re_path("", NoSuchAddress.as_view()),
]
