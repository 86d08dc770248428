from django.urls import include, path

from apps.quotas import views

app_name = "quotas"

tenant_urlpatterns = [
    path("quotas/", views.quota_list, name="list"),
    path("quotas/new/", views.request_create, name="request_create"),
    path("quotas/<id:pk>/withdraw/", views.request_withdraw, name="request_withdraw"),
]
urlpatterns = [path("t/<slug:tenant_slug>/", include(tenant_urlpatterns))]
