from django.urls import include, path

from apps.addresses.nat import views

app_name = "nat"

tenant_urlpatterns = [
    path("static-nats/", views.static_nat_list, name="static_nat_list"),
    path("static-nats/new/", views.static_nat_create, name="static_nat_create"),
    path("static-nats/<id:pk>/delete/", views.static_nat_delete, name="static_nat_delete"),
    path("static-nats/<id:pk>/apply/", views.static_nat_apply, name="static_nat_apply"),
    path("port-forwards/", views.port_forward_list, name="port_forward_list"),
    path("port-forwards/new/", views.port_forward_create, name="port_forward_create"),
    path("port-forwards/<id:pk>/delete/", views.port_forward_delete, name="port_forward_delete"),
    path("port-forwards/<id:pk>/apply/", views.port_forward_apply, name="port_forward_apply"),
    path("port-forwards/<id:pk>/switch/", views.port_forward_switch, name="port_forward_switch"),
]
urlpatterns = [path("t/<slug:tenant_slug>/", include(tenant_urlpatterns))]
