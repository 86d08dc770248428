from django.urls import path

from apps.peering.api import views

ONE = "peerings/<id:pk>/"

urlpatterns = [
    path("peerings/", views.PeeringList.as_view(), name="peerings"),
    path("peerings/settings/", views.PeeringSettings.as_view(), name="peering-settings"),
    path(ONE, views.PeeringOne.as_view(), name="peering"),
    path(f"{ONE}accept/", views.PeeringAccept.as_view(), name="peering-accept"),
    path(f"{ONE}reject/", views.PeeringReject.as_view(), name="peering-reject"),
    path(f"{ONE}revoke/", views.PeeringRevoke.as_view(), name="peering-revoke"),
    path(f"{ONE}apply/", views.PeeringApply.as_view(), name="peering-apply"),
    path(f"{ONE}preview/", views.PeeringPreview.as_view(), name="peering-preview"),
]
