"""The addresses of the inventory below /fabric/. A thing is called by its zone and by what Netris calls it."""

from django.urls import path

from apps.fabric.inventory import views
from apps.fabric.inventory.listings import DEVICES, LINKS, PORTS, SESSIONS, SITES, SUBNETS

urlpatterns = [
    path("devices/", views.list_of(DEVICES), name="device_list"),
    path("devices/sheet/", views.sheet_of(DEVICES), name="device_sheet"),
    path("devices/<slug:zone>/<str:remote_id>/", views.device_detail, name="device_detail"),
    path("ports/", views.list_of(PORTS), name="port_list"),
    path("ports/sheet/", views.sheet_of(PORTS), name="port_sheet"),
    path("links/", views.list_of(LINKS), name="link_list"),
    path("links/sheet/", views.sheet_of(LINKS), name="link_sheet"),
    path("links/<slug:zone>/<str:remote_id>/", views.link_detail, name="link_detail"),
    path("sessions/", views.list_of(SESSIONS), name="session_list"),
    path("sessions/sheet/", views.sheet_of(SESSIONS), name="session_sheet"),
    path("sites/", views.list_of(SITES), name="site_list"),
    path("sites/sheet/", views.sheet_of(SITES), name="site_sheet"),
    path("subnets/", views.list_of(SUBNETS), name="subnet_list"),
    path("subnets/sheet/", views.sheet_of(SUBNETS), name="subnet_sheet"),
]
