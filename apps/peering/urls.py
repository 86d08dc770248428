from django.urls import include, path

from apps.peering import views

app_name = "peering"

tenant_urlpatterns = [
    path("peerings/", views.peering_list, name="list"),
    path("peerings/new/", views.peering_create, name="create"),
    path("peerings/requests/", views.take_requests, name="take_requests"),
    path("peerings/<id:pk>/", views.peering_detail, name="detail"),
    path("peerings/<id:pk>/accept/", views.peering_accept, name="accept"),
    path("peerings/<id:pk>/reject/", views.peering_reject, name="reject"),
    path("peerings/<id:pk>/edit/", views.peering_edit, name="edit"),
    path("peerings/<id:pk>/apply/", views.peering_apply, name="apply"),
    path("peerings/<id:pk>/revoke/", views.peering_revoke, name="revoke"),
]
urlpatterns = [path("t/<slug:tenant_slug>/", include(tenant_urlpatterns))]
