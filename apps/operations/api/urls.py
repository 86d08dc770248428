from django.urls import path

from apps.operations.api import views

urlpatterns = [
    path("operations/", views.OperationList.as_view(), name="operations"),
    path("operations/retry-stuck/", views.StuckRetry.as_view(), name="operations-retry-stuck"),
    path("operations/<id:pk>/", views.OperationOne.as_view(), name="operation"),
    path("operations/<id:pk>/cancel/", views.OperationCancel.as_view(), name="operation-cancel"),
    path("operations/<id:pk>/retry/", views.OperationRetry.as_view(), name="operation-retry"),
    path("operations/<id:pk>/apply/", views.OperationApply.as_view(), name="operation-apply"),
    path("operations/<id:pk>/dismiss/", views.OperationDismiss.as_view(), name="operation-dismiss"),
    path("operations/<id:pk>/give-up/", views.OperationGiveUp.as_view(), name="operation-give-up"),
]
