"""What a platform admin says of a new tenant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from apps.kernel.errors import Refused
from apps.kernel.forms import ListForm, Refusable, Search
from apps.kernel.names import NAME
from apps.quotas.queries import Quotas
from apps.quotas.resources import MOST_OF_ONE, resources
from apps.quotas.services import Limits
from apps.tenancy.emails import MOST as EMAIL_LENGTH
from apps.tenancy.models import User


class QuotaForm(Refusable):
    """One field for each resource."""

    def __init__(self, data: Mapping[str, Any] | None, quotas: Quotas) -> None:
        super().__init__(data)
        for quota in quotas:
            self.fields[quota.resource.field] = forms.IntegerField(
                label=quota.resource.limit_label,
                required=False,
                min_value=0,
                max_value=MOST_OF_ONE,
                initial=quota.limit,
                help_text=f"Left empty, it is {quota.resource.default}.",
            )

    @property
    def limit_fields(self) -> list[forms.BoundField]:
        return [self[resource.field] for resource in resources()]

    @property
    def limits(self) -> Limits:
        """What is not sent at all stays as it is."""
        said = {resource: self.cleaned_data[resource.field] for resource in resources() if resource.field in self.data}
        return {resource: resource.default if most is None else most for resource, most in said.items()}


class TenantForm(QuotaForm):
    def __init__(self, data: Mapping[str, Any] | None) -> None:
        super().__init__(data, Quotas())

    name = forms.CharField(
        label="Name",
        widget=forms.TextInput({"maxlength": NAME.most}),
        help_text="As people say it: Acme Hosting.",
        error_messages={"required": "Give a name."},
    )
    slug = forms.CharField(
        label="Short name",
        max_length=32,
        required=False,
        help_text="Stands in addresses and never changes. Made from the name when left empty.",
    )
    owner = forms.CharField(
        label="Owner",
        max_length=150,
        required=False,
        help_text="The user name of somebody who can sign in already.",
    )

    @property
    def tenant(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("name", "slug", "owner")} | {"limits": self.limits}

    def clean_name(self) -> str:
        try:
            return NAME.parse(self.cleaned_data["name"], "name")
        except Refused as refusal:
            raise forms.ValidationError(refusal.message) from refusal

    def clean_owner(self) -> User | None:
        name = self.cleaned_data["owner"]
        if not name:
            return None
        user = User.objects.who_can_sign_in(name)
        if user is None:
            raise forms.ValidationError(
                "Nobody with this user name can sign in. Leave it empty to name an owner later."
            )
        return user


class OwnerForm(Refusable):
    email = forms.CharField(
        label="E-mail address",
        max_length=EMAIL_LENGTH,
        widget=forms.EmailInput({"autocomplete": "off"}),
        help_text="For whom the link is. Whether they have an account already makes no difference.",
        error_messages={"required": "Give an e-mail address."},
    )


class TenantListForm(ListForm):
    q = Search("name")
    nothing = "No tenant has these words in its name."
