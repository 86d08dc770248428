from django.urls import path

from apps.strays.api import views

urlpatterns = [
    path("strays/", views.StrayList.as_view(), name="strays"),
    path("strays/<id:pk>/", views.StrayOne.as_view(), name="stray"),
    path("strays/<id:pk>/remove/", views.StrayRemove.as_view(), name="stray-remove"),
    path("strays/<id:pk>/adopt/", views.StrayAdopt.as_view(), name="stray-adopt"),
]
