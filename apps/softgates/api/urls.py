from django.urls import path

from apps.softgates.api import views

urlpatterns = [
    path("fabric/softgates/", views.SoftGateList.as_view(), name="fabric-softgates"),
    path("fabric/softgates/<id:pk>/", views.SoftGateOne.as_view(), name="fabric-softgate"),
]
