"""The addresses below /fabric/."""

from django.urls import include, path

from apps.fabric import views

app_name = "fabric"

urlpatterns = [
    path("fabric/topology/", views.topology, name="topology"),
    path("fabric/topology/table/", views.topology_table, name="topology_table"),
    path("fabric/topology/map.svg", views.topology_svg, name="topology_svg"),
    path("fabric/topology/map.dot", views.topology_dot, name="topology_dot"),
    path("fabric/", include("apps.fabric.inventory.urls")),
    path("platform/glossary/", views.glossary, name="glossary"),
]
