"""Below /fabric/subnets/, where the list of the inventory is. A thing is called by its zone and by what stands for
Netris' id of it."""

from django.urls import path

from apps.ipam import views

app_name = "ipam"

urlpatterns = [
    path("fabric/subnets/new/", views.block_create, name="create"),
    path("fabric/subnets/<slug:zone>/<str:remote_id>/", views.block_detail, name="detail"),
    path("fabric/subnets/<slug:zone>/<str:remote_id>/change/", views.block_change, name="change"),
    path("fabric/subnets/<slug:zone>/<str:remote_id>/delete/", views.block_delete, name="delete"),
]
