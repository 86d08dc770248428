from django.urls import path

from apps.fabric.api.zones import views

urlpatterns = [path("zones/<id:pk>/reconnect/", views.ZoneReconnect.as_view(), name="zone-reconnect")]
