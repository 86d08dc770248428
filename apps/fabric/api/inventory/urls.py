"""What is read alone. Devices, links and single ports can be changed, too: by `apps.inventory`."""

from django.urls import path

from apps.fabric.api.inventory import views

urlpatterns = [
    path("fabric/ports/", views.PortList.as_view(), name="fabric-ports"),
    path("fabric/sessions/", views.SessionList.as_view(), name="fabric-sessions"),
    path("fabric/sessions/<id:pk>/", views.SessionOne.as_view(), name="fabric-session"),
]
