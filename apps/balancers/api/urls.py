from django.urls import path

from apps.balancers.api import views

ONE = "load-balancers/<id:pk>/"

urlpatterns = [
    path("load-balancers/", views.BalancerList.as_view(), name="balancers"),
    path(ONE, views.BalancerOne.as_view(), name="balancer"),
    path(f"{ONE}apply/", views.BalancerApply.as_view(), name="balancer-apply"),
    path(f"{ONE}members/", views.BalancerMembers.as_view(), name="balancer-members"),
    path(f"{ONE}members/<id:member>/", views.BalancerMember.as_view(), name="balancer-member"),
]
