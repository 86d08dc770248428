from django.urls import path

from apps.history.api import views

urlpatterns = [
    path("fabric/events/", views.EventList.as_view(), name="fabric-events"),
    path("fabric/events/<id:pk>/", views.EventOne.as_view(), name="fabric-event"),
    path("fabric/findings/", views.FindingList.as_view(), name="fabric-findings"),
]
