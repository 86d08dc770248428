from django.urls import path

from apps.search import views

app_name = "search"

urlpatterns = [path("fabric/search/", views.search_everything, name="everything")]
