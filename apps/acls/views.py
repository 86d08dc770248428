"""The pages of access lists, and of the list of a tier."""

from __future__ import annotations

from functools import partial
from ipaddress import IPv4Address
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.acls import plans, queries, services
from apps.acls.drafts import EDITS, RulesDraft
from apps.acls.forms import AclForm, AclListForm, AclRenameForm, ChoiceOfList, PacketForm, SheetForm
from apps.acls.models import Acl, TierAcl
from apps.acls.sheets import sheet_of
from apps.kernel.errors import Refused
from apps.kernel.pages import found, list_page, only_parameters, page_of
from apps.kernel.shortcuts import get_or_404
from apps.networks import queries as networks
from apps.networks import tabs
from apps.networks.models import Tier
from apps.networks.plans import Item
from apps.operations.views import offered, removal, started
from apps.quotas.queries import quotas_of
from apps.quotas.resources import ACL
from apps.tenancy.actors import TenantRequest
from apps.tenancy.decorators import tenant_form, tenant_view
from apps.tenancy.queries import why_not_write

FORM = ["GET", "HEAD", "POST"]


@tenant_view
@require_safe
def acl_list(request: TenantRequest) -> HttpResponse:
    form = AclListForm(request.GET, request.tenant)
    page = page_of(form.kept(queries.search(request.tenant, **form.wanted)), request)
    rows = queries.rows_of(request.tenant, page)
    words = found(page, "access list")
    quota = quotas_of(request.tenant).of(ACL)
    context = {"quota": quota, "why_not_create": why_not_write(request.membership) or quota.why_not()}
    return list_page(
        request, "acls/acl_list.html", page, caption="Access lists", words=words, rows=rows, form=form, **context
    )


@tenant_form
@require_http_methods(FORM)
def acl_create(request: TenantRequest) -> HttpResponse:
    vpcs = queries.vpcs_for(request.tenant)
    form = AclForm(request.POST or None, vpcs, vpc=request.GET.get("vpc", ""), address=_own_address(request))
    if form.is_valid():
        try:
            return started(request, services.create_acl(request.tenant, form.spec, by=request.actor))
        except Refused as refusal:
            form.refuse(refusal)
    reason = None if vpcs else "There is no VPC that is ready yet. A list belongs to one."
    context = {
        "heading": "New access list",
        "form": form,
        "reason": reason,
        "wrong": "The list cannot be created like this",
        "submit": "Create access list",
        "submit_icon": "plus",
        "cancel_url": reverse("acls:list", args=[request.tenant.slug]),
        "crumbs": _crumbs(request, "New access list"),
    }
    return render(request, "acls/acl_create.html", context, status=422 if form.errors else 200)


@tenant_view
@require_safe
def acl_detail(request: TenantRequest, pk: UUID) -> HttpResponse:
    """The rules in both orders, where they are in force, and what they do to a packet that one asks about."""
    acl = _acl(request, pk)
    tiers, work = queries.tiers_of(acl), networks.work_on(acl.vpc)
    form = PacketForm(request.GET)
    context = {
        "acl": acl,
        "orders": plans.orders_of(acl, tiers),
        "tiers": tiers,
        "changing": plans.changing(acl, work),
        "form": form,
        "answer": plans.answer_in_words(acl, form.packet) if form.is_valid() else None,
        "can": {
            action: why_not_write(request.membership) or acl.why_not(action, work, tiers)
            for action in ("rename", "edit", "delete")
        },
        "crumbs": _crumbs(request, acl.name),
    }
    return render(request, "acls/acl_detail.html", context, status=422 if form.errors else 200)


@tenant_form
@require_http_methods(FORM)
def acl_edit(request: TenantRequest, pk: UUID) -> HttpResponse:
    """Many rules as one change. Its buttons edit the rows, "Review" shows what differs, and "Apply" is offered then."""
    acl = _acl(request, pk)
    draft, seen = RulesDraft.of_rules(acl.written, denies_rest=acl.denies_rest), acl.version
    edit = None
    if request.method == "POST":
        draft = RulesDraft.of_form(request.POST)
        seen = _version(request)
        edit = next((each for each in EDITS if each in request.POST), None)
    if edit is not None:
        draft = draft.edited(edit, request.POST[edit])
    return _edited(request, acl, draft, seen, is_sent=request.method == "POST" and edit is None)


@tenant_form
@require_http_methods(FORM)
def acl_import(request: TenantRequest, pk: UUID) -> HttpResponse:
    """Rules as CSV. What is right stands in the form of the rules next, with what differs; nothing is sent yet."""
    acl = _acl(request, pk)
    form = SheetForm(request.POST if request.method == "POST" else None, initial={"sheet": sheet_of(acl.written)})
    if form.is_valid():
        draft = RulesDraft.of_rules(form.rules, denies_rest=acl.denies_rest)
        return _edited(request, acl, draft, _version(request), is_sent=True)
    seen = _version(request) if form.is_bound else acl.version
    context = {"acl": acl, "form": form, "version": seen, "crumbs": _crumbs(request, acl, "Import")}
    return render(request, "acls/acl_import.html", context, status=422 if form.errors else 200)


@tenant_view
@require_safe
def acl_sheet(request: TenantRequest, pk: UUID) -> HttpResponse:
    acl = _acl(request, pk)
    response = HttpResponse(sheet_of(acl.written), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="rules-{acl.pk.hex[:12]}.csv"'
    return response


@tenant_form
@require_http_methods(FORM)
def acl_rename(request: TenantRequest, pk: UUID) -> HttpResponse:
    acl = _acl(request, pk)
    form = AclRenameForm(request.POST or None, initial={"name": acl.name})
    if form.is_valid():
        try:
            services.rename_acl(acl, name=form.cleaned_data["name"], by=request.actor)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, f"Saved. The name is {form.cleaned_data['name']}.")
            return redirect("acls:detail", request.tenant.slug, acl.pk)
    context = {
        "heading": f"Rename {acl.name}",
        "form": form,
        "wrong": "The name was not changed",
        "submit": "Rename list",
        "submit_icon": "pencil",
        "cancel_url": reverse("acls:detail", args=[request.tenant.slug, acl.pk]),
        "crumbs": _crumbs(request, acl, "Rename"),
    }
    return render(request, "rename.html", context, status=422 if form.errors else 200)


@tenant_form
@require_http_methods(FORM)
def acl_delete(request: TenantRequest, pk: UUID) -> HttpResponse:
    acl = _acl(request, pk)
    return removal(request, partial(services.delete_acl, acl, by=request.actor), partial(_deletion, request, acl))


def _deletion(request: TenantRequest, acl: Acl) -> dict[str, Any]:
    work = networks.work_on(acl.vpc)
    count = len(acl.rules)
    return {
        "heading": f"Delete {acl.name}",
        "question": "This cannot be undone. Look at what goes before you say yes.",
        "goes": [Item("Access list", acl.name, f"with {count} rule{'s'[: count != 1]}")],
        "confirm_label": "Delete access list",
        "cancel_url": reverse("acls:detail", args=[request.tenant.slug, acl.pk]),
        "crumbs": _crumbs(request, acl, "Delete"),
        **offered(acl.why_not("delete", work, queries.tiers_of(acl)), work),
    }


# --- of a VPC ---------------------------------------------------------------------------------------------------------

TAB = tabs.Tab("Access lists", "acls:of_vpc", 30, queries.count_in)


@tabs.vpc_tab
def of_vpc(request: TenantRequest, seen: tabs.Seen) -> HttpResponse:
    """Three queries besides those of the frame."""
    rows = queries.lists_of(seen.tiers, TierAcl.objects.of(request.tenant))
    vpc = seen.vpc
    return tabs.tab_page(
        request,
        seen,
        TAB,
        "acls/vpc_acls.html",
        rows=queries.lines_of(request.tenant, queries.lists_in(vpc)),
        tiers=[(tier, rows.get(tier.pk)) for tier in seen.tiers],
        create_here=reverse("acls:create", args=[request.tenant.slug], query={"vpc": vpc.pk}),
        why_not_create=seen.why_not_write or quotas_of(request.tenant).of(ACL).why_not(),
    )


# --- of a tier --------------------------------------------------------------------------------------------------------


@tenant_view
@require_http_methods(FORM)
def tier_acl(request: TenantRequest, pk: UUID) -> HttpResponse:
    """Which list a tier has, another one for it, and which rules touch one of its instances."""
    tier = _tier(request, pk)
    row = queries.list_of(tier)
    lists = queries.lists_in(tier.vpc)
    now = str(row.acl_id) if row else ""
    form = ChoiceOfList(request.POST if request.method == "POST" else None, lists, now=now)
    if form.is_valid():
        try:
            return started(request, services.assign(tier, form.cleaned_data["acl"], by=request.actor))
        except Refused as refusal:
            form.refuse(refusal)
    work = networks.work_on(tier.vpc)
    only_parameters(request.GET, "address")
    address, fault = None, ""
    try:
        address = queries.address_in(tier, request.GET["address"]) if "address" in request.GET else None
    except Refused as refusal:
        fault = refusal.message
    context = {
        "tier": tier,
        "row": row,
        "form": form,
        "has_lists": bool(lists),
        "machines": queries.machines_in(tier),
        "address": address,
        "fault": fault,
        "touching": plans.touching(tier, address) if address else (),
        "reason": why_not_write(request.membership) or tier.why_not("change", work),
        "crumbs": [
            {"label": "VPCs", "url": reverse("networks:vpc_list", args=[request.tenant.slug])},
            {"label": tier.vpc.name, "url": reverse("networks:vpc_detail", args=[request.tenant.slug, tier.vpc_id])},
            {"label": f"Access list of {tier.name}"},
        ],
    }
    return render(request, "acls/tier_acl.html", context, status=422 if form.errors or fault else 200)


@tenant_view
@require_POST
def tier_acl_again(request: TenantRequest, pk: UUID) -> HttpResponse:
    return _attempt(request, services.apply_again, _tier(request, pk))


@tenant_view
@require_POST
def tier_acl_off(request: TenantRequest, pk: UUID) -> HttpResponse:
    return _attempt(request, services.unassign, _tier(request, pk))


# --- what they share --------------------------------------------------------------------------------------------------


def _acl(request: TenantRequest, pk: UUID) -> Acl:
    return get_or_404(queries.with_vpcs(Acl.objects.of(request.tenant)).select_related("vpc__tenant"), pk=pk)


def _tier(request: TenantRequest, pk: UUID) -> Tier:
    rows = Tier.objects.of(request.tenant).live().select_related("vpc__zone", "vpc__tenant", "tenant")
    return get_or_404(rows, pk=pk)


def _edited(request: TenantRequest, acl: Acl, draft: RulesDraft, seen: int, *, is_sent: bool) -> HttpResponse:
    """Whoever has seen an older version is told what was changed since, when they send their rows: from then on these
    stand beside the list as it is now."""
    review, told, status = None, "", 200
    is_stale = is_sent and seen != acl.version
    if is_sent:
        try:
            rules = draft.rules()
            review = plans.review_of(acl, rules, denies_rest=draft.denies_rest)
            is_reviewed = request.POST.get("reviewed") == draft.digest and not is_stale
            if "apply" in request.POST and is_reviewed:
                operation = services.change_rules(
                    acl, rules, denies_rest=draft.denies_rest, seen=seen, by=request.actor
                )
                return started(request, operation)
        except services.ChangedMeanwhile:
            acl = _acl(request, acl.pk)
            is_stale, review = True, plans.review_of(acl, rules, denies_rest=draft.denies_rest)
        except Refused as refusal:
            draft, told, status = draft.with_faults(refusal), refusal.message, 422
    work = networks.work_on(acl.vpc)
    context = {
        "acl": acl,
        "draft": draft,
        "version": acl.version if is_sent else seen,
        "review": review,
        "told": told if review else "",
        "is_stale": is_stale,
        "since": plans.since(acl, seen) if is_stale else None,
        "crumbs": _crumbs(request, acl, "Edit rules"),
        **offered(acl.why_not("edit", work, queries.tiers_of(acl)), work),
    }
    if is_stale:
        status = 409
    return render(request, "acls/acl_edit.html", context, status=status)


def _version(request: TenantRequest) -> int:
    said = request.POST.get("version", "")
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 10 else 0


def _attempt(request: TenantRequest, service: Any, tier: Tier) -> HttpResponse:
    try:
        return started(request, service(tier, by=request.actor))
    except Refused as refusal:
        messages.error(request, refusal.message)
        return redirect("acls:tier", request.tenant.slug, tier.pk)


def _crumbs(request: TenantRequest, acl: Acl | str, here: str = "") -> list[dict[str, str]]:
    slug = request.tenant.slug
    crumbs = [{"label": "Access lists", "url": reverse("acls:list", args=[slug])}]
    if isinstance(acl, str):
        return [*crumbs, {"label": acl}]
    return [*crumbs, {"label": acl.name, "url": reverse("acls:detail", args=[slug, acl.pk])}, {"label": here}]


def _address(text: str) -> IPv4Address | None:
    try:
        return IPv4Address(text)
    except ValueError:
        return None


def _own_address(request: TenantRequest) -> str:
    """Where the person's browser is, if that is an address of the internet."""
    address = _address(request.META.get("REMOTE_ADDR", ""))
    return str(address) if address and address.is_global else ""
