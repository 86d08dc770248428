from django.urls import path

from apps.imports import views

app_name = "imports"

urlpatterns = [
    path("fabric/imports/", views.import_list, name="list"),
    path("fabric/imports/new/", views.import_create, name="create"),
    path("fabric/imports/<id:pk>/", views.import_detail, name="detail"),
    path("fabric/imports/<id:pk>/send/", views.import_send, name="send"),
    path("fabric/imports/<id:pk>/stop/", views.import_stop, name="stop"),
]
