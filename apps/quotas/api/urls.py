from django.urls import path

from apps.quotas.api import views

urlpatterns = [
    path("quotas/", views.QuotaList.as_view(), name="quotas"),
    path("quotas/<id:pk>/", views.QuotaOne.as_view(), name="quota"),
]
