"""The addresses below /fabric/."""

from django.urls import include, path

from apps.fabric import views

app_name = "fabric"

urlpatterns = [
    path("fabric/topology/", views.topology, name="topology"),
    path("fabric/", include("apps.fabric.inventory.urls")),
    path("platform/glossary/", views.glossary, name="glossary"),
]
