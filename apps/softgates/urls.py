from django.urls import path

from apps.softgates import views

app_name = "softgates"

urlpatterns = [
    path("fabric/softgates/", views.softgate_list, name="list"),
    path("fabric/softgates/<id:pk>/", views.softgate_detail, name="detail"),
    path("fabric/softgates/<id:pk>/maintenance/", views.softgate_maintenance, name="maintenance"),
]
