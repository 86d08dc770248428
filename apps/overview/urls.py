from django.urls import path

from apps.overview import views

app_name = "overview"

urlpatterns = [path("fabric/", views.fabric, name="fabric")]
