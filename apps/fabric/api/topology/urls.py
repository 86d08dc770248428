from django.urls import path

from apps.fabric.api.topology import views

urlpatterns = [path("fabric/topology/", views.TopologyOne.as_view(), name="fabric-topology")]
