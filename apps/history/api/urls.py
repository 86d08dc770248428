from django.urls import path

from apps.history.api import views

urlpatterns = [
    path("fabric/events/", views.EventList.as_view(), name="fabric-events"),
    path("fabric/events/<id:pk>/", views.EventOne.as_view(), name="fabric-event"),
    path("fabric/series/", views.SeriesList.as_view(), name="fabric-series"),
    path("fabric/series/<id:pk>/", views.SeriesOne.as_view(), name="fabric-series-one"),
    path("fabric/findings/", views.FindingList.as_view(), name="fabric-findings"),
]
