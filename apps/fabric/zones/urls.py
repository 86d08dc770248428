from django.urls import include, path

from apps.fabric.zones import views

app_name = "zones"

platform_urlpatterns = [
    path("zones/", views.zone_list, name="list"),
    path("zones/<id:pk>/reconnect/", views.zone_reconnect, name="reconnect"),
]
urlpatterns = [path("platform/", include(platform_urlpatterns))]
