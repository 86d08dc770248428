"""What changes who may do what: one function for each act, whichever door it comes through.

    record      the audit log; telling open pages that rights have changed
    members     who belongs to a tenant, and as what: invitations, roles, removal
    tokens      keys for automation
    people      somebody's own password and sessions; who may sign in at all

Tenants themselves are made by `apps.accounts`, because each needs an account.
"""

from apps.tenancy.services.members import (
    add_member,
    change_role,
    invite,
    join,
    join_as_new,
    leave,
    remove_member,
    withdraw,
)
from apps.tenancy.services.people import (
    change_password,
    disable_person,
    enable_person,
    end_sessions,
    offer_password,
    set_password_with_link,
)
from apps.tenancy.services.record import audit, tell_of_rights
from apps.tenancy.services.tokens import issue_token, revoke_token

__all__ = [
    "add_member",
    "audit",
    "change_password",
    "change_role",
    "disable_person",
    "enable_person",
    "end_sessions",
    "invite",
    "issue_token",
    "join",
    "join_as_new",
    "leave",
    "offer_password",
    "remove_member",
    "revoke_token",
    "set_password_with_link",
    "tell_of_rights",
    "withdraw",
]
