from django.urls import path

from apps.networks.api import attention, views

urlpatterns = [
    path("vpcs/", views.VpcList.as_view(), name="vpcs"),
    path("vpcs/<id:pk>/", views.VpcOne.as_view(), name="vpc"),
    path("vpcs/<id:pk>/agreement/", views.VpcAgreement.as_view(), name="vpc-agreement"),
    path("attention/", attention.AttentionList.as_view(), name="attention"),
]
