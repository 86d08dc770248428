from django.urls import path

from apps.directconnect.api import views

urlpatterns = [
    path("locations/", views.LocationList.as_view(), name="locations"),
    path("locations/<id:pk>/", views.LocationOne.as_view(), name="location"),
    path("locations/<id:pk>/ports/", views.LocationPorts.as_view(), name="location-ports"),
    path("direct-connects/", views.ConnectionList.as_view(), name="connections"),
    path("direct-connects/<id:pk>/", views.ConnectionOne.as_view(), name="connection"),
    path("direct-connects/<id:pk>/transition/", views.ConnectionTransition.as_view(), name="connection-transition"),
    path("direct-connects/<id:pk>/loa/", views.ConnectionLetter.as_view(), name="connection-loa"),
    path("approvals/", views.ApprovalList.as_view(), name="approvals"),
    path("approvals/<id:pk>/decide/", views.ApprovalDecide.as_view(), name="approval-decide"),
]
