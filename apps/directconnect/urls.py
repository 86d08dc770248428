from django.urls import include, path

from apps.directconnect import interface_views, platform_views, views

app_name = "directconnect"

INTERFACES = "direct-connects/<id:pk>/interfaces/"
ONE = f"{INTERFACES}<id:interface>/"

tenant_urlpatterns = [
    path("direct-connects/", views.connection_list, name="connection_list"),
    path("direct-connects/new/", views.connection_create, name="connection_create"),
    path("direct-connects/<id:pk>/", views.connection_detail, name="connection_detail"),
    path("direct-connects/<id:pk>/edit/", views.connection_edit, name="connection_edit"),
    path("direct-connects/<id:pk>/rename/", views.connection_rename, name="connection_rename"),
    path("direct-connects/<id:pk>/move/", views.connection_move, name="connection_move"),
    path("direct-connects/<id:pk>/suspend/", views.connection_suspend, name="connection_suspend"),
    path("direct-connects/<id:pk>/close/", views.connection_close, name="connection_close"),
    path("direct-connects/<id:pk>/loa/", views.connection_loa, name="connection_loa"),
    path(f"{INTERFACES}new/", interface_views.interface_create, name="interface_create"),
    path(ONE, interface_views.interface_detail, name="interface_detail"),
    path(f"{ONE}edit/", interface_views.interface_edit, name="interface_edit"),
    path(f"{ONE}rename/", interface_views.interface_rename, name="interface_rename"),
    path(f"{ONE}router-config/", interface_views.interface_config, name="interface_config"),
    path(f"{ONE}key/", interface_views.interface_key, name="interface_key"),
    path(f"{ONE}test/", interface_views.interface_test, name="interface_test"),
    path(f"{ONE}test/end/", interface_views.interface_test_end, name="interface_test_end"),
    path(f"{ONE}apply/", interface_views.interface_apply, name="interface_apply"),
    path(f"{ONE}delete/", interface_views.interface_delete, name="interface_delete"),
    path("vpcs/<id:pk>/direct-connects/", interface_views.vpc_interfaces, name="of_vpc"),
]
urlpatterns = [
    path("platform/direct-connects/", platform_views.platform_list, name="platform_list"),
    path("platform/direct-connects/<id:pk>/", platform_views.platform_detail, name="platform_detail"),
    path("platform/direct-connects/<id:pk>/move/", platform_views.platform_move, name="platform_move"),
    path("platform/direct-connects/<id:pk>/loa/", platform_views.platform_loa, name="platform_loa"),
    path("platform/locations/", platform_views.location_list, name="location_list"),
    path("platform/locations/new/", platform_views.location_create, name="location_create"),
    path("platform/locations/choices/", platform_views.port_choices, name="port_choices"),
    path("platform/locations/<id:pk>/", platform_views.location_detail, name="location_detail"),
    path("platform/locations/<id:pk>/edit/", platform_views.location_edit, name="location_edit"),
    path("platform/locations/<id:pk>/delete/", platform_views.location_delete, name="location_delete"),
    path("platform/locations/<id:pk>/ports/new/", platform_views.port_add, name="port_add"),
    path("platform/ports/<id:pk>/remove/", platform_views.port_remove, name="port_remove"),
    path("t/<slug:tenant_slug>/", include(tenant_urlpatterns)),
]
