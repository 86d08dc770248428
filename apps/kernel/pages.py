"""What list pages and live pages have in common: a page number that stays cheap, and one template for page and part."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import BadRequest
from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.functional import cached_property
from django_htmx.http import replace_url, reselect, reswap, retarget
from django_htmx.middleware import HtmxDetails

M = TypeVar("M", bound=Model)

ROWS = 50
#: The code of the notice to a page that was opened by another person than who is signed in now.
SOMEBODY_ELSE = "somebody-else"


class BoundedPaginator(Paginator[M]):
    """Counts no further than `LIMIT`, so that a page of a list of millions costs what one of thousands does.

    Rows beyond the limit are reached with a filter; `is_bounded` lets the page say so.
    """

    LIMIT = 1_000

    object_list: QuerySet[M]

    @cached_property
    def count(self) -> int:
        return self.object_list.order_by()[: self.LIMIT].count()

    @property
    def is_bounded(self) -> bool:
        return self.count == self.LIMIT


def page_of(rows: QuerySet[M], request: HttpRequest, *, size: int = ROWS) -> Page[M]:
    """The page that `?page=` asks for; the nearest one that exists when it asks for nonsense."""
    return BoundedPaginator(rows, size).get_page(request.GET.get("page"))


def found(page: Page[Any], noun: str, plural: str = "") -> str:
    """How many rows a list has, in words: "12 VPCs"."""
    paginator = page.paginator
    more = " or more" if getattr(paginator, "is_bounded", False) else ""
    count = paginator.count
    return f"{count or 'No'}{more} {noun if count == 1 else plural or f'{noun}s'}"


def only_parameters(address: QueryDict, *known: str) -> None:
    """Raises `BadRequest` for a parameter that the page does not know: a typo must not show everything."""
    for name in address:
        if name not in known:
            raise BadRequest(f"This page has no filter “{name[:63]}”. It has: {', '.join(known)}.")


def wants_part(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of the page. Boosted links want the whole of it."""
    htmx = HtmxDetails(request)  # of its own: a request that is refused early has none yet
    return bool(htmx) and not htmx.boosted


def address_shown(request: HttpRequest) -> str:
    """Path and query of the page that htmx asks for; "/" when it does not say."""
    return address_in(HtmxDetails(request).current_url or "")


def address_in(url: str) -> str:
    """Path and query in what a browser calls the address of a page of Weft; "/" when it cannot be one."""
    try:
        path, query = urlsplit(url)[2:4]
    except ValueError:
        return "/"
    if not re.match(r"/(?![/\\])", path):  # what begins with two slashes would be another host's
        return "/"
    return f"{path}?{query}" if query else path


def echoes_nothing(response: HttpResponse) -> HttpResponse:
    """Vouches that nothing of the request's query comes back in it but what Weft has given out: it may be compressed
    (`kernel.middleware.Compression`)."""
    response.echoes_nothing = True  # type: ignore[attr-defined]
    return response


def notice(status: int, code: str, message: str, *, url: str = "", label: str = "") -> HttpResponse:
    """What htmx is told instead of the part that it has asked for.

    It appears once among the page's messages, and nothing else on the page is touched: a form that is half filled in
    stays as it is. It goes with the next answer that is none (static/weft/live.js)."""
    context = {"code": code, "message": message, "url": url, "label": label}
    response = HttpResponse(render_to_string("components/notice.html", context), status=status)
    response.headers["Weft-Notice"] = code
    # However the element that asks selects and places what it gets, and whatever it does to the address.
    reselect(reswap(retarget(response, "#messages"), "beforeend"), "unset")
    return replace_url(response, False)


def part_or_page(request: HttpRequest, template: str, part: str) -> str:
    """The template's name, or that of the partial in it that htmx asks for."""
    return f"{template}#{part}" if wants_part(request) else template


def form_page(request: HttpRequest, template: str, form: Form | None, **context: Any) -> HttpResponse:
    """A page with a form, 422 when that has faults; None where it cannot be sent and only the reason is shown."""
    status = 422 if form is not None and form.errors else 200
    return render(request, template, {**context, "form": form}, status=status)


def list_page(
    request: HttpRequest,
    template: str,
    page: Page[Any],
    *,
    caption: str,
    words: str,
    rows: Iterable[Any] | None = None,
    form: Form | None = None,
    **context: Any,
) -> HttpResponse:
    """A list, or for htmx what changes of it. The template extends `list.html`, which tells what it may fill.

    `words` tell how things stand, which is read out when it changes. `rows` are what the lines show, if that is not the
    page's own objects."""
    context |= {"page": page, "rows": page.object_list if rows is None else rows, "form": form, "caption": caption}
    context |= {"live_words": words, "frame": "part.html" if wants_part(request) else "base.html"}
    return render(request, template, context)
