from django.urls import include, path

from apps.directconnect import platform_views, views

app_name = "directconnect"

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
