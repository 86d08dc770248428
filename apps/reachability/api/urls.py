from django.urls import path

from apps.reachability.api import views

urlpatterns = [path("reachability/", views.Reachability.as_view(), name="reachability")]
