from django.urls import include, path

from apps.accounts import views

app_name = "accounts"

platform_urlpatterns = [
    path("tenants/", views.tenant_list, name="tenant_list"),
    path("tenants/new/", views.tenant_create, name="tenant_create"),
    path("tenants/<slug:slug>/", views.tenant_detail, name="tenant_detail"),
    path("tenants/<slug:slug>/quotas/", views.tenant_quotas, name="tenant_quotas"),
    path("tenants/<slug:slug>/owner/", views.tenant_invite, name="tenant_invite"),
    path("tenants/<slug:slug>/disable/", views.tenant_disable, name="tenant_disable"),
    path("tenants/<slug:slug>/enable/", views.tenant_enable, name="tenant_enable"),
]
urlpatterns = [path("platform/", include(platform_urlpatterns))]
