from __future__ import annotations

from django import forms

from apps.kernel.forms import Refusable
from apps.search.finders import LONGEST


class SearchForm(Refusable):
    q = forms.CharField(
        label="Search everything",
        required=False,
        max_length=LONGEST,
        widget=forms.TextInput({"type": "search", "autocomplete": "off", "autofocus": True}),
        help_text="A name or a part of one, an IP or MAC address, a VNI, an id.",
    )
