from django.urls import include, path

from apps.operations import views

app_name = "operations"

tenant_urlpatterns = [
    path("activity/", views.activity, name="list"),
    path("activity/changes/", views.changes, name="changes"),
    path("operations/<uuid:pk>/", views.detail, name="detail"),
    path("operations/<uuid:pk>/cancel/", views.cancel, name="cancel"),
    path("operations/<uuid:pk>/retry/", views.retry, name="retry"),
]
platform_urlpatterns = [
    path("operations/", views.platform_list, name="platform_list"),
    path("operations/<uuid:pk>/", views.platform_detail, name="platform_detail"),
    path("operations/<uuid:pk>/cancel/", views.platform_cancel, name="platform_cancel"),
    path("operations/<uuid:pk>/retry/", views.platform_retry, name="platform_retry"),
]
urlpatterns = [
    path("t/<slug:tenant_slug>/", include(tenant_urlpatterns)),
    path("platform/", include(platform_urlpatterns)),
]
