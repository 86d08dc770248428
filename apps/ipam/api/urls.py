"""The lists of the inventory, which here can be written, too."""

from django.urls import path

from apps.ipam.api import views

urlpatterns = [
    path("fabric/subnets/", views.Subnets.as_view(), name="fabric-subnets"),
    path("fabric/subnets/<id:pk>/", views.SubnetOne.as_view(), name="fabric-subnet"),
]
