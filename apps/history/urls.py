from django.urls import path

from apps.history import views

app_name = "history"

urlpatterns = [
    path("fabric/events/", views.event_list, name="events"),
    path("fabric/events/<id:pk>/", views.event_detail, name="event"),
    path("fabric/history/<slug:zone>/<slug:kind>/<str:subject>/", views.past, name="past"),
    path("fabric/findings/", views.finding_list, name="findings"),
]
