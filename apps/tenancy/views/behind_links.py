"""What pages that a link opens have in common: where its code is entered, and what is said when it opens nothing.

The secret stands behind the # of the link, which a browser sends to nobody. The page takes it from there into a form;
without JavaScript one pastes it. So it is in no address that is asked for, in no log and no Referer, and whatever opens
the link to see what it is (a mail scanner, a chat's preview) changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from apps.kernel.errors import Refused
from apps.tenancy import tries
from apps.tenancy.forms import in_words

T = TypeVar("T")

BUSY = "Many people are signing in just now. Try again in some seconds."


class LinkPage(NamedTuple):
    title: str
    view: str


def link_page(request: HttpRequest, page: LinkPage, fault: str = "", *, status: int = 200) -> HttpResponse:
    context = {"title": page.title, "action": reverse(page.view), "fault": fault}
    return render(request, "tenancy/link_code.html", context, status=status)


def code_of(request: HttpRequest) -> str:
    """As it was meant: who pastes a code brings blanks along, or the whole link."""
    return request.POST.get("code", "").strip().rpartition("#")[2]


def behind_link(request: HttpRequest, page: LinkPage, look: Callable[[str], T]) -> T | HttpResponse:
    """What `look` finds behind the code that was sent; or the page that says that there is nothing."""
    try:
        attempt = tries.attempt_with_secret(request)
    except tries.TooManyTries as refusal:
        words = f"Too many tries have failed. Wait {in_words(refusal.seconds)}."
        answer = link_page(request, page, words, status=429)
        answer.headers["Retry-After"] = str(refusal.seconds)
        return answer
    try:
        found = look(code_of(request))
    except Refused as refusal:
        return link_page(request, page, refusal.message, status=422)
    attempt.undo()
    return found
