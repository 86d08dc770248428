from django.urls import include, path

from apps.balancers import views

app_name = "balancers"

tenant_urlpatterns = [
    path("vpcs/<id:pk>/load-balancers/", views.of_vpc, name="of_vpc"),
    path("load-balancers/", views.balancer_list, name="list"),
    path("load-balancers/new/", views.balancer_create, name="create"),
    path("load-balancers/<id:pk>/", views.balancer_detail, name="detail"),
    path("load-balancers/<id:pk>/rename/", views.balancer_rename, name="rename"),
    path("load-balancers/<id:pk>/edit/", views.balancer_edit, name="edit"),
    path("load-balancers/<id:pk>/replace/", views.balancer_replace, name="replace"),
    path("load-balancers/<id:pk>/apply/", views.balancer_apply, name="apply"),
    path("load-balancers/<id:pk>/delete/", views.balancer_delete, name="delete"),
    path("load-balancers/<id:pk>/members/new/", views.members_add, name="add_members"),
    path("load-balancers/<id:pk>/members/<id:member>/drain/", views.member_drain, name="drain"),
    path("load-balancers/<id:pk>/members/<id:member>/remove/", views.member_remove, name="remove_member"),
]
urlpatterns = [path("t/<slug:tenant_slug>/", include(tenant_urlpatterns))]
