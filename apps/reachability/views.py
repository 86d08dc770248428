"""Why cannot A reach B: one page, which changes nothing and asks neither system."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.kernel.pages import only_parameters
from apps.reachability.forms import ReachabilityForm
from apps.reachability.queries import answer_of
from apps.tenancy.actors import TenantRequest
from apps.tenancy.decorators import tenant_view

ALSO = ("search", "source_instance_words", "target_instance_words")


@tenant_view
@require_safe
def ask(request: TenantRequest) -> HttpResponse:
    only_parameters(request.GET, *ReachabilityForm.base_fields, *ALSO)
    form = ReachabilityForm(request.GET, request.tenant)
    answer = answer_of(form.question) if form.is_bound and form.is_valid() else None
    context = {"form": form, "answer": answer, "crumbs": [{"label": "Reachability"}]}
    return render(request, "reachability/ask.html", context, status=422 if form.errors else 200)
