from django.urls import include, path, re_path

from apps.tenancy.views import account, approvals, joining, members, new_passwords, people, signing_in, tokens

tenant_urlpatterns = [
    path("session/", signing_in.tenant_session, name="tenant-session"),
    path("members/", members.members, name="members"),
    path("members/new/", members.invite, name="member-create"),
    path("members/leave/", members.leave, name="member-leave"),
    path("members/<id:pk>/role/", members.change_role, name="member-role"),
    path("members/<id:pk>/remove/", members.remove, name="member-remove"),
    path("invitations/<id:pk>/withdraw/", members.withdraw, name="invitation-withdraw"),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/new/", tokens.token_create, name="token-create"),
    path("tokens/<id:pk>/revoke/", tokens.token_revoke, name="token-revoke"),
]
urlpatterns = [
    path("t/<slug:tenant_slug>/", include(tenant_urlpatterns)),
    path("platform/approvals/", approvals.approval_list, name="approvals"),
    path("platform/people/", people.people, name="people"),
    path("platform/people/<id:pk>/disable/", people.person_disable, name="person-disable"),
    path("platform/people/<id:pk>/password/", people.person_password, name="person-password"),
    path("platform/people/<id:pk>/enable/", people.person_enable, name="person-enable"),
    path("platform/tokens/", tokens.platform_tokens, name="platform-tokens"),
    path("platform/tokens/new/", tokens.platform_token_create, name="platform-token-create"),
    path("platform/tokens/<id:pk>/revoke/", tokens.platform_token_revoke, name="platform-token-revoke"),
    path("account/", account.account, name="account"),
    path("account/password/", account.password, name="password"),
    path("account/sessions/end/", account.end_sessions, name="end-sessions"),
    path("new-password/", new_passwords.new_password, name="new-password"),
    path("new-password/set/", new_passwords.set_password, name="new-password-set"),
    path("join/", joining.join, name="join"),
    path("join/new/", joining.join_as_new, name="join-new"),
    path("join/known/", joining.join_as_known, name="join-known"),
    path("", signing_in.home, name="home"),
    path("login/", signing_in.SignIn.as_view(), name="login"),
    path("logout/", signing_in.SignOut.as_view(), name="logout"),
    path("session/", signing_in.session, name="session"),
    path("switch-tenant/", signing_in.switch_tenant, name="switch-tenant"),
    re_path(r"^(?P<rest>(?:vpcs|activity|operations|members|tokens)/.*)$", signing_in.into_tenant, name="into-tenant"),
]
