from django.urls import path

from apps.imports.api import views

urlpatterns = [
    path("fabric/imports/", views.ImportList.as_view(), name="fabric-imports"),
    path("fabric/imports/<id:pk>/", views.ImportOne.as_view(), name="fabric-import"),
    path("fabric/imports/<id:pk>/rows/", views.ImportRows.as_view(), name="fabric-import-rows"),
    path("fabric/imports/<id:pk>/send/", views.ImportSend.as_view(), name="fabric-import-send"),
    path("fabric/imports/<id:pk>/stop/", views.ImportStop.as_view(), name="fabric-import-stop"),
]
