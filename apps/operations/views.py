"""Activity, and the page of one operation; the same two again for the platform, over all tenants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.kernel.errors import Refused
from apps.kernel.forms import Refusable
from apps.kernel.pages import form_page, found, list_page, page_of, part_or_page, wants_part
from apps.kernel.shortcuts import get_or_404
from apps.operations import queries, sentences, services
from apps.operations.forms import ActivityForm, ChangesForm, PlatformActivityForm, RetryForm
from apps.operations.models import Event, Operation, OperationQuerySet
from apps.operations.state import Goal
from apps.tenancy.actors import Actor, PlatformRequest, TenantRequest
from apps.tenancy.decorators import platform_view, tenant_view
from apps.tenancy.models import AuditEntry
from apps.tenancy.queries import why_not_write


def started(request: TenantRequest, operation: Operation) -> HttpResponse:
    """To the page on which one can watch."""
    return redirect("operations:detail", request.tenant.slug, operation.pk)


def offered(reason: str | None, work: Sequence[Operation]) -> dict[str, Any]:
    """Why a form's button cannot be pressed now, and the operation in the way where there is one."""
    return {"reason": reason, "holder": next((each for each in work if reason == each.in_the_way), None)}


def removal(
    request: TenantRequest,
    order: Callable[[], Operation],
    preview: Callable[[], dict[str, Any]],
    form: Refusable | None = None,
) -> HttpResponse:
    """The page on which a removal is looked at and confirmed. `preview` tells what goes and what stays, as
    `confirm.html` shows it; `order` has it done. A form that asks for more than a press is given along."""
    form = form or Refusable(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            return started(request, order())
        except Refused as refusal:
            form.refuse(refusal)
    return form_page(request, "confirm.html", form, **preview())


def ordered(form: Refusable, order: Callable[[], Operation]) -> HttpResponse | None:
    """Where a form of the platform leads that was sent; None when it is to be shown, with what was refused."""
    if not form.is_valid():
        return None
    try:
        operation = order()
    except Refused as refusal:
        form.refuse(refusal)
        return None
    return redirect("operations:platform_detail", operation.pk)


@tenant_view
@require_safe
def activity(request: TenantRequest) -> HttpResponse:
    form = ActivityForm(request.GET)
    rows = form.kept(queries.search(Operation.objects.of(request.tenant), **form.wanted))
    why_not = why_not_write(request.membership)
    return _list(request, "operations/activity.html", rows, form=form, why_not_retry=why_not)


@tenant_view
@require_safe
def changes(request: TenantRequest) -> HttpResponse:
    """The audit log."""
    form = ChangesForm(request.GET)
    entries, operations = AuditEntry.objects.of(request.tenant), Operation.objects.of(request.tenant)
    rows = queries.search_audit(entries, operations, **form.wanted)
    page = page_of(form.kept(rows), request)
    changed = [(entry, queries.changes_of(entry)) for entry in page]
    words = found(page, "entry", "entries")
    template = "operations/changes.html"
    return list_page(request, template, page, caption="Audit log", words=words, rows=changed, form=form)


@tenant_view
@require_safe
def detail(request: TenantRequest, pk: UUID) -> HttpResponse:
    rows = Operation.objects.of(request.tenant).select_related("zone", "tenant")
    operation = get_or_404(rows, pk=pk)
    events = Event.objects.of(request.tenant).filter(operation=operation)
    crumbs = [("Activity", reverse("operations:list", args=[request.tenant.slug]))]
    return _page(request, rows, operation, crumbs, {"events": events, "reason": why_not_write(request.membership)})


@tenant_view
@require_POST
def cancel(request: TenantRequest, pk: UUID) -> HttpResponse:
    operation = get_or_404(Operation.objects.of(request.tenant), pk=pk)
    _attempt(request, services.cancel, operation, by=request.actor, done="Cancelling was noted.")
    return redirect("operations:detail", request.tenant.slug, pk)


@tenant_view
@require_POST
def retry(request: TenantRequest, pk: UUID) -> HttpResponse:
    operation = get_or_404(Operation.objects.of(request.tenant), pk=pk)
    _attempt(request, services.retry, operation, by=request.actor, done="It goes on where it stopped.")
    return redirect("operations:detail", request.tenant.slug, pk)


@tenant_view
@require_POST
def apply(request: TenantRequest, pk: UUID) -> HttpResponse:
    operation = get_or_404(Operation.objects.of(request.tenant), pk=pk)
    _attempt(request, services.apply, operation, by=request.actor, done="The change is tried anew.")
    return redirect("operations:detail", request.tenant.slug, pk)


@tenant_view
@require_POST
def dismiss(request: TenantRequest, pk: UUID) -> HttpResponse:
    """Back to where it was pressed: the overview, which shows it no longer, or its own page."""
    operation = get_or_404(Operation.objects.of(request.tenant), pk=pk)
    done = f"{operation} is dismissed. It stays in the activity."
    _attempt(request, services.dismiss, operation, by=request.actor, done=done)
    return redirect("networks:overview", request.tenant.slug)


@tenant_view
@require_POST
def retry_stuck(request: TenantRequest) -> HttpResponse:
    """All that are stuck and match the words of the filter."""
    form = RetryForm(request.POST)
    stuck = queries.search(Operation.objects.of(request.tenant).stuck(), **form.wanted)
    back = reverse("operations:list", args=[request.tenant.slug])
    return _retry_all(request, form, stuck, by=request.actor, back=back)


@platform_view
@require_POST
def platform_retry_stuck(request: PlatformRequest) -> HttpResponse:
    form = RetryForm(request.POST)
    stuck = queries.search_across(Operation.objects.across(request.platform).stuck(), **form.wanted)
    return _retry_all(request, form, stuck, by=request.actor, back=reverse("operations:platform_list"))


@platform_view
@require_http_methods(["GET", "HEAD", "POST"])
def platform_give_up(request: PlatformRequest, pk: UUID) -> HttpResponse:
    """Shows what may be left behind; with exactly that confirmed, the operation is over and its rows are deleted."""
    operation = get_or_404(Operation.objects.across(request.platform).select_related("zone", "tenant"), pk=pk)
    form = Refusable(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            services.give_up(operation, confirmed=request.POST.getlist("left"), by=request.platform)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            end = "its old values stay" if operation.goal == Goal.CHANGED else "its rows are deleted"
            messages.success(request, f"It is given up, and {end}.")
            return redirect("operations:platform_detail", pk)
    operation.refresh_from_db()
    context = {
        "crumbs": [
            {"label": "Operations", "url": reverse("operations:platform_list")},
            {"label": str(operation), "url": reverse("operations:platform_detail", args=[pk])},
            {"label": "Give up"},
        ],
        "operation": operation,
        "left": services.may_leave(operation) if operation.is_removing else [],
        "reason": operation.why_not("give up"),
    }
    return form_page(request, "operations/give_up.html", form, **context)


@platform_view
@require_safe
def platform_list(request: PlatformRequest) -> HttpResponse:
    """Every tenant's operations: what is stuck first, then the newest."""
    form = PlatformActivityForm(request.GET)
    rows = Operation.objects.across(request.platform).select_related("tenant", "zone")
    rows_found = form.kept(queries.search_across(rows, **form.wanted))
    return _list(request, "operations/platform_list.html", rows_found, form=form, stuck=rows.stuck()[:50], every=10)


@platform_view
@require_safe
def platform_detail(request: PlatformRequest, pk: UUID) -> HttpResponse:
    rows = Operation.objects.across(request.platform).select_related("zone", "tenant")
    operation = get_or_404(rows, pk=pk)
    events = Event.objects.across(request.platform).filter(operation=operation)
    crumbs = [("Operations", reverse("operations:platform_list"))]
    return _page(request, rows, operation, crumbs, {"events": events, "is_platform": True})


@platform_view
@require_POST
def platform_cancel(request: PlatformRequest, pk: UUID) -> HttpResponse:
    operation = get_or_404(Operation.objects.across(request.platform), pk=pk)
    _attempt(request, services.cancel, operation, by=request.actor, done="Cancelling was noted.")
    return redirect("operations:platform_detail", pk)


@platform_view
@require_POST
def platform_apply(request: PlatformRequest, pk: UUID) -> HttpResponse:
    operation = get_or_404(Operation.objects.across(request.platform), pk=pk)
    _attempt(request, services.apply, operation, by=request.actor, done="The change is tried anew.")
    return redirect("operations:platform_detail", pk)


@platform_view
@require_POST
def platform_retry(request: PlatformRequest, pk: UUID) -> HttpResponse:
    operation = get_or_404(Operation.objects.across(request.platform), pk=pk)
    _attempt(request, services.retry, operation, by=request.actor, done="It goes on where it stopped.")
    return redirect("operations:platform_detail", pk)


def _page(
    request: HttpRequest,
    rows: OperationQuerySet,
    operation: Operation,
    crumbs: list[tuple[str, str]],
    context: dict[str, Any],
) -> HttpResponse:
    """The page of an operation, or for htmx what changes on it. Once it is at rest, its last part follows no more."""
    reason = context.pop("reason", None)
    ahead = queries.ahead_of(rows, [operation]).get(operation.pk)
    context |= {
        "crumbs": [{"label": label, "url": url} for label, url in crumbs] + [{"label": str(operation)}],
        "operation": operation,
        "steps": queries.steps_of(operation),
        "sentence": sentences.sentence(operation, ahead),
        "notices": sentences.notices(operation),
        "ahead": ahead,
        "is_overdue": queries.is_overdue(operation),
        "vpc_id": queries.vpc_id_of(operation),
        "why_not_cancel": reason or operation.why_not("cancel"),
        "why_not_retry": reason or operation.why_not("retry"),
        "why_not_apply": reason or operation.why_not("apply"),
        "why_not_give_up": operation.why_not("give up"),
        "why_not_dismiss": reason or operation.why_not("dismiss"),
        "is_part": wants_part(request),
    }
    return render(request, part_or_page(request, "operations/detail.html", "part"), context)


def _list(request: HttpRequest, template: str, rows: OperationQuerySet, **context: Any) -> HttpResponse:
    page, stuck = page_of(rows, request), _stuck_among(rows)
    words = f"{found(page, 'operation')}. {stuck['stuck_words']}".removesuffix(". ") + "."
    return list_page(request, template, page, caption="Operations", words=words, **stuck, **context)


def _stuck_among(rows: OperationQuerySet) -> dict[str, Any]:
    """How many of these are stuck, and what the button says that tries them again: so many at once and no more."""
    most = services.MOST_AT_ONCE
    count = rows.stuck().order_by()[: most + 1].count()
    if count > most:
        return {"stuck_words": f"More than {most} operations are stuck", "retry_label": f"Retry {most} of them"}
    if count > 1:
        return {"stuck_words": f"{count} operations are stuck", "retry_label": f"Retry all {count} stuck"}
    return {"stuck_words": "One operation is stuck" if count else "", "retry_label": "Retry it"}


def _retry_all(
    request: HttpRequest, form: RetryForm, stuck: OperationQuerySet, *, by: Actor, back: str
) -> HttpResponse:
    if form.fault:
        messages.warning(request, form.fault)
        return redirect(back)
    results = services.retry_each(stuck[: services.MOST_AT_ONCE], by=by)
    done = sum(result.reason is None for result in results)
    messages.success(request, f"Tried again: {done} of {len(results)} stuck operations.")
    for result in [each for each in results if each.reason][:5]:
        messages.warning(request, f"{result.operation} was not: {result.reason}")
    kept = {name: form.said(name) for name in form.fields if form.said(name)}
    return redirect(f"{back}?{urlencode(kept)}" if kept else back)


def _attempt(
    request: HttpRequest, service: Callable[..., Operation], operation: Operation, *, by: Actor, done: str
) -> None:
    try:
        service(operation, by=by)
    except Refused as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.success(request, done)
