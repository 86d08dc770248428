"""The addresses of VNIs below /fabric/."""

from django.urls import path

from apps.vnis import views

app_name = "vnis"

urlpatterns = [
    path("fabric/vnis/", views.range_list, name="range_list"),
    path("fabric/vnis/ranges/<id:pk>/", views.range_detail, name="range_detail"),
    path("fabric/vnis/numbers/", views.vni_list, name="vni_list"),
    path("fabric/vnis/<slug:zone>/<int:vni>/", views.vni_detail, name="vni_detail"),
]
