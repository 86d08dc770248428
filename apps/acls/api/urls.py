from django.urls import path

from apps.acls.api import views

urlpatterns = [
    path("acls/", views.AclList.as_view(), name="acls"),
    path("acls/<id:pk>/", views.AclOne.as_view(), name="acl"),
    path("acls/<id:pk>/rules/", views.AclRules.as_view(), name="acl-rules"),
    path("acls/<id:pk>/evaluate/", views.AclEvaluate.as_view(), name="acl-evaluate"),
    path("tiers/", views.TierList.as_view(), name="tiers"),
    path("tiers/<id:pk>/", views.TierOne.as_view(), name="tier"),
    path("tiers/<id:pk>/rules/", views.TierRules.as_view(), name="tier-rules"),
    path("tiers/<id:pk>/apply-acl/", views.TierApplyAcl.as_view(), name="tier-apply-acl"),
]
