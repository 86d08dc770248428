from django.urls import path

from apps.fabric.api.zones import views

urlpatterns = [
    path("zones/", views.ZoneList.as_view(), name="zones"),
    path("zones/trials/", views.TrialList.as_view(), name="zone-trials"),
    path("zones/trials/<id:pk>/", views.TrialOne.as_view(), name="zone-trial"),
    path("zones/<id:pk>/", views.ZoneOne.as_view(), name="zone"),
    path("zones/<id:pk>/disable/", views.ZoneDisable.as_view(), name="zone-disable"),
    path("zones/<id:pk>/enable/", views.ZoneEnable.as_view(), name="zone-enable"),
    path("zones/<id:pk>/reconnect/", views.ZoneReconnect.as_view(), name="zone-reconnect"),
]
