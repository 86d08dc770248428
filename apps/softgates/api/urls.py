from django.urls import path

from apps.softgates.api import views

urlpatterns = [
    path("fabric/softgates/", views.SoftGateList.as_view(), name="fabric-softgates"),
    path("fabric/softgates/<id:pk>/", views.SoftGateOne.as_view(), name="fabric-softgate"),
    path("fabric/devices/<id:pk>/maintenance/", views.DeviceMaintenance.as_view(), name="maintenance"),
    path("fabric/devices/<id:pk>/blast-radius/", views.DeviceBlastRadius.as_view(), name="fabric-blast-radius"),
]
