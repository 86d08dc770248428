"""Below /fabric/sites/, where the list of the inventory is. A site is called by its zone and by Netris' id of it."""

from django.urls import path

from apps.sites import views

app_name = "sites"

urlpatterns = [
    path("fabric/sites/new/", views.site_create, name="create"),
    path("fabric/sites/<slug:zone>/<str:remote_id>/", views.site_detail, name="detail"),
    path("fabric/sites/<slug:zone>/<str:remote_id>/change/", views.site_change, name="change"),
    path("fabric/sites/<slug:zone>/<str:remote_id>/delete/", views.site_delete, name="delete"),
]
