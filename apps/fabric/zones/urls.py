from django.urls import include, path

from apps.fabric.zones import views

app_name = "zones"

platform_urlpatterns = [
    path("zones/", views.zone_list, name="list"),
    path("zones/new/", views.zone_create, name="create"),
    path("zones/trials/<id:pk>/", views.trial_detail, name="trial"),
    path("zones/<id:pk>/connection/", views.zone_connection, name="connection"),
    path("zones/<id:pk>/settings/", views.zone_settings, name="settings"),
    path("zones/<id:pk>/disable/", views.zone_disable, name="disable"),
    path("zones/<id:pk>/enable/", views.zone_enable, name="enable"),
    path("zones/<id:pk>/reconnect/", views.zone_reconnect, name="reconnect"),
]
urlpatterns = [path("platform/", include(platform_urlpatterns))]
