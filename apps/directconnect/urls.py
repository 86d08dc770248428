from django.urls import include, path

from apps.directconnect import views

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
urlpatterns = [path("t/<slug:tenant_slug>/", include(tenant_urlpatterns))]
