from django.urls import path

from apps.search.api import views

urlpatterns = [path("fabric/search/", views.Search.as_view(), name="fabric-search")]
