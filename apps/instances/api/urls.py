from django.urls import path

from apps.instances.api import views

urlpatterns = [
    path("instances/", views.InstanceList.as_view(), name="instances"),
    path("instances/<id:pk>/", views.InstanceOne.as_view(), name="instance"),
]
