from django.urls import path

from apps.operations.api import views

urlpatterns = [
    path("operations/", views.OperationList.as_view(), name="operations"),
    path("operations/<uuid:pk>/", views.OperationOne.as_view(), name="operation"),
    path("operations/<uuid:pk>/cancel/", views.OperationCancel.as_view(), name="operation-cancel"),
    path("operations/<uuid:pk>/retry/", views.OperationRetry.as_view(), name="operation-retry"),
]
