from django.urls import include, path

from apps.accounts import views

app_name = "accounts"

platform_urlpatterns = [
    path("tenants/", views.tenant_list, name="tenant_list"),
    path("tenants/new/", views.tenant_create, name="tenant_create"),
    path("tenants/<slug:slug>/", views.tenant_detail, name="tenant_detail"),
]
urlpatterns = [path("platform/", include(platform_urlpatterns))]
