from django.urls import include, path

from apps.reachability import views

app_name = "reachability"

tenant_urlpatterns = [path("reachability/", views.ask, name="ask")]
urlpatterns = [path("t/<slug:tenant_slug>/", include(tenant_urlpatterns))]
