from django.urls import path

from apps.strays import views

app_name = "strays"

urlpatterns = [
    path("platform/strays/", views.stray_list, name="list"),
    path("platform/strays/<id:pk>/remove/", views.stray_remove, name="remove"),
    path("platform/strays/<id:pk>/adopt/", views.stray_adopt, name="adopt"),
]
