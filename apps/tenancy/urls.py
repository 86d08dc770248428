from django.urls import path, re_path

from apps.tenancy import views

urlpatterns = [
    path("", views.home, name="home"),
    path("login/", views.SignIn.as_view(), name="login"),
    path("logout/", views.SignOut.as_view(), name="logout"),
    path("session/", views.session, name="session"),
    path("switch-tenant/", views.switch_tenant, name="switch-tenant"),
    re_path(r"^(?P<rest>(?:vpcs|activity|operations)/.*)$", views.into_tenant, name="into-tenant"),
]
