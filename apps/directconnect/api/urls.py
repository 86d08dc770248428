from django.urls import path

from apps.directconnect.api import interface_views, reading_views, views

ONE = "direct-connects/<id:pk>/interfaces/<id:interface>/"

urlpatterns = [
    path("locations/", views.LocationList.as_view(), name="locations"),
    path("locations/<id:pk>/", views.LocationOne.as_view(), name="location"),
    path("locations/<id:pk>/ports/", views.LocationPorts.as_view(), name="location-ports"),
    path("locations/<id:pk>/ports/<id:port>/", views.LocationPort.as_view(), name="location-port"),
    path("direct-connects/", views.ConnectionList.as_view(), name="connections"),
    path("direct-connects/<id:pk>/", views.ConnectionOne.as_view(), name="connection"),
    path("direct-connects/<id:pk>/transition/", views.ConnectionTransition.as_view(), name="connection-transition"),
    path("direct-connects/<id:pk>/loa/", views.ConnectionLetter.as_view(), name="connection-loa"),
    path(
        "direct-connects/<id:pk>/router-config/",
        reading_views.ConnectionConfiguration.as_view(),
        name="connection-router-config",
    ),
    path("direct-connects/<id:pk>/checks/", reading_views.ConnectionChecks.as_view(), name="connection-checks"),
    path("direct-connects/<id:pk>/routes/", reading_views.ConnectionRoutes.as_view(), name="connection-routes"),
    path("direct-connects/<id:pk>/interfaces/", interface_views.InterfaceList.as_view(), name="interfaces"),
    path(ONE, interface_views.InterfaceOne.as_view(), name="interface"),
    path(f"{ONE}apply/", interface_views.InterfaceApply.as_view(), name="interface-apply"),
    path(f"{ONE}test/", interface_views.InterfaceTest.as_view(), name="interface-test"),
    path(f"{ONE}test/end/", interface_views.InterfaceTestEnd.as_view(), name="interface-test-end"),
    path(f"{ONE}md5/", interface_views.InterfaceKey.as_view(), name="interface-md5"),
    path("approvals/", views.ApprovalList.as_view(), name="approvals"),
    path("approvals/<id:pk>/decide/", views.ApprovalDecide.as_view(), name="approval-decide"),
]
