from django.urls import include, path

from apps.networks import views

app_name = "networks"

tenant_urlpatterns = [
    path("", views.overview, name="overview"),
    path("glossary/", views.glossary, name="glossary"),
    path("vpcs/", views.vpc_list, name="vpc_list"),
    path("vpcs/new/", views.vpc_create, name="vpc_create"),
    path("vpcs/new/map/", views.vpc_map, name="vpc_map"),
    path("vpcs/<id:pk>/", views.vpc_detail, name="vpc_detail"),
    path("vpcs/<id:pk>/tiers/", views.vpc_tiers, name="vpc_tiers"),
    path("vpcs/<id:pk>/activity/", views.vpc_activity, name="vpc_activity"),
    path("vpcs/<id:pk>/rename/", views.vpc_rename, name="vpc_rename"),
    path("vpcs/<id:pk>/delete/", views.vpc_delete, name="vpc_delete"),
    path("vpcs/<id:pk>/tiers/new/", views.tier_create, name="tier_create"),
    path("tiers/<id:pk>/rename/", views.tier_rename, name="tier_rename"),
    path("tiers/<id:pk>/delete/", views.tier_delete, name="tier_delete"),
]
urlpatterns = [path("t/<slug:tenant_slug>/", include(tenant_urlpatterns))]
