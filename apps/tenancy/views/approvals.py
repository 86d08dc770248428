"""One page for all that waits for the platform's decision, whatever app it is of."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.kernel.errors import Refused
from apps.kernel.pages import ROWS, found, list_page, only_parameters, wants_part
from apps.tenancy import approvals
from apps.tenancy.actors import PlatformRequest
from apps.tenancy.decorators import platform_view
from apps.tenancy.forms import DecisionForm

GONE = "It does not wait any more: somebody else has decided, or it was taken back. Nothing was changed."
DONE = {"approve": "Approved.", "reject": "Rejected."}


@platform_view
@require_http_methods(["GET", "HEAD", "POST"])
def approval_list(request: PlatformRequest) -> HttpResponse:
    """Each line has buttons of its own. htmx is answered with the list as it is then; without scripts it leads back."""
    only_parameters(request.GET, "page")
    if request.method != "POST":
        return _listed(request)
    form = DecisionForm(request.POST)
    if form.is_valid():
        _decide(request, form)
    if form.errors or wants_part(request):
        return _listed(request, form)
    return redirect(f"{reverse('approvals')}?page={request.GET.get('page', '1')}")


def _decide(request: PlatformRequest, form: DecisionForm) -> None:
    said = form.cleaned_data
    try:
        is_done = approvals.decide(said["id"], said["verdict"], said["reason"], request.platform)
    except Refused as refusal:
        form.refuse(refusal)
    else:
        messages.add_message(
            request, messages.SUCCESS if is_done else messages.ERROR, DONE[said["verdict"]] if is_done else GONE
        )


def _listed(request: PlatformRequest, form: DecisionForm | None = None) -> HttpResponse:
    """A query for each kind. What was wrong is told in its line; where that is gone, above the list."""
    page = Paginator(approvals.waiting(request.platform), ROWS).get_page(request.GET.get("page"))
    refused = form if form is not None and form.errors else None
    rows = [(each, refused if refused and refused.pk == str(each.id) else DecisionForm(pk=each.id)) for each in page]
    if refused and not any(shown is refused for _, shown in rows):
        messages.error(request, refused.words)
    words = found(page, "request")
    answer = list_page(request, "tenancy/approvals.html", page, caption="Approvals", words=words, rows=rows)
    answer.status_code = 422 if refused else 200
    return answer
