"""Every address of the portal. What belongs to a tenant stands under `/t/<slug>/`, what is the platform's elsewhere."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from apps.health.looks import healthz, readyz

handler400 = "apps.kernel.views.bad_request"
handler403 = "apps.kernel.views.forbidden"
handler404 = "apps.kernel.views.not_found"
handler500 = "apps.kernel.views.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("api/v1/", include("portal.api_urls")),
    path("", include("apps.imports.urls")),
    path("", include("apps.overview.urls")),
    path("", include("apps.fabric.urls")),
    path("", include("apps.history.urls")),
    path("", include("apps.fabric.zones.urls")),
    path("", include("apps.vnis.urls")),
    path("", include("apps.softgates.urls")),
    path("", include("apps.inventory.urls")),
    path("", include("apps.ipam.urls")),
    path("", include("apps.sites.urls")),
    path("", include("apps.search.urls")),
    path("", include("apps.strays.urls")),
    path("", include("apps.health.urls")),
    path("", include("apps.reachability.urls")),
    path("", include("apps.acls.urls")),
    path("", include("apps.instances.urls")),
    path("", include("apps.addresses.urls")),
    path("", include("apps.addresses.nat.urls")),
    path("", include("apps.balancers.urls")),
    path("", include("apps.peering.urls")),
    path("", include("apps.directconnect.urls")),
    path("", include("apps.networks.urls")),
    path("", include("apps.networks.routes.urls")),
    path("", include("apps.operations.urls")),
    path("", include("apps.accounts.urls")),
    path("", include("apps.quotas.urls")),
    path("", include("apps.tenancy.urls")),
]
