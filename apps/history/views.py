"""What happened in the fabric, what needs somebody, and the page of one event. The platform's alone."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from apps.history import queries
from apps.history.charts import charts_of
from apps.history.forms import EventForm, FindingForm
from apps.history.kinds import Subject
from apps.history.kinds import page_of as page_of_subject
from apps.history.models import Event
from apps.history.series import SPANS, parts_of, past_of, span_of
from apps.history.timeline import before
from apps.kernel.pages import found, list_page, only_parameters, page_of, part_or_page
from apps.kernel.shortcuts import get_or_404
from apps.tenancy.actors import PlatformRequest
from apps.tenancy.decorators import platform_view
from apps.zones.models import Zone

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
        "timeline": before(event.began_at, request.platform, zone=event.zone, but=event),
        "crumbs": [{"label": "Events", "url": reverse("history:events")}, {"label": event.subject_name}],
    }
    return render(request, part_or_page(request, "history/event_detail.html", "event"), context)


@platform_view
@require_safe
def past(request: PlatformRequest, zone: str, kind: str, subject: str) -> HttpResponse:
    """What was measured of one thing, and what happened to it. Other pages embed the part (`history/_charts.html`)."""
    only_parameters(request.GET, "span", "part")
    where = get_or_404(Zone.objects.all(), slug=zone)
    span = span_of(request.GET.get("span", "day"))
    part = request.GET.get("part", "")
    parts = parts_of(where, kind, subject)
    if span is None or (part and part not in parts):
        raise Http404("No such span, or no such part of it.")
    known = past_of(where, kind, subject, span, part=part)
    called = queries.name_of(where, kind, subject)
    if not (known.lines or parts or called):
        raise Http404("There is no such thing, nothing was ever measured of it, and nothing happened to it.")
    name = called or subject
    url = reverse("history:past", args=[zone, kind, subject])
    context = {
        "name": name,
        "zone": where,
        "subject_url": page_of_subject(where, Subject(kind, subject, name)),
        "charts": charts_of(known, about=name),
        "span": span,
        "part": part,
        "parts": [(each, f"{url}?{urlencode({'span': span.key, 'part': each})}") for each in parts],
        "events": queries.of_subject(where, kind, subject),
        "tabs": [
            {
                "label": each.label,
                "url": f"{url}?{urlencode({'span': each.key} | ({'part': part} if part else {}))}",
                "current": each == span,
            }
            for each in SPANS
        ],
        "whole_url": f"{url}?{urlencode({'span': span.key})}",
        "crumbs": [{"label": "Events", "url": reverse("history:events")}, {"label": name}],
    }
    return render(request, part_or_page(request, "history/past.html", "charts"), context)
