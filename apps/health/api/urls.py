from django.urls import path

from apps.health.api import views

urlpatterns = [path("health/", views.HealthOne.as_view(), name="health")]
