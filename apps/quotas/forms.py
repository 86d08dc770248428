"""What a person fills in to ask for a higher limit."""

from __future__ import annotations

from django import forms
from django.http import QueryDict

from apps.kernel.errors import Refused
from apps.kernel.forms import Options, Refusable
from apps.quotas.models import REASON
from apps.quotas.queries import Quotas
from apps.quotas.requests import RequestSpec
from apps.quotas.resources import MOST_OF_ONE


class QuotaRequestForm(Refusable):
    resource = forms.ChoiceField(
        label="Of what", widget=Options, error_messages={"required": "Choose what you need more of."}
    )
    wanted = forms.IntegerField(
        label="New limit",
        min_value=1,
        max_value=MOST_OF_ONE,
        error_messages={"required": "Say how many you need in all.", "invalid": "Enter a whole number."},
    )
    reason = forms.CharField(
        label="What for",
        max_length=REASON.most,
        widget=forms.TextInput({"autocomplete": "off"}),
        error_messages={"required": "Say what it is needed for: your provider reads that."},
    )

    def __init__(self, data: QueryDict | None, quotas: Quotas, resource: str = "") -> None:
        super().__init__(data, initial={"resource": resource})
        field = self.fields["resource"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(each.resource.key, f"{each.resource.label}: {each.limit} now") for each in quotas]

    def clean(self) -> None:
        if self.errors:
            return
        try:
            self.spec = RequestSpec.parse(self.cleaned_data)
        except Refused as refusal:
            self.refuse(refusal)
