from django.urls import include, path

from apps.addresses import views

app_name = "addresses"

tenant_urlpatterns = [
    path("vpcs/<id:pk>/addresses/", views.of_vpc, name="of_vpc"),
    path("public-ips/", views.public_ip_list, name="list"),
    path("public-ips/new/", views.public_ip_create, name="create"),
    path("public-ips/choices/", views.public_ip_choices, name="choices"),
    path("public-ips/<id:pk>/", views.public_ip_detail, name="detail"),
    path("public-ips/<id:pk>/edit/", views.public_ip_edit, name="edit"),
    path("public-ips/<id:pk>/release/", views.public_ip_release, name="release"),
]
urlpatterns = [
    path("t/<slug:tenant_slug>/", include(tenant_urlpatterns)),
    path("platform/addresses/", views.pool_list, name="pools"),
    path("platform/addresses/<id:pk>/end-rest/", views.end_rest, name="end_rest"),
    path("platform/addresses/<id:pk>/quarantine/", views.quarantine, name="quarantine"),
]
