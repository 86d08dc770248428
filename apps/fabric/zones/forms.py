"""How a zone is reached, what is chosen of what was found there, and what needs no question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from pydantic import SecretStr

from apps.kernel.forms import Refusable
from apps.kernel.names import DESCRIPTION
from apps.zones.access import LONGEST_URL, Found, Offering
from apps.zones.models import Trial, Zone
from apps.zones.services import SETTINGS, ZoneSpec
from apps.zones.trials import OPEN, SECRETS

LONGEST_SECRET = 500


class Secret(forms.CharField):
    """What is typed is never sent back."""

    def __init__(self, label: str, help_text: str = "") -> None:
        super().__init__(
            label=label,
            required=False,
            strip=False,
            max_length=LONGEST_SECRET,
            error_messages={"required": "Give it."},
            widget=forms.PasswordInput({"autocomplete": "off"}),
            help_text=help_text,
        )

    def clean(self, value: Any) -> SecretStr | None:
        text = super().clean(value)
        return SecretStr(text) if text else None


class ConnectionForm(Refusable):
    cloudstack_url = forms.CharField(
        label="Address of the API",
        max_length=LONGEST_URL,
        help_text="https://cloud.example.net/client/api",
        error_messages={"required": "Give the address of CloudStack's API."},
    )
    cloudstack_api_key = Secret("API key", "Of a root admin: it makes domains, accounts and networks of all tenants.")
    cloudstack_secret_key = Secret("Secret key")
    netris_url = forms.CharField(
        label="Address of the controller",
        max_length=LONGEST_URL,
        help_text="https://netris.example.net, without /api",
        error_messages={"required": "Give the address of the Netris controller."},
    )
    netris_user = forms.CharField(
        label="User",
        max_length=100,
        widget=forms.TextInput({"autocomplete": "off"}),
        help_text="One of Weft's own: CloudStack's plugin never logs in again once its session has ended.",
        error_messages={"required": "Give the name of the user."},
    )
    netris_password = Secret("Password")

    def __init__(self, data: Mapping[str, Any] | None, before: Zone | Trial | None = None) -> None:
        super().__init__(data, initial={name: getattr(before, name) for name in OPEN} if before else {})
        for name in SECRETS:
            if before is not None:
                self.fields[name].help_text = "Left empty, it stays as it is."
            else:
                self.fields[name].required = True

    @property
    def cloudstack_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith("cloudstack")]

    @property
    def netris_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith("netris")]


class SettingsForm(Refusable):
    description = forms.CharField(
        label="Description",
        required=False,
        max_length=DESCRIPTION.most,
        help_text="Tenants see it where they choose a zone.",
    )
    calls_per_second = forms.IntegerField(
        label="Calls a second",
        initial=ZoneSpec.calls_per_second,
        help_text="The most that Weft makes to either system, all processes together. 1 to 1000.",
        error_messages={"required": "Give a number from 1 to 1000."},
    )
    names_devices = forms.BooleanField(
        label="Name devices to tenants",
        required=False,
        help_text="Tenants are told how what their VPCs lie on is: with the names of what is not well, or without.",
    )


class ChoosingForm(SettingsForm):
    """What is chosen of what was found. The zone of a changed connection stays what it is."""

    name = forms.ChoiceField(label="Zone in CloudStack")
    netris_site = forms.ChoiceField(label="Site in Netris", help_text="The one whose switches carry this zone.")
    vpc_offering = forms.ChoiceField(label="Offering for VPCs")
    tier_offering = forms.ChoiceField(label="Offering for tiers")

    field_order = (
        "name",
        "netris_site",
        "vpc_offering",
        "tier_offering",
        "description",
        "calls_per_second",
        "names_devices",
    )

    def __init__(self, data: Mapping[str, Any] | None, trial: Trial, taken: Iterable[str] = ()) -> None:
        super().__init__(data)
        found, zone = Found.model_validate(trial.found), trial.zone
        there = found.zone_of(zone.cloudstack_zone_id) if zone else None
        names = [there.name] if there else [each.name for each in found.netris_zones if each.name not in {*taken}]
        self._offer("name", names, there.name if there else None)
        self._offer("netris_site", found.sites, zone.netris_site if zone else None)
        for field, offerings, default, current in (
            ("vpc_offering", found.vpc_offerings, ZoneSpec.vpc_offering, zone and zone.vpc_offering_id),
            ("tier_offering", found.tier_offerings, ZoneSpec.tier_offering, zone and zone.tier_offering_id),
        ):
            usable = [each.name for each in offerings if each.is_netris]
            self._offer(field, usable, _called(offerings, str(current)) or default)
        if zone is not None:
            self.initial.update({name: getattr(zone, name) for name in SETTINGS})

    def _offer(self, name: str, options: list[str], initial: str | None) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(option, option) for option in options]
        self.initial[name] = initial if initial in options else next(iter(options), "")


def _called(offerings: Iterable[Offering], offering_id: str) -> str | None:
    return next((each.name for each in offerings if each.id == offering_id), None)
