from django.urls import path

from apps.quotas.api import views

urlpatterns = [
    path("quotas/", views.QuotaList.as_view(), name="quotas"),
    path("quotas/<id:pk>/", views.QuotaOne.as_view(), name="quota"),
    path("quota-requests/", views.QuotaRequestList.as_view(), name="quota-requests"),
    path("quota-requests/<id:pk>/", views.QuotaRequestOne.as_view(), name="quota-request"),
    path("quota-requests/<id:pk>/withdraw/", views.QuotaRequestWithdraw.as_view(), name="quota-request-withdraw"),
]
