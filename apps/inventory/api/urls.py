"""Devices, links and single ports: what the fabric's own routes only read is changed here, too."""

from django.urls import path

from apps.inventory.api import views

urlpatterns = [
    path("fabric/devices/", views.DeviceList.as_view(), name="fabric-devices"),
    path("fabric/devices/suggestion/", views.DeviceSuggestion.as_view(), name="fabric-suggestion"),
    path("fabric/devices/<id:pk>/", views.DeviceOne.as_view(), name="fabric-device"),
    path("fabric/links/", views.LinkList.as_view(), name="fabric-links"),
    path("fabric/links/<id:pk>/", views.LinkOne.as_view(), name="fabric-link"),
    path("fabric/ports/<id:pk>/", views.PortOne.as_view(), name="fabric-port"),
]
