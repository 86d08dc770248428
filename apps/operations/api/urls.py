from django.urls import path

from apps.operations.api import views

urlpatterns = [
    path("operations/", views.OperationList.as_view(), name="operations"),
    path("operations/<id:pk>/", views.OperationOne.as_view(), name="operation"),
    path("operations/<id:pk>/cancel/", views.OperationCancel.as_view(), name="operation-cancel"),
    path("operations/<id:pk>/retry/", views.OperationRetry.as_view(), name="operation-retry"),
]
