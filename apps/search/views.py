"""The platform's search box, and what it finds."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.kernel.errors import Refused
from apps.kernel.pages import only_parameters
from apps.search.finders import Group, search
from apps.search.forms import SearchForm
from apps.tenancy.actors import PlatformRequest
from apps.tenancy.decorators import platform_view


@platform_view
@require_safe
def search_everything(request: PlatformRequest) -> HttpResponse:
    only_parameters(request.GET, "q")
    form = SearchForm(request.GET or None)
    groups: list[Group] = []
    text = form.cleaned_data["q"].strip() if form.is_valid() else ""
    if text:
        try:
            groups = search(text, request.platform)
        except Refused as refusal:
            form.refuse(refusal)
    return render(request, "search/search.html", {"form": form, "groups": groups, "text": text})
