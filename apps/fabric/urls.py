"""The addresses below /fabric/."""

from django.urls import path

from apps.fabric import views

app_name = "fabric"

urlpatterns = [
    path("fabric/topology/", views.topology, name="topology"),
    path("platform/glossary/", views.glossary, name="glossary"),
]
