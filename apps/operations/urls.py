from django.urls import include, path

from apps.operations import views

app_name = "operations"

tenant_urlpatterns = [
    path("activity/", views.activity, name="list"),
    path("activity/changes/", views.changes, name="changes"),
    path("activity/retry/", views.retry_stuck, name="retry_stuck"),
    path("operations/<id:pk>/", views.detail, name="detail"),
    path("operations/<id:pk>/cancel/", views.cancel, name="cancel"),
    path("operations/<id:pk>/retry/", views.retry, name="retry"),
    path("operations/<id:pk>/apply/", views.apply, name="apply"),
    path("operations/<id:pk>/dismiss/", views.dismiss, name="dismiss"),
]
platform_urlpatterns = [
    path("operations/", views.platform_list, name="platform_list"),
    path("operations/retry/", views.platform_retry_stuck, name="platform_retry_stuck"),
    path("operations/<id:pk>/", views.platform_detail, name="platform_detail"),
    path("operations/<id:pk>/cancel/", views.platform_cancel, name="platform_cancel"),
    path("operations/<id:pk>/retry/", views.platform_retry, name="platform_retry"),
    path("operations/<id:pk>/apply/", views.platform_apply, name="platform_apply"),
    path("operations/<id:pk>/give-up/", views.platform_give_up, name="platform_give_up"),
]
urlpatterns = [
    path("t/<slug:tenant_slug>/", include(tenant_urlpatterns)),
    path("platform/", include(platform_urlpatterns)),
]
