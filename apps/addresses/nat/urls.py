from django.urls import include, path

from apps.addresses.nat import views

app_name = "nat"

STATIC_NAT, PORT_FORWARD = ({"lead": lead} for lead in (views.STATIC_NAT, views.PORT_FORWARD))

tenant_urlpatterns = [
    path("static-nats/", views.lead_list, STATIC_NAT, name="static_nat_list"),
    path("static-nats/new/", views.lead_create, STATIC_NAT, name="static_nat_create"),
    path("static-nats/<id:pk>/delete/", views.lead_delete, STATIC_NAT, name="static_nat_delete"),
    path("static-nats/<id:pk>/apply/", views.lead_apply, STATIC_NAT, name="static_nat_apply"),
    path("port-forwards/", views.lead_list, PORT_FORWARD, name="port_forward_list"),
    path("port-forwards/new/", views.lead_create, PORT_FORWARD, name="port_forward_create"),
    path("port-forwards/<id:pk>/delete/", views.lead_delete, PORT_FORWARD, name="port_forward_delete"),
    path("port-forwards/<id:pk>/apply/", views.lead_apply, PORT_FORWARD, name="port_forward_apply"),
    path("port-forwards/<id:pk>/switch/", views.port_forward_switch, name="port_forward_switch"),
]
urlpatterns = [path("t/<slug:tenant_slug>/", include(tenant_urlpatterns))]
