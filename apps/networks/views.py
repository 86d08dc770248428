"""The pages of VPCs and tiers, and the tenant's overview."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any, TypeVar
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.core.paginator import Page
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from apps.kernel.errors import Refused
from apps.kernel.forms import Refusable
from apps.kernel.pages import found, list_page, page_of, part_or_page
from apps.kernel.shortcuts import get_or_404
from apps.networks import attention, plans, queries, services, tabs
from apps.networks.addressing import suggest_tier
from apps.networks.agreement import agreement_of
from apps.networks.alongside import choices_in
from apps.networks.drafts import EDITS, TierDraft, VpcDraft
from apps.networks.forms import ConfirmForm, TierForm, TierRenameForm, VpcForm, VpcListForm, VpcRenameForm
from apps.networks.inside import earliest, inside_of
from apps.networks.models import Tier, Vpc
from apps.networks.specs import MOST_TIERS
from apps.networks.vitals import vitals_of
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.operations.queries import ahead_of, search, search_audit
from apps.operations.sentences import sentence
from apps.operations.views import offered, removal, started
from apps.quotas.queries import quotas_of
from apps.quotas.resources import VPC
from apps.tenancy.actors import TenantRequest
from apps.tenancy.decorators import tenant_form, tenant_view
from apps.tenancy.models import AuditEntry
from apps.tenancy.queries import why_not_write

M = TypeVar("M", Vpc, Tier)
FORM = ["GET", "HEAD", "POST"]


class Gone(Exception):  # noqa: N818 - nothing is wrong with it
    """What a page is about was deleted. Whoever comes is led to the VPC, whose page tells what became of it."""

    def __init__(self, vpc: Vpc) -> None:
        super().__init__(vpc)
        self.vpc = vpc


def of_what_may_be_gone(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def led(request: TenantRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except Gone as gone:
            return redirect("networks:vpc_detail", request.tenant.slug, gone.vpc.pk)

    return led


@tenant_view
@require_safe
def overview(request: TenantRequest) -> HttpResponse:
    """What needs attention, what is under way, what there is, what happened last."""
    operations = Operation.objects.of(request.tenant)
    running = list(operations.running()[:10])
    ahead = ahead_of(operations, running)
    quotas = quotas_of(request.tenant)
    quota = quotas.of(VPC)
    context = {
        "attention": queries.attention_of(request.tenant, quotas),
        "vitals": vitals_of(request.tenant),
        "running": [(each, sentence(each, ahead.get(each.pk))) for each in running],
        "quotas": quotas,
        "quota": quota,
        "recent": operations[:8],
        "why_not_create": why_not_write(request.membership) or quota.why_not(),
    }
    context["live_words"] = _overview_words(context)
    return render(request, part_or_page(request, "networks/overview.html", "now"), context)


@tenant_view
@require_safe
def glossary(request: TenantRequest) -> HttpResponse:
    return render(request, "glossary.html")


# --- VPCs -------------------------------------------------------------------------------------------------------------


@tenant_view
@require_safe
def vpc_list(request: TenantRequest) -> HttpResponse:
    form = VpcListForm(request.GET, queries.zones_of(request.tenant))
    sort = request.GET.get("sort", queries.DEFAULT_SORT)
    page = page_of(form.kept(queries.search_vpcs(request.tenant, **form.wanted, sort=sort)), request)
    rows = queries.rows_of(request.tenant, page)
    quota = quotas_of(request.tenant).of(VPC)
    context = {
        "quota": quota,
        "sort": sort,
        "why_not_create": why_not_write(request.membership) or quota.why_not(),
    }
    words = _list_words(page, rows)
    template = "networks/vpc_list.html"
    return list_page(request, template, page, caption="VPCs", words=words, rows=rows, form=form, **context)


@tenant_form
@require_http_methods(FORM)
def vpc_create(request: TenantRequest) -> HttpResponse:
    form = _vpc_form(request)
    if form.is_valid():
        try:
            operation = services.create_vpc(request.tenant, form.spec, by=request.actor)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            return started(request, operation)
    template = part_or_page(request, "networks/vpc_create.html", "builder")
    return render(request, template, _builder(request, form), status=422 if form.errors else 200)


@tenant_form
@require_safe
def vpc_map(request: TenantRequest) -> HttpResponse:
    """What stands beside the create form, for what has been typed so far."""
    form = VpcForm(_draft(request.GET), queries.zones_of(request.tenant))
    return render(request, "networks/vpc_create.html#plan", _builder(request, form) | {"is_part": True})


@tenant_view
@require_safe
def vpc_detail(request: TenantRequest, pk: UUID) -> HttpResponse:
    vpc = get_or_404(Vpc.objects.of(request.tenant).select_related("zone", "tenant"), pk=pk)
    if not vpc.is_live:
        crumbs = _crumbs(request, vpc.name)
        return render(request, "networks/vpc_gone.html", {"vpc": vpc, "crumbs": crumbs} | _done_in(vpc))
    seen = tabs.see(request, vpc)
    inside = inside_of(vpc, seen.tiers)
    return tabs.tab_page(
        request,
        seen,
        tabs.OVERVIEW,
        "networks/vpc_detail.html",
        picture=plans.map_of(vpc, seen.tiers, seen.agreement, inside=inside, leads=True),
        fresh_until=earliest(seen.agreement.fresh_until, inside.fresh_until),
        machines_read_at=inside.machines_read_at,
        sleep_words=plans.sleep_words(len(seen.agreement.dormant), len(seen.tiers)),
        found=attention.found_of(vpc.tenant, vpc),
        overlap=queries.overlap_of(vpc.tenant, vpc.cidr, besides=vpc),
        why_not_delete=seen.why_not_write or vpc.why_not("delete", seen.work),
    )


@tabs.vpc_tab
def vpc_tiers(request: TenantRequest, seen: tabs.Seen) -> HttpResponse:
    inside = inside_of(seen.vpc, seen.tiers, tiers_alone=True)
    rows = [
        {
            "tier": tier,
            "status": plans.shown_status(tier, seen.agreement),
            "machines": inside.machines.get(tier.pk),
            "acl": inside.lists.get(tier.pk),
            "why_not_rename": seen.why_not_write or tier.why_not("rename", seen.work),
            "why_not_delete": seen.why_not_write or tier.why_not("delete", seen.work),
        }
        for tier in seen.tiers
    ]
    return tabs.tab_page(request, seen, tabs.TIERS, "networks/vpc_tiers.html", rows=rows, inside=inside)


@tabs.vpc_tab
def vpc_activity(request: TenantRequest, seen: tabs.Seen) -> HttpResponse:
    return tabs.tab_page(request, seen, tabs.ACTIVITY, "networks/vpc_activity.html", **_done_in(seen.vpc))


@tenant_form
@require_http_methods(FORM)
@of_what_may_be_gone
def vpc_rename(request: TenantRequest, pk: UUID) -> HttpResponse:
    vpc = _vpc(request, pk)
    form = VpcRenameForm(request.POST or None, initial={"name": vpc.name, "description": vpc.description})
    if form.is_valid():
        try:
            is_changed = services.rename_vpc(vpc, **form.cleaned_data, by=request.actor)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            return _renamed(request, vpc, form.cleaned_data["name"], is_changed=is_changed)
    context = {"heading": f"Rename {vpc.name}", "submit": "Rename VPC", "crumbs": _crumbs(request, vpc, "Rename")}
    return _rename(request, vpc, form, context)


@tenant_form
@require_http_methods(FORM)
@of_what_may_be_gone
def vpc_delete(request: TenantRequest, pk: UUID) -> HttpResponse:
    """A preview of everything that goes; with the VPC's name typed, the end of it."""
    vpc = _vpc(request, pk)
    form = ConfirmForm(vpc, request.POST or None)
    return removal(
        request, partial(services.delete_vpc, vpc, by=request.actor), partial(_end_of_vpc, request, vpc), form
    )


def _end_of_vpc(request: TenantRequest, vpc: Vpc) -> dict[str, Any]:
    goes = plans.goes_with_vpc(vpc, list(queries.tiers_of(vpc)))
    context = _removal(request, vpc, f"Delete {vpc.name}", _offer(request, vpc, "delete"))
    return {**context, "goes": goes, "stays": plans.STAYS, "confirm_label": "Delete VPC"}


# --- tiers ------------------------------------------------------------------------------------------------------------


@tenant_form
@require_http_methods(FORM)
@of_what_may_be_gone
def tier_create(request: TenantRequest, pk: UUID) -> HttpResponse:
    """GET with the form's fields, as htmx sends it while one types, draws the map anew."""
    vpc = _vpc(request, pk)
    tiers = list(queries.tiers_of(vpc))
    gone = _again(request, Tier)
    suggestion = gone.cidr if gone else suggest_tier(vpc.cidr, [tier.cidr for tier in tiers])
    name = gone.name if gone else ""
    form = TierForm(request.POST or None, suggestion=suggestion, name=name, choices=choices_in(vpc))
    if form.is_valid():
        try:
            return started(request, services.create_tier(vpc, form.spec, by=request.actor, beside=form.beside))
        except Refused as refusal:
            form.refuse(refusal)
    said = request.POST or request.GET
    planned = plans.planned_tier(
        vpc, tiers, TierDraft(said.get("name", form["name"].initial), said.get("cidr", form["cidr"].initial))
    )
    work = queries.work_on(vpc)
    reason = _why_not_add_tier(request, vpc, len(tiers), work)
    agreement = agreement_of(vpc, tiers, settled_at=queries.settled_at(queries.latest_operations_of(vpc)))
    picture = plans.map_of(vpc, tiers, agreement, planned=None if reason else planned)
    context = {"form": form, "vpc": vpc, "tiers": tiers, "picture": picture}
    context |= {**offered(reason, work), "crumbs": _crumbs(request, vpc, "New tier")}
    template = part_or_page(request, "networks/tier_create.html", "map")
    return render(request, template, context, status=422 if form.errors else 200)


@tenant_form
@require_http_methods(FORM)
@of_what_may_be_gone
def tier_rename(request: TenantRequest, pk: UUID) -> HttpResponse:
    tier = _tier(request, pk)
    form = TierRenameForm(request.POST or None, initial={"name": tier.name})
    if form.is_valid():
        try:
            is_changed = services.rename_tier(tier, **form.cleaned_data, by=request.actor)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            return _renamed(request, tier, form.cleaned_data["name"], is_changed=is_changed)
    crumbs = _crumbs(request, tier.vpc, f"Rename {tier.name}")
    return _rename(
        request, tier, form, {"heading": f"Rename tier {tier.name}", "submit": "Rename tier", "crumbs": crumbs}
    )


@tenant_form
@require_http_methods(FORM)
@of_what_may_be_gone
def tier_delete(request: TenantRequest, pk: UUID) -> HttpResponse:
    tier = _tier(request, pk)
    return removal(request, partial(services.delete_tier, tier, by=request.actor), partial(_end_of_tier, request, tier))


def _end_of_tier(request: TenantRequest, tier: Tier) -> dict[str, Any]:
    context = _removal(request, tier, f"Delete tier {tier.name}", _offer(request, tier, "delete"))
    stays = [plans.Item("VPC", tier.vpc.name, "and its other tiers"), *plans.STAYS]
    return {**context, "goes": plans.goes_with_tier(tier), "stays": stays, "confirm_label": "Delete tier"}


# --- what they share --------------------------------------------------------------------------------------------------


def _vpc(request: TenantRequest, pk: UUID) -> Vpc:
    """Raises `Gone` for one that is deleted."""
    vpc = get_or_404(Vpc.objects.of(request.tenant).select_related("zone", "tenant"), pk=pk)
    if not vpc.is_live:
        raise Gone(vpc)
    return vpc


def _tier(request: TenantRequest, pk: UUID) -> Tier:
    tier = get_or_404(Tier.objects.of(request.tenant).select_related("vpc__zone", "vpc__tenant"), pk=pk)
    if not tier.is_live:
        raise Gone(tier.vpc)
    return tier


def _rename(request: TenantRequest, row: Vpc | Tier, form: Refusable, context: dict[str, Any]) -> HttpResponse:
    context |= {"form": form, "submit_icon": "pencil", "wrong": "The name was not changed"}
    context |= {"cancel_url": _page_of(request, row), **_offer(request, row, "rename")}
    return render(request, "rename.html", context, status=422 if form.errors else 200)


def _why_not(request: TenantRequest, row: Vpc | Tier, action: str, work: Sequence[Operation]) -> str | None:
    return why_not_write(request.membership) or row.why_not(action, work)


def _offer(request: TenantRequest, row: Vpc | Tier, action: str) -> dict[str, Any]:
    work = queries.work_on(row if isinstance(row, Vpc) else row.vpc)
    return offered(_why_not(request, row, action, work), work)


def _why_not_add_tier(request: TenantRequest, vpc: Vpc, tiers: int, work: Sequence[Operation]) -> str | None:
    quotas = quotas_of(request.tenant)
    return why_not_write(request.membership) or queries.why_not_add_tier(vpc, tiers, quotas, work)


def _crumbs(request: HttpRequest, vpc: Vpc | str, here: str = "") -> list[dict[str, str]]:
    slug = request.tenant.slug  # type: ignore[attr-defined]
    crumbs = [{"label": "VPCs", "url": reverse("networks:vpc_list", args=[slug])}]
    if isinstance(vpc, str):
        return [*crumbs, {"label": vpc}]
    return [*crumbs, {"label": vpc.name, "url": reverse("networks:vpc_detail", args=[slug, vpc.pk])}, {"label": here}]


def _renamed(request: TenantRequest, row: Vpc | Tier, name: str, *, is_changed: bool) -> HttpResponse:
    if is_changed:
        messages.success(request, f"Saved. The name is {name}.")
    else:
        messages.info(request, "Nothing was changed: it is called that already.")
    return redirect(_page_of(request, row))


def _page_of(request: TenantRequest, row: Vpc | Tier) -> str:
    """The tab on which it stands."""
    if isinstance(row, Vpc):
        return reverse("networks:vpc_detail", args=[request.tenant.slug, row.pk])
    return reverse("networks:vpc_tiers", args=[request.tenant.slug, row.vpc_id])


def _vpc_form(request: TenantRequest) -> VpcForm:
    """A fresh form, an edited one, or one that was sent off."""
    zones = queries.zones_of(request.tenant)
    free = partial(queries.free_range, request.tenant)
    if request.method != "POST":
        if (gone := _again(request, Vpc)) is not None:
            return VpcForm(_like(gone), zones)
        return VpcForm(VpcDraft.suggested(free, zone=str(zones[0].pk) if zones else ""), zones)
    draft = _draft(request.POST)
    edit = next((name for name in EDITS if name in request.POST), None)
    if edit is None:
        return VpcForm(draft, zones, is_sent=True, focus="")
    edited = draft.edited(edit, request.POST[edit], free)
    return VpcForm(edited, zones, focus=f"tiers.{len(edited.tiers) - 1}.name" if edit == "add_tier" else "")


def _again(request: TenantRequest, model: type[M]) -> M | None:
    """The row whose values a fresh form shows: `?again=` is its id. What is not known gives a form like any other."""
    try:
        return model.objects.of(request.tenant).get(pk=UUID(request.GET.get("again", "")))
    except (model.DoesNotExist, ValueError):
        return None


def _like(vpc: Vpc) -> VpcDraft:
    """What somebody has asked for before."""
    rows = [TierDraft(tier.name, str(tier.cidr)) for tier in queries.all_tiers_of(vpc)[:MOST_TIERS]]
    return VpcDraft(vpc.name, vpc.description, str(vpc.zone_id), str(vpc.cidr), tuple(rows))


def _draft(said: QueryDict) -> VpcDraft:
    try:
        return VpcDraft.of(said.dict())
    except Refused as refusal:
        raise BadRequest(refusal.message) from refusal


def _builder(request: TenantRequest, form: VpcForm) -> dict[str, Any]:
    plan = plans.plan_of(request.tenant, form.draft, form.zone_chosen)
    reason = plan.vpcs.why_not()
    if reason is None and not form.zones:
        reason = "No zone is ready for you yet: your account is still being created."
    problems = () if form.is_bound else form.draft.problems
    return {"form": form, "plan": plan, "problems": problems, "reason": reason, "crumbs": _crumbs(request, "New VPC")}


def _done_in(vpc: Vpc) -> dict[str, Any]:
    """The last of what was done with the VPC and what lies in it, and of who changed what. Two queries."""
    operations, entries = Operation.objects.of(vpc.tenant), AuditEntry.objects.of(vpc.tenant)
    return {
        "operations": search(operations, words="", vpc=vpc.pk)[: queries.SHOWN],
        "audit": search_audit(entries, operations, words="", vpc=vpc.pk)[: queries.SHOWN],
    }


def _overview_words(context: dict[str, Any]) -> str:
    needs = [f"{operation} is stuck" for operation in context["attention"].stuck]
    needs += [f"{remote} does not answer" for remote in context["attention"].silent]
    needs += [f"{need.subject}: {source.label.lower()}" for source, need in context["attention"].found.needs]
    running = [f"{operation}: {words}" for operation, words in context["running"]]
    return "; ".join([*needs, *running]) or "Nothing is under way, and nothing needs you"


def _list_words(page: Page[Vpc], rows: list[dict[str, Any]]) -> str:
    moving = [row for row in rows if row["status"] != Status.READY]
    words = (f"{row['name']} is {Status(row['status']).label.lower()}" for row in moving)
    return "; ".join([found(page, "VPC"), *words])


def _removal(request: TenantRequest, row: Vpc | Tier, heading: str, offer: dict[str, Any]) -> dict[str, Any]:
    return {
        "heading": heading,
        "question": "This cannot be undone. Look at what goes before you say yes.",
        **offer,
        "crumbs": _crumbs(request, row if isinstance(row, Vpc) else row.vpc, "Delete"),
        "cancel_url": _page_of(request, row),
    }
