from django.urls import include, path

from apps.acls import views

app_name = "acls"

tenant_urlpatterns = [
    path("vpcs/<id:pk>/acls/", views.of_vpc, name="of_vpc"),
    path("acls/", views.acl_list, name="list"),
    path("acls/new/", views.acl_create, name="create"),
    path("acls/<id:pk>/", views.acl_detail, name="detail"),
    path("acls/<id:pk>/edit/", views.acl_edit, name="edit"),
    path("acls/<id:pk>/import/", views.acl_import, name="import"),
    path("acls/<id:pk>/rules.csv", views.acl_sheet, name="sheet"),
    path("acls/<id:pk>/rename/", views.acl_rename, name="rename"),
    path("acls/<id:pk>/delete/", views.acl_delete, name="delete"),
    path("tiers/<id:pk>/acl/", views.tier_acl, name="tier"),
    path("tiers/<id:pk>/acl/again/", views.tier_acl_again, name="tier_again"),
    path("tiers/<id:pk>/acl/off/", views.tier_acl_off, name="tier_off"),
]
urlpatterns = [path("t/<slug:tenant_slug>/", include(tenant_urlpatterns))]
