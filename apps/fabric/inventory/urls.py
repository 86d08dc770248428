"""The addresses of the inventory below /fabric/. A thing is called by its zone and by what Netris calls it."""

from django.urls import path

from apps.fabric.inventory import views

urlpatterns = [
    path("devices/", views.device_list, name="device_list"),
    path("devices/<slug:zone>/<str:remote_id>/", views.device_detail, name="device_detail"),
    path("ports/", views.port_list, name="port_list"),
    path("links/", views.link_list, name="link_list"),
    path("links/<slug:zone>/<str:remote_id>/", views.link_detail, name="link_detail"),
    path("sessions/", views.session_list, name="session_list"),
    path("subnets/", views.subnet_list, name="subnet_list"),
]
