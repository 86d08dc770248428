from django.urls import path

from apps.addresses.api.nat import views

urlpatterns = [
    path("static-nats/", views.StaticNatList.as_view(), name="staticnats"),
    path("static-nats/<id:pk>/", views.StaticNatOne.as_view(), name="staticnat"),
    path("static-nats/<id:pk>/apply/", views.StaticNatApply.as_view(), name="staticnat-apply"),
    path("port-forwards/", views.PortForwardList.as_view(), name="portforwards"),
    path("port-forwards/<id:pk>/", views.PortForwardOne.as_view(), name="portforward"),
    path("port-forwards/<id:pk>/apply/", views.PortForwardApply.as_view(), name="portforward-apply"),
]
