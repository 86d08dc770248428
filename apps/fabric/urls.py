"""The addresses below /fabric/ and, for what is done to zones, below /platform/."""

from django.urls import path

from apps.fabric import views

app_name = "fabric"

urlpatterns = [
    path("fabric/topology/", views.topology, name="topology"),
    path("platform/glossary/", views.glossary, name="glossary"),
    path("platform/zones/", views.zone_list, name="zone_list"),
    path("platform/zones/<id:pk>/reconnect/", views.zone_reconnect, name="zone_reconnect"),
]
