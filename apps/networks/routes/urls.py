from django.urls import include, path

from apps.networks.routes import views

app_name = "routes"

tenant_urlpatterns = [
    path("vpcs/<id:pk>/routes/", views.of_vpc, name="of_vpc"),
    path("vpcs/<id:pk>/routes/new/", views.route_create, name="create"),
    path("static-routes/<id:pk>/delete/", views.route_delete, name="delete"),
    path("static-routes/<id:pk>/apply/", views.route_apply, name="apply"),
]
urlpatterns = [path("t/<slug:tenant_slug>/", include(tenant_urlpatterns))]
