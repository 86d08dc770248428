from django.urls import path

from apps.addresses.api import views

urlpatterns = [
    path("public-ips/", views.PublicIpList.as_view(), name="publicips"),
    path("public-ips/<id:pk>/", views.PublicIpOne.as_view(), name="publicip"),
    path("address-holders/", views.HolderList.as_view(), name="address-holders"),
    path("address-pools/", views.PoolList.as_view(), name="address-pools"),
    path("address-pools/<id:pk>/", views.PoolOne.as_view(), name="address-pool"),
]
