from django.urls import path

from apps.fabric.api.inventory import views

urlpatterns = [
    path("fabric/devices/", views.DeviceList.as_view(), name="fabric-devices"),
    path("fabric/devices/<id:pk>/", views.DeviceOne.as_view(), name="fabric-device"),
    path("fabric/ports/", views.PortList.as_view(), name="fabric-ports"),
    path("fabric/ports/<id:pk>/", views.PortOne.as_view(), name="fabric-port"),
    path("fabric/links/", views.LinkList.as_view(), name="fabric-links"),
    path("fabric/links/<id:pk>/", views.LinkOne.as_view(), name="fabric-link"),
    path("fabric/sessions/", views.SessionList.as_view(), name="fabric-sessions"),
    path("fabric/sessions/<id:pk>/", views.SessionOne.as_view(), name="fabric-session"),
    path("fabric/subnets/", views.SubnetList.as_view(), name="fabric-subnets"),
    path("fabric/subnets/<id:pk>/", views.SubnetOne.as_view(), name="fabric-subnet"),
]
