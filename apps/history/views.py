"""What happened in the fabric, what needs somebody, and the page of one event. The platform's alone."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.history import queries
from apps.history.forms import EventForm, FindingForm
from apps.history.models import Event
from apps.kernel.pages import found, list_page, page_of, part_or_page
from apps.kernel.shortcuts import get_or_404
from apps.tenancy.actors import PlatformRequest
from apps.tenancy.decorators import platform_view

#: Tenants named on the page of an event.
MOST_TENANTS = 200


@platform_view
@require_safe
def event_list(request: PlatformRequest) -> HttpResponse:
    form = EventForm(request.GET)
    page = page_of(form.kept(queries.whole(queries.search(Event.objects.all(), **form.wanted))), request)
    words = found(page, "event")
    return list_page(request, "history/event_list.html", page, caption="Events", words=words, form=form, every=15)


@platform_view
@require_safe
def finding_list(request: PlatformRequest) -> HttpResponse:
    form = FindingForm(request.GET)
    page = page_of(form.kept(queries.whole(queries.search(Event.objects.findings(), **form.wanted))), request)
    words = found(page, "finding")
    return list_page(request, "history/finding_list.html", page, caption="Findings", words=words, form=form, every=15)


@platform_view
@require_safe
def event_detail(request: PlatformRequest, pk: UUID) -> HttpResponse:
    event = get_or_404(queries.whole(Event.objects.all()), pk=pk)
    context = {
        "event": event,
        "tenants": queries.tenants_of(event, most=MOST_TENANTS),
        "before": queries.began_before(event),
        "crumbs": [{"label": "Events", "url": reverse("history:events")}, {"label": event.subject_name}],
    }
    return render(request, part_or_page(request, "history/event_detail.html", "event"), context)
