from django.urls import path

from apps.overview.api import views

urlpatterns = [path("fabric/overview/", views.FabricOverview.as_view(), name="fabric-overview")]
