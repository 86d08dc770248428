"""The components that need more than an include. docs/design-language.md shows each of them in use."""

from __future__ import annotations

import re
import zlib
from datetime import datetime
from functools import lru_cache
from typing import Any

from django import template
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from lucide.templatetags.lucide import lucide

from apps.kernel import clock, times
from apps.kernel.errors import Never
from apps.kernel.svg.bar import Usage, render_bar
from apps.kernel.svg.draw import element, mark
from apps.kernel.svg.status import Look, look_of

register = template.Library()


@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str, extra: str = "") -> SafeString:
    """A lucide icon that says nothing to a screen reader: the words stand beside it."""
    svg = lucide(name, size=None, **{"class": f"icon {extra}".strip(), "aria_hidden": "true"})
    return SafeString(re.sub(r"\s*\n\s*", " ", svg))


@register.simple_tag(takes_context=True)
def drawn(context: template.Context, name: str) -> SafeString:
    """A template drawn once, `as` a variable, for what a page shows in two places."""
    assert context.template is not None
    return SafeString(context.template.engine.get_template(name).render(context))


@register.filter
def look(word: object) -> Look:
    return look_of(word)


@register.filter
def tone(word: object) -> str:
    return look_of(word).tone


@register.simple_tag
def status(word: object, label: str = "", *, stale: bool = False, plain: bool = False) -> SafeString:
    """A badge of icon, colour and words. Stale is grey whatever it was, and says so."""
    return _status(str(word), label, stale, plain)


@lru_cache(maxsize=256)
def _status(word: str, label: str, stale: bool, plain: bool) -> SafeString:
    found = look_of(word)
    classes = ["status", f"tone-{'linen' if stale else found.tone}"]
    classes += ["status--stale"] * stale + ["status--plain"] * plain
    classes += ["status--moving"] * (found.is_moving and not stale)
    words = f"{label or found.words}{' (stale)' if stale else ''}"
    return format_html(
        '<span class="{}">{}{}</span>', " ".join(classes), icon("clock-alert" if stale else found.icon), words
    )


@register.simple_tag
def age(
    moment: datetime | str | None, verb: str = "read", *, fresh_for: int | None = None, lasting: bool = False
) -> SafeString:
    """ "read 12 s ago"; past `fresh_for` seconds it is grey and says stale. With `lasting` it is "waiting for 12 s".

    weft.js keeps it true on an open page. To the second, with day and zone, it is told under the pointer, on focus and
    at a touch."""
    at = _moment(moment)
    if at is None:
        return format_html('<span class="age age--stale">{}never {}</span>', icon("clock-alert"), verb)
    seconds = max(0, _seconds_since(at))
    is_stale = fresh_for is not None and seconds > fresh_for
    words = f"for {times.lasting(seconds)}" if lasting else times.ago(seconds, at)
    return format_html(
        '<time class="when age{}" datetime="{}" tabindex="0" data-exact="{}" data-verb="{}"{}{}>{}'
        '<span class="when__text">{}</span></time>',
        " age--stale" if is_stale else "",
        at.isoformat(timespec="seconds"),
        times.exact(at),
        verb,
        SafeString(" data-lasting") if lasting else "",
        "" if fresh_for is None else format_html(' data-fresh-for="{}"', fresh_for),
        icon("clock-alert"),
        f"{verb} {words}{', stale' if is_stale else ''}".strip(),
    )


@register.simple_tag
def moment(value: datetime | str | None) -> SafeString:
    """A point in time by itself: "12 s ago", and to the second as `age` tells it."""
    at = _moment(value)
    if at is None:
        return SafeString("")
    return SafeString(f"{_when(at, times.exact(at))}{times.ago(_seconds_since(at), at)}</span></time>")


@lru_cache(maxsize=4096)
def _when(at: datetime, exactly: str) -> SafeString:
    """What of it does not pass: a list has one in each line, and draws them again and again."""
    return format_html(
        '<time class="when" datetime="{}" tabindex="0" data-exact="{}" data-verb=""><span class="when__text">',
        at.isoformat(timespec="seconds"),
        exactly,
    )


@register.simple_tag
def exactly(value: datetime | str | None) -> SafeString:
    """For the facts of a page, where there is room for both: "12 s ago" and, paler, to the second."""
    at = _moment(value)
    if at is None:
        return SafeString("")
    return format_html(
        '<time datetime="{}" data-verb=""><span class="when__text">{}</span></time> '
        '<span class="faint small">{}</span>',
        at.isoformat(timespec="seconds"),
        times.ago(_seconds_since(at), at),
        times.exact(at),
    )


@register.simple_tag
def on_the_clock(value: datetime | str | None) -> SafeString:
    """For lines that follow each other within seconds: "14:02:11 CET", with the day where that is not today."""
    at = _moment(value)
    if at is None:
        return SafeString("")
    words = times.on_the_clock(at, timezone.localdate())
    return format_html('<time datetime="{}">{}</time>', at.isoformat(timespec="seconds"), words)


def _seconds_since(at: datetime) -> int:
    return int((clock.now() - at).total_seconds())


@register.simple_tag
def duration(start: datetime | str | None, end: datetime | str | None = None) -> str:
    """How long it took, or has taken so far: "4 s", "2 min 05 s", "1 h 12 min"."""
    began, ended = _moment(start), _moment(end) or clock.now()
    if began is None:
        return ""
    seconds = max(0, int((ended - began).total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"


def _moment(value: datetime | str | None) -> datetime | None:
    """Steps keep their times as text in JSON."""
    return parse_datetime(value) if isinstance(value, str) else value


@register.inclusion_tag("components/button.html")
def button(
    label: str,
    url: str = "",
    *,
    icon: str = "",
    look: str = "",
    reason: str | None = None,
    name: str = "",
    value: str = "",
    small: bool = False,
    key: str = "",
    about: str = "",
) -> dict[str, Any]:
    """A link when it has a URL, else a submit button. With a reason it cannot be pressed, and says why; with a
    `Never` it is not there.

    `look` is primary, danger, danger-solid or quiet. It is the same button to who has the focus on it when a part is
    drawn anew, also when it can no longer be pressed; `key` tells two apart that do the same on one page. In a row it
    is `about` something, "Delete" about "tier web", which who hears the page is told."""
    named = f"{zlib.crc32(f'{label} {url} {name} {value} {key}'.encode()):08x}"
    classes = ["button"] + [f"button--{look}"] * bool(look) + ["button--small"] * small
    return {
        "label": label,
        "name_aloud": f"{label} {about}" if about else "",
        "url": url,
        "icon": icon,
        "reason": reason,
        "is_never": isinstance(reason, Never),
        "key": named,
        "reason_id": f"why-{named}",
        "name": name,
        "value": value,
        "classes": " ".join(classes),
    }


@register.simple_tag(takes_context=True)
def glossary_url(context: template.Context) -> str:
    """Where the words of this portal are explained: in the frame that the page stands in. Empty outside of both."""
    request: HttpRequest = context["request"]
    if tenant := getattr(request, "tenant", None):
        return reverse("networks:glossary", kwargs={"tenant_slug": tenant.slug})
    return reverse("fabric:glossary") if getattr(request, "platform", None) else ""


@register.simple_tag(takes_context=True)
def term(context: template.Context, key: str, words: str) -> SafeString:
    """A word with a link to what it means: `{% term "softgate" "SoftGates" %}`. For its first use on a page."""
    url = glossary_url(context)
    return format_html('<a class="term" href="{}#{}">{}</a>', url, key, words) if url else format_html("{}", words)


@register.inclusion_tag("components/copyable.html")
def copyable(value: object, label: str = "") -> dict[str, Any]:
    """An address or an id with a button that copies it. `label` names it to a screen reader: "Copy source NAT IP"."""
    return {"value": "" if value is None else str(value), "label": label or str(value)}


@register.inclusion_tag("components/usage.html")
def usage(used: int, total: int, *, reserved: int = 0, unit: str = "", label: str = "") -> dict[str, Any]:
    """A bar of what is in use, reserved and free, with the figures under it."""
    counts = Usage(used, total, reserved, unit)
    return {"usage": counts, "bar": render_bar(counts), "label": label}


@register.simple_tag
@lru_cache(maxsize=32)
def map_mark(word: str) -> SafeString:
    """A status as the maps show it: the same shape in the same colour, with its words. For legends."""
    found = look_of(word)
    shape = mark(found.shape, 7, 7, found.tone)
    svg = element("svg", shape, viewBox="0 0 14 14", class_="legend__mark", aria_hidden="true")
    return format_html("{}{}", svg, found.words)


@register.simple_tag(takes_context=True)
def sort_header(context: template.Context, field: str, label: str, *, number: bool = False) -> SafeString:
    """A <th> whose link sorts by `field`; a second press turns the order round. The view reads `?sort=`."""
    request: HttpRequest = context["request"]
    current = request.GET.get("sort", context.get("sort") or "")
    is_up, is_down = current == field, current == f"-{field}"
    query = request.GET.copy()
    query["sort"] = f"-{field}" if is_up else field
    query.pop("page", None)
    query.pop("after", None)
    return format_html(
        '<th scope="col"{}{}><a href="?{}">{}{}</a></th>',
        SafeString(' class="number"') if number else "",
        SafeString(' aria-sort="ascending"' if is_up else ' aria-sort="descending"' if is_down else ""),
        query.urlencode(),
        label,
        icon("arrow-up" if is_up else "arrow-down" if is_down else "chevrons-up-down"),
    )


@register.simple_block_tag
def table(content: str, caption: str, look: str = "") -> SafeString:
    """A table between the tags: what has it scroll sideways in a narrow window, and what names it.

    Without a `look`, a class of its own, its rows become cards on a phone.
    """
    return format_html(
        '<div class="table-wrap" tabindex="0" role="group" aria-label="{}"><table class="table{}">'
        '<caption class="visually-hidden">{}</caption>{}</table></div>',
        caption,
        f" table--keep {look}" if look else "",
        caption,
        content,
    )


@register.simple_block_tag
def code(content: str, title: str = "Shell") -> SafeString:
    """Text to copy, such as a curl example, shown as it stands between the tags, without its outer blank lines. Between
    them the template has escaped already."""
    words = mark_safe(content.strip("\n").rstrip())  # noqa: S308 - see above
    key = f"code-{zlib.crc32(f'{title} {words}'.encode()):08x}"
    return format_html(
        '<figure class="code"><figcaption class="code__head"><span>{}</span>{}</figcaption>'
        '<pre tabindex="0"><code id="{}">{}</code></pre></figure>',
        title,
        format_html(
            '<button class="copy__button needs-js" type="button" data-copy-from="{}" aria-label="Copy {}">{}{}'
            "</button>",
            key,
            title,
            icon("copy", "copy__idle"),
            icon("check", "copy__done"),
        ),
        key,
        words,
    )
