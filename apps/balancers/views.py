"""The pages of load balancers: whether they are configured, whether they work, and what can be done to them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.addresses.models import PublicIp
from apps.balancers import choices, queries, services
from apps.balancers.forms import (
    BalancerForm,
    BalancerListForm,
    ChangeForm,
    EditForm,
    MembersForm,
    RenameForm,
    ReplaceForm,
)
from apps.balancers.grids import Grid, Shown, shown
from apps.balancers.models import Balancer, Member
from apps.kernel.errors import Refused
from apps.kernel.pages import found, list_page, only_parameters, page_of, part_or_page, wants_part
from apps.kernel.shortcuts import get_or_404
from apps.networks import queries as networks
from apps.networks import tabs
from apps.networks.models import Vpc
from apps.networks.plans import Item
from apps.operations.models import Operation
from apps.operations.sentences import sentence
from apps.operations.views import offered, removal, started
from apps.quotas.queries import quotas_of
from apps.quotas.resources import LOAD_BALANCER
from apps.tenancy.actors import TenantRequest
from apps.tenancy.decorators import tenant_form, tenant_view
from apps.tenancy.queries import why_not_write

FORM = ["GET", "HEAD", "POST"]
#: In seconds. With the time of a probe, and of a sweep, what breaks is seen within fifteen.
LOOKS_EVERY = 2
#: A list is more work.
LISTS_LOOK_EVERY = 4


@tenant_view
@require_safe
def balancer_list(request: TenantRequest) -> HttpResponse:
    """Fifteen queries, however many there are."""
    form = BalancerListForm(request.GET, request.tenant)
    sort = request.GET.get("sort", queries.DEFAULT_SORT)
    order = queries.SORTS.get(sort, queries.SORTS[queries.DEFAULT_SORT])
    rows = queries.search(request.tenant, words=form.words, vpc=form.vpc_chosen)
    page = page_of(form.kept(rows).order_by(*order), request)
    work = networks.work_in(Operation.objects.of(request.tenant), {row.vpc_id for row in page})
    lines = shown(list(page), work)
    bad = [f"{line.row.name} is {line.working}" for line in lines if line.working in ("down", "degraded")]
    quota = quotas_of(request.tenant).of(LOAD_BALANCER)
    return list_page(
        request,
        "balancers/balancer_list.html",
        page,
        caption="Load balancers",
        words="; ".join([found(page, "load balancer"), *bad]),
        rows=lines,
        form=form,
        sort=sort,
        quota=quota,
        every=LISTS_LOOK_EVERY,
        readings=networks.readings_of(request.tenant, queries.KIND),
        why_not_create=why_not_write(request.membership) or quota.why_not(),
    )


TAB = tabs.Tab("Load balancers", "balancers:of_vpc", 25, queries.count_in)


@tabs.vpc_tab
def of_vpc(request: TenantRequest, seen: tabs.Seen) -> HttpResponse:
    """Nine queries besides those of the frame."""
    rows = list(queries.search(request.tenant, vpc=seen.vpc).order_by(*queries.SORTS["name"])[: queries.SHOWN])
    lines = shown(rows, {seen.vpc.pk: seen.work})
    quota = quotas_of(request.tenant).of(LOAD_BALANCER)
    return tabs.tab_page(
        request,
        seen,
        TAB,
        "balancers/vpc_balancers.html",
        rows=lines,
        read_at=lines[0].judgement.working.read_at if lines else None,
        fresh_seconds=queries.KIND.fresh_for.seconds,
        create_here=reverse("balancers:create", args=[request.tenant.slug], query={"vpc": seen.vpc.pk}),
        why_not_create=seen.why_not_write or quota.why_not() or seen.vpc.why_not("add tier", seen.work),
        most=queries.SHOWN,
        every=LISTS_LOOK_EVERY,
    )


@tenant_form
@require_http_methods(FORM)
def balancer_create(request: TenantRequest) -> HttpResponse:
    """`?vpc=` and `?public_ip=` are the ids of what it is for. htmx asks for what the tier decides."""
    only_parameters(request.GET, "vpc", "public_ip", "tier", "find", "members")
    vpc, public_ip = _meant_for(request)
    tiers = choices.inhabited_first(request.tenant, choices.tiers_of(request.tenant, vpc), vpc)
    data = request.POST if request.method == "POST" else None
    chosen = str(public_ip.pk) if public_ip else ""
    form = BalancerForm(data, request.GET, tiers, public_ip=chosen, path=request.path)
    if form.is_valid():
        assert form.tier_chosen is not None
        try:
            if (at := form.public_ip_chosen) is not None:
                return started(request, services.create_balancer(at, form.spec, by=request.actor))
            vpc = form.tier_chosen.vpc
            return started(request, services.create_balancer_at_new_address(vpc, form.spec, by=request.actor))
        except Refused as refusal:
            form.refuse(refusal)
    quota = quotas_of(request.tenant).of(LOAD_BALANCER)
    reason = quota.why_not()
    if reason is None and not tiers:
        reason = "Members lie in a tier, and none is ready here. Create one first."
    context = {
        "heading": "Create load balancer",
        "form": form,
        "quota": quota,
        "reason": reason,
        "wrong": "It cannot be created like this",
        "submit": "Create load balancer",
        "submit_icon": "plus",
        "cancel_url": reverse("balancers:list", args=[request.tenant.slug]),
        "crumbs": [*_crumbs(request), {"label": "New"}],
    }
    template = part_or_page(request, "balancers/balancer_create.html", "placed")
    return render(request, template, context, status=422 if form.errors else 200)


def _meant_for(request: TenantRequest) -> tuple[Vpc | None, PublicIp | None]:
    if reference := request.GET.get("public_ip"):
        rows = PublicIp.objects.of(request.tenant).live().select_related("vpc")
        row: PublicIp = get_or_404(rows, pk=reference)
        # With a tier it is what stands in the form, and the tier may be of any VPC.
        return None if "tier" in request.GET else row.vpc, row
    if reference := request.GET.get("vpc"):
        return get_or_404(Vpc.objects.of(request.tenant).live(), pk=reference), None
    return None, None


@tenant_view
@require_safe
def balancer_detail(request: TenantRequest, pk: UUID) -> HttpResponse:
    """Twenty queries at most."""
    row = _row(request, pk)
    around, may_write = networks.work_on(row.vpc), why_not_write(request.membership)
    [one] = shown([row], {row.vpc_id: around})
    operation = next((each for each in around if each.resource_id in (row.pk, row.vpc_id)), None)
    in_vpc = row.vpc.why_not("add tier", around)
    why_not_change = may_write or in_vpc or row.why_not("change", around)
    context = {
        "row": row,
        "one": one,
        "grid": Grid.of(one.judgement),
        "every": LOOKS_EVERY,
        "fresh_seconds": queries.KIND.fresh_for.seconds,
        "operation": operation,
        "sentence": sentence(operation) if operation else "",
        "operations": queries.latest_operations_of(row),
        "live_words": _words_of(one),
        "why_not_rename": may_write or row.why_not("rename", around),
        "why_not_change": why_not_change,
        "why_not_delete": may_write or in_vpc or row.why_not("delete", around),
        "crumbs": _crumbs(request, row),
    }
    return render(request, part_or_page(request, "balancers/balancer_detail.html", "part"), context)


def _words_of(one: Shown) -> str:
    return f"{one.row.name}. {one.judgement.configured.sentence} {one.judgement.working.sentence}"


@tenant_form
@require_http_methods(FORM)
def balancer_rename(request: TenantRequest, pk: UUID) -> HttpResponse:
    row = _row(request, pk)
    form = RenameForm(row, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            is_changed = services.rename_balancer(row, name=form.cleaned_data["name"], by=request.actor)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, "Renamed." if is_changed else "It is called so already.")
            return redirect("balancers:detail", request.tenant.slug, row.pk)
    work = networks.work_on(row.vpc)
    context = {
        **_form(request, row, form, "Rename"),
        **offered(row.why_not("rename", work), work),
        "submit": "Rename",
    }
    return render(request, "rename.html", context, status=422 if form.errors else 200)


@tenant_form
@require_http_methods(FORM)
def balancer_edit(request: TenantRequest, pk: UUID) -> HttpResponse:
    """Who may connect, and how the members are checked."""
    return _change(request, _row(request, pk), EditForm, "Edit", "balancers/balancer_edit.html", "Save")


@tenant_form
@require_http_methods(FORM)
def balancer_replace(request: TenantRequest, pk: UUID) -> HttpResponse:
    """Another protocol or port."""
    return _change(request, _row(request, pk), ReplaceForm, "Replace", "balancers/balancer_replace.html", "Replace it")


def _change(
    request: TenantRequest, row: Balancer, kind: type[ChangeForm], verb: str, template: str, submit: str
) -> HttpResponse:
    form = kind(row, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            operation = services.change_balancer(row, **form.wanted, by=request.actor)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            if operation is not None:
                return started(request, operation)
            messages.info(request, "Nothing was changed: it is so already.")
            return redirect("balancers:detail", request.tenant.slug, row.pk)
    context = {**_form(request, row, form, verb), **_offered(row, "change"), "submit": submit}
    return render(request, template, context, status=422 if form.errors else 200)


@tenant_view
@require_POST
def balancer_apply(request: TenantRequest, pk: UUID) -> HttpResponse:
    row = _row(request, pk)
    return _at_once(request, row, partial(services.apply_balancer, row, by=request.actor))


@tenant_form
@require_http_methods(FORM)
def balancer_delete(request: TenantRequest, pk: UUID) -> HttpResponse:
    row = _row(request, pk)
    return removal(request, partial(services.delete_balancer, row, by=request.actor), partial(_deletion, request, row))


def _deletion(request: TenantRequest, row: Balancer) -> dict[str, Any]:
    members = list(row.members.all())
    sources = [Item("Rules", "of its sources", ", ".join(row.allowed_cidrs))] if row.allowed_cidrs else []
    return {
        "heading": f"Delete {row.name}",
        "question": f"Whoever connects to {row.get_protocol_display()} {row.port} of {row.address} gets no answer.",
        **_offered(row, "delete"),
        "goes": [queries.item_of(row), *sources],
        "stays": [
            Item("Public IP", str(row.address), "stays yours"),
            *(Item("Instance", each.instance_name, str(each.guest_address)) for each in members),
        ],
        "confirm_label": "Delete load balancer",
        "cancel_url": _url(request, row),
        "crumbs": _crumbs(request, row, "Delete"),
    }


@tenant_form
@require_http_methods(FORM)
def members_add(request: TenantRequest, pk: UUID) -> HttpResponse:
    only_parameters(request.GET, "find", "members")
    row = _row(request, pk)
    form = MembersForm(row, request.POST if request.method == "POST" else None, request.GET, path=request.path)
    if form.is_valid():
        try:
            wanted = form.cleaned_data["members"]
            return started(request, services.add_members(row, wanted, field="members", by=request.actor))
        except Refused as refusal:
            form.refuse(refusal)
    context = {
        **_form(request, row, form, "Add members"),
        **_offered(row, "change"),
        "heading": f"Add members to {row.name}",
        "submit": "Add members",
        "submit_icon": "plus",
    }
    template = "balancers/members_add.html"
    if wants_part(request) and request.method != "POST":
        template = f"{template}#instances"
    return render(request, template, context, status=422 if form.errors else 200)


@tenant_view
@require_POST
def member_drain(request: TenantRequest, pk: UUID, member: UUID) -> HttpResponse:
    """`to` says which way: "in", or anything else for out of rotation."""
    row = _row(request, pk)
    one, is_drained = _member(row, member), request.POST.get("to") != "in"
    order = partial(services.drain_member, row, one, is_drained=is_drained, by=request.actor)
    return _at_once(request, row, order)


@tenant_form
@require_http_methods(FORM)
def member_remove(request: TenantRequest, pk: UUID, member: UUID) -> HttpResponse:
    row = _row(request, pk)
    one = _member(row, member)
    order = partial(services.remove_member, row, one, by=request.actor)
    return removal(request, order, partial(_member_removal, request, row, one))


def _member_removal(request: TenantRequest, row: Balancer, member: Member) -> dict[str, Any]:
    others = [each for each in row.members.all() if each.pk != member.pk]
    rotating = [each for each in others if not each.drained]
    question = "Nothing is sent to it then. To take it out of rotation for a while, drain it."
    if not rotating:
        question = "It is the last one in rotation: nothing answers then."
    return {
        "heading": f"Remove {member.instance_name} from {row.name}",
        "question": question,
        **_offered(row, "change"),
        "goes": [Item("Member", member.instance_name, f"{member.guest_address}:{row.member_port}")],
        "stays": [
            Item("Instance", member.instance_name, "as it is"),
            Item("Load balancer", row.name, f"with {len(rotating)} member{'s'[: len(rotating) != 1]} in rotation"),
        ],
        "confirm_label": "Remove member",
        "cancel_url": _url(request, row),
        "crumbs": _crumbs(request, row, "Remove member"),
    }


def _at_once(request: TenantRequest, row: Balancer, order: Callable[[], Operation | None]) -> HttpResponse:
    """What a button of the page does, without another page before it."""
    try:
        operation = order()
    except Refused as refusal:
        messages.error(request, refusal.message)
    else:
        if operation is None:
            messages.info(request, "It is so already.")
    return redirect(_url(request, row))


def _row(request: TenantRequest, pk: UUID) -> Balancer:
    rows = Balancer.objects.of(request.tenant).live()
    related = rows.select_related("tenant", "public_ip", "tier__vpc__tenant", "vpc__tenant", "vpc__zone")
    return get_or_404(related.prefetch_related("members"), pk=pk)


def _member(row: Balancer, pk: UUID) -> Member:
    return get_or_404(Member.objects.of(row.tenant).filter(balancer=row), pk=pk)


def _offered(row: Balancer, action: str) -> dict[str, Any]:
    work = networks.work_on(row.vpc)
    return offered(row.vpc.why_not("add tier", work) or row.why_not(action, work), work)


def _form(request: TenantRequest, row: Balancer, form: Any, verb: str) -> dict[str, Any]:
    return {
        "heading": f"{verb} {row.name}",
        "row": row,
        "form": form,
        "wrong": "Nothing was changed",
        "submit_icon": "check",
        "cancel_url": _url(request, row),
        "crumbs": _crumbs(request, row, verb),
    }


def _url(request: TenantRequest, row: Balancer) -> str:
    return reverse("balancers:detail", args=[request.tenant.slug, row.pk])


def _crumbs(request: TenantRequest, row: Balancer | None = None, here: str = "") -> list[dict[str, str]]:
    crumbs = [{"label": "Load balancers", "url": reverse("balancers:list", args=[request.tenant.slug])}]
    if row is None:
        return crumbs
    if not here:
        return [*crumbs, {"label": row.name}]
    return [*crumbs, {"label": row.name, "url": _url(request, row)}, {"label": here}]
