"""The list of the inventory, which here can be written, too."""

from django.urls import path

from apps.sites.api import views

urlpatterns = [
    path("fabric/sites/", views.Sites.as_view(), name="fabric-sites"),
    path("fabric/sites/<id:pk>/", views.SiteOne.as_view(), name="fabric-site"),
]
