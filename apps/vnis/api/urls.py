from django.urls import path

from apps.vnis.api import views

urlpatterns = [
    path("fabric/vni-ranges/", views.RangeList.as_view(), name="fabric-vni-ranges"),
    path("fabric/vni-ranges/<id:pk>/", views.RangeOne.as_view(), name="fabric-vni-range"),
    path("fabric/vnis/", views.ClaimList.as_view(), name="fabric-vnis"),
]
