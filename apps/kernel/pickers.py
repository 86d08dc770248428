"""A field for one of very many: found by typing, and chosen from the few that match.

A combobox by script (static/weft/picker.js). Without it the same markup is a field for words, a button that searches,
and a select of what was found: the form is sent with `search`, and is shown again with other choices, uncomplaining.

    class ForwardForm(PickerForm):
        instance = PickerField("instance", "Search name or address")

    form = ForwardForm(request.POST or None)
    form.offer("instance", url=..., search=lambda words: [Option(...)], find=lambda key: Instance | None)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from django import forms
from django.forms.utils import ErrorDict
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from apps.kernel.forms import SEARCH_LENGTH, Refusable

#: The submit button's name, and what the words are called beside the field.
SEARCH = "search"
WORDS = "{}_words"


class Option(NamedTuple):
    """`detail` tells it from others of its name, and is shown paler."""

    key: str
    label: str
    detail: str = ""


class Picked(NamedTuple):
    """What the form was sent with: the key of what is chosen, and what was typed."""

    key: str
    words: str


def options(found: Iterable[Option], chosen: str = "") -> SafeString:
    """What stands in the select, and what the script is answered with."""
    return format_html_join(
        "\n",
        '<option value="{}" data-label="{}" data-detail="{}"{}>{}</option>',
        ((one.key, one.label, one.detail, SafeString(" selected" * (one.key == chosen)), _line(one)) for one in found),
    )


def answered(found: Iterable[Option]) -> HttpResponse:
    return HttpResponse(options(found))


def _line(option: Option) -> str:
    return f"{option.label}, {option.detail}" if option.detail else option.label


class Picker(forms.Widget):
    def __init__(self, noun: str, prompt: str) -> None:
        super().__init__()
        self.noun = noun
        self.prompt = prompt
        self.url = ""
        self.beside = ""
        self.search: Callable[[str], Iterable[Option]] = lambda _words: ()

    def id_for_label(self, id_: str, index: str | None = None) -> str:
        return f"{id_}_words"

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Picked:
        words = str(data.get(WORDS.format(name), ""))[:SEARCH_LENGTH]
        return Picked(str(data.get(name, "")), words)

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return name not in data

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        picked = value if isinstance(value, Picked) else Picked(str(value or ""), "")
        found = list(self.search(picked.words))
        chosen = next((one for one in found if one.key == picked.key), None)
        context = {
            "name": name,
            "picker": self,
            "words": picked.words or (chosen.label if chosen else ""),
            "words_name": WORDS.format(name),
            "most": SEARCH_LENGTH,
            "options": options(found, picked.key),
            "is_empty": not found,
            "attrs": attrs or {},
        }
        return render_to_string("components/picker.html", context)


class PickerField(forms.Field):
    """Its clean value is what `find` gives for the key that was chosen: who may not see a thing cannot choose it."""

    widget: Picker

    def __init__(self, noun: str, prompt: str, **more: Any) -> None:
        super().__init__(widget=Picker(noun, prompt), **({"label": noun[:1].upper() + noun[1:]} | more))
        self.noun = noun
        self.find: Callable[[str], Any] = lambda _key: None

    def clean(self, value: Any) -> Any:
        key = value.key if isinstance(value, Picked) else str(value or "")
        if not key and not self.required:
            return None
        if not key:
            raise forms.ValidationError(f"Choose one: type a part of its name, and take the {self.noun} from the list.")
        if (found := self.find(key)) is None:
            raise forms.ValidationError(f"There is no such {self.noun} any more. Search again.")
        return found


class PickerForm(Refusable):
    """A form with pickers. While one searches in it nothing is checked, and `is_valid` is false."""

    def offer(
        self,
        name: str,
        *,
        url: str,
        search: Callable[[str], Iterable[Option]],
        find: Callable[[str], Any],
        beside: str = "",
    ) -> None:
        """What a field's picker asks: `url` answers the script with `answered(search(words))`. The field `beside` it
        narrows what is found: its value is sent along by its name."""
        field = self.fields[name]
        assert isinstance(field, PickerField)
        field.find = find
        field.widget.url = url
        field.widget.beside = beside
        field.widget.search = search

    @property
    def is_search(self) -> bool:
        return SEARCH in self.data

    def full_clean(self) -> None:
        super().full_clean()
        if self.is_search:
            self._errors = ErrorDict()

    def is_valid(self) -> bool:
        return super().is_valid() and not self.is_search
