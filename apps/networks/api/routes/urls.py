from django.urls import path

from apps.networks.api.routes import views

urlpatterns = [
    path("vpcs/<id:pk>/routes/", views.VpcRoutes.as_view(), name="vpc-routes"),
    path("static-routes/", views.StaticRouteList.as_view(), name="staticroutes"),
    path("static-routes/<id:pk>/", views.StaticRouteOne.as_view(), name="staticroute"),
    path("static-routes/<id:pk>/apply/", views.StaticRouteApply.as_view(), name="staticroute-apply"),
]
