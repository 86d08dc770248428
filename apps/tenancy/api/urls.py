from django.urls import path

from apps.tenancy.api import members, people, tokens

urlpatterns = [
    path("members/", members.MemberList.as_view(), name="members"),
    path("members/me/", members.MemberOwn.as_view(), name="member-own"),
    path("members/<id:pk>/", members.MemberOne.as_view(), name="member"),
    path("invitations/", members.InvitationList.as_view(), name="invitations"),
    path("invitations/<id:pk>/", members.InvitationOne.as_view(), name="invitation"),
    path("tokens/", tokens.TokenList.as_view(), name="tokens"),
    path("tokens/<id:pk>/", tokens.TokenOne.as_view(), name="token"),
    path("people/", people.PersonList.as_view(), name="people"),
    path("people/<id:pk>/", people.PersonOne.as_view(), name="person"),
    path("people/<id:pk>/password-link/", people.PersonPassword.as_view(), name="person-password-link"),
    path("people/<id:pk>/disable/", people.PersonDisable.as_view(), name="person-disable"),
    path("people/<id:pk>/enable/", people.PersonEnable.as_view(), name="person-enable"),
]
