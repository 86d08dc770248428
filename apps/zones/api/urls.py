from django.urls import path

from apps.zones.api import views

urlpatterns = [
    path("zones/", views.ZoneList.as_view(), name="zones"),
    path("zones/<id:pk>/", views.ZoneOne.as_view(), name="zone"),
]
