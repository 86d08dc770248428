"""Where the inventory is changed, beside the pages that show it."""

from django.urls import path

from apps.inventory import views

app_name = "inventory"

urlpatterns = [
    path("fabric/devices/new/", views.device_create, name="device_create"),
    path("fabric/devices/<slug:zone>/<str:remote_id>/change/", views.device_change, name="device_change"),
    path("fabric/devices/<slug:zone>/<str:remote_id>/delete/", views.device_delete, name="device_delete"),
    path("fabric/links/new/", views.link_create, name="link_create"),
    path("fabric/links/<slug:zone>/<str:remote_id>/change/", views.link_change, name="link_change"),
    path("fabric/links/<slug:zone>/<str:remote_id>/delete/", views.link_delete, name="link_delete"),
    path("fabric/ports/choices/", views.port_choices, name="port_choices"),
    path("fabric/ports/<slug:zone>/<str:remote_id>/change/", views.port_change, name="port_change"),
]
