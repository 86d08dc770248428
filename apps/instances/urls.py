from django.urls import include, path

from apps.instances import views

app_name = "instances"

tenant_urlpatterns = [
    path("instances/", views.instance_list, name="list"),
    path("instances/choices/", views.instance_choices, name="choices"),
    path("instances/<id:pk>/", views.instance_detail, name="detail"),
]
urlpatterns = [path("t/<slug:tenant_slug>/", include(tenant_urlpatterns))]
