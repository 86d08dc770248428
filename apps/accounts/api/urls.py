from django.urls import path

from apps.accounts.api import views

urlpatterns = [
    path("tenants/", views.TenantList.as_view(), name="tenants"),
    path("tenants/<id:pk>/", views.TenantOne.as_view(), name="tenant"),
    path("tenants/<id:pk>/disable/", views.TenantDisable.as_view(), name="tenant-disable"),
    path("tenants/<id:pk>/enable/", views.TenantEnable.as_view(), name="tenant-enable"),
]
