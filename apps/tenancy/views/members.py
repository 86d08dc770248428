"""Who belongs to a tenant. Members look, owners change."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.kernel.errors import Refused
from apps.kernel.pages import found, list_page, page_of
from apps.kernel.shortcuts import get_or_404
from apps.tenancy import services
from apps.tenancy.actors import TenantRequest
from apps.tenancy.decorators import member_view, owner_form, tenant_view
from apps.tenancy.forms import InviteForm, MemberListForm, RoleForm
from apps.tenancy.links import link_of
from apps.tenancy.models import ApiToken, Invitation, Membership, Role
from apps.tenancy.queries import members_of, why_not_manage


@tenant_view
@require_safe
def members(request: TenantRequest) -> HttpResponse:
    form = MemberListForm(request.GET)
    page = page_of(form.kept(members_of(request.tenant, words=form.words)), request)
    why_not = why_not_manage(request.membership)
    invitations = None if why_not else Invitation.objects.of(request.tenant).told()
    context = {"why_not": why_not, "invitations": invitations}
    words = found(page, "member")
    return list_page(request, "tenancy/members.html", page, caption="Members", words=words, form=form, **context)


@owner_form
@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: TenantRequest) -> HttpResponse:
    """The link is on the answer to the form, and nowhere else."""
    form = InviteForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        role = Role(form.cleaned_data["role"])
        try:
            invitation, secret = services.invite(request.tenant, form.cleaned_data["email"], role, by=request.actor)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            done_url = reverse("members", args=[request.tenant.slug])
            return invited(request, invitation, secret, crumbs=_crumbs(request, "Add a person"), done_url=done_url)
    context = {"form": form, "crumbs": _crumbs(request, "Add a person")}
    return render(request, "tenancy/invite.html", context, status=422 if form.errors else 200)


def invited(
    request: HttpRequest, invitation: Invitation, secret: str, *, crumbs: list[dict[str, str]], done_url: str
) -> HttpResponse:
    """The page that shows a link, this once."""
    context = {"invitation": invitation, "link": link_of(request, secret), "crumbs": crumbs, "done_url": done_url}
    return render(request, "tenancy/invited.html", context)


@owner_form
@require_POST
def withdraw(request: TenantRequest, pk: UUID) -> HttpResponse:
    invitation = get_or_404(Invitation.objects.of(request.tenant).select_related("tenant"), pk=pk)
    try:
        services.withdraw(invitation, by=request.actor)
    except Refused as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.success(request, f"The link for {invitation} opens nothing any more.")
    return redirect("members", request.tenant.slug)


@owner_form
@require_http_methods(["GET", "HEAD", "POST"])
def change_role(request: TenantRequest, pk: UUID) -> HttpResponse:
    membership = _member(request, pk)
    form = RoleForm(request.POST if request.method == "POST" else None, initial={"role": membership.role})
    if form.is_valid():
        try:
            services.change_role(membership, Role(form.cleaned_data["role"]), by=request.actor)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            label = Role(form.cleaned_data["role"]).label.lower()
            messages.success(request, f"{membership.user} is {label} from now on.")
            return redirect("members", request.tenant.slug)
    reason = membership.why_not_part
    context = {"form": form, "member": membership, "crumbs": _crumbs(request, str(membership.user)), "reason": reason}
    return render(request, "tenancy/member_role.html", context, status=422 if form.errors else 200)


@owner_form
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: TenantRequest, pk: UUID) -> HttpResponse:
    return _parting(request, _member(request, pk))


@member_view
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: TenantRequest) -> HttpResponse:
    return _parting(request, _member(request, request.membership.pk))


def _parting(request: TenantRequest, membership: Membership) -> HttpResponse:
    """The end of a membership: one's own, or another's."""
    is_own = membership == request.membership
    reason = membership.why_not_part
    if request.method == "POST":
        try:
            if is_own:
                services.leave(request.tenant, by=request.actor)
            else:
                services.remove_member(membership, by=request.actor)
        except Refused as refusal:
            reason = refusal.message
        else:
            who = "You are" if is_own else f"{membership.user} is"
            messages.success(request, f"{who} no member of {request.tenant} any more.")
            # Who has left goes where their work is now.
            return redirect("home") if is_own else redirect("members", request.tenant.slug)
    name = str(membership.user)
    tokens = ApiToken.objects.of(request.tenant).kept().filter(created_by=membership.user)
    membership_goes = {"kind": "Role", "name": membership.get_role_display(), "detail": "at once, with all open pages"}
    context = {
        "heading": f"Leave {request.tenant}" if is_own else f"Remove {name}",
        "question": f"{'You' if is_own else name} can see and do nothing in {request.tenant} any more.",
        "goes": [membership_goes, *({"kind": "Token", "name": each.name, "detail": "revoked"} for each in tokens)],
        "stays": [
            {"kind": "Account", "name": name, "detail": "with whatever it has with others"},
            {"kind": "Networks", "name": "All of them", "detail": f"they belong to {request.tenant}"},
        ],
        "confirm_label": "Leave" if is_own else "Remove member",
        "cancel_label": "Cancel",
        "cancel_url": reverse("members", args=[request.tenant.slug]),
        "crumbs": _crumbs(request, "Leave" if is_own else name),
        "reason": reason,
    }
    return render(request, "confirm.html", context, status=422 if request.method == "POST" else 200)


def _member(request: TenantRequest, pk: UUID) -> Membership:
    return get_or_404(members_of(request.tenant), pk=pk)


def _crumbs(request: TenantRequest, here: str) -> list[dict[str, str]]:
    return [{"label": "Members", "url": reverse("members", args=[request.tenant.slug])}, {"label": here}]
