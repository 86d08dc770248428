from django.urls import path

from apps.overview.api import views, vitals

urlpatterns = [
    path("fabric/overview/", views.FabricOverview.as_view(), name="fabric-overview"),
    path("network-health/", vitals.NetworkHealth.as_view(), name="network-health"),
]
