"""What forms share: refusals of services, and the filters of list pages as they stand in the address."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from django import forms
from django.db.models import QuerySet
from django.forms.utils import flatatt
from django.http import QueryDict
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.kernel.errors import Refused, shortened
from apps.kernel.pages import only_parameters

Q = TypeVar("Q", bound=QuerySet[Any])

SEARCH_LENGTH = 100


class Refusable(forms.Form):
    """A form whose errors come from services as well."""

    use_required_attribute = False

    def refuse(self, refusal: Refused) -> None:
        for each in shortened(refusal.all):
            self.add_error(each.field if each.field in self.fields else None, each.message)


class Search(forms.CharField):
    """Words to look for, in what its label tells: "Search name or address"."""

    def __init__(self, within: str = "name") -> None:
        told = {"max_length": f"A search has at most {SEARCH_LENGTH} characters."}
        super().__init__(required=False, max_length=SEARCH_LENGTH, label=f"Search {within}", error_messages=told)


class Options(forms.Select):
    """A select drawn in one go: Django's own renders two templates for each of its options."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        chosen = self.format_value(value)
        options = format_html_join(
            "",
            '<option value="{}"{}>{}</option>',
            ((key, SafeString(" selected" * (str(key) in chosen)), label) for key, label in self.choices),
        )
        return format_html(
            '<select name="{}"{}>{}</select>', name, flatatt(self.build_attrs(self.attrs, attrs)), options
        )


class Choice(forms.ChoiceField):
    """A select whose first option, the empty one, means all."""

    widget = Options

    def __init__(self, noun: str, choices: Any = ()) -> None:
        self.noun = noun
        told = {"invalid_choice": f"There is no {noun} “%(value)s”."}
        super().__init__(required=False, label=noun[:1].upper() + noun[1:], error_messages=told)
        self.offer(choices)

    def offer(self, choices: Any) -> None:
        self.choices = [("", f"Any {self.noun}"), *choices]


class ListForm(forms.Form):
    """A filter that is empty means all. One that can match nothing lists nothing, and says why.

    A parameter that the page does not know is refused (`BadRequest`): a typo must not list everything.
    """

    q = Search()
    #: What it means that nothing matches.
    nothing: ClassVar[str] = ""
    #: What else may stand in the address.
    also: ClassVar[tuple[str, ...]] = ("page",)

    def __init__(self, address: QueryDict) -> None:
        super().__init__(address)
        only_parameters(address, *self.fields, *self.also)
        self._twice = [name for name in self.fields if len(set(address.getlist(name))) > 1]

    @cached_property
    def fault(self) -> str:
        """Why nothing can match; empty when something can."""
        told = [f"“{name}” is given twice, and nothing is both." for name in self._twice]
        told += [str(message) for messages in self.errors.values() for message in messages]
        return " ".join(told)

    @property
    def words(self) -> str:
        return self.said("q")

    @property
    def summary(self) -> str:
        """What it narrows to without a field that one sees."""
        return ""

    @property
    def shown(self) -> list[forms.BoundField]:
        """Beside the words. One that is hidden stands in the form only while it narrows something."""
        fields = [self[name] for name in self.fields if name != "q"]
        return [field for field in fields if not field.is_hidden or self.said(field.name)]

    @property
    def is_filtered(self) -> bool:
        return bool(self.fault) or any(self.said(name) for name in self.fields)

    def said(self, name: str) -> str:
        self.is_valid()
        return str(self.cleaned_data.get(name) or "").strip()

    def kept(self, rows: Q) -> Q:
        """The rows that were found, unless nothing can match."""
        return rows.none() if self.fault else rows
