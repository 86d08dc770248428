"""The forms of VPCs and tiers. They ask no rules of their own: what is wrong, `specs` and the services say.

Fields of a list are called as refusals name them, `tiers.0.cidr`, so a refusal finds its input by its field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any, TypeVar
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.forms.boundfield import BoundField
from django.http import QueryDict

from apps.kernel.errors import Refused
from apps.kernel.forms import Choice, ListForm, Options, Refusable, Search
from apps.kernel.names import DESCRIPTION, NAME, as_seen
from apps.networks.alongside import Choice as AlongsideChoice
from apps.networks.drafts import VpcDraft
from apps.networks.models import Tier, Vpc
from apps.networks.specs import MOST_TIERS, TierSpec, VpcSpec
from apps.operations.provisioned import Status
from apps.tenancy.models import Tenant
from apps.zones.models import Zone

#: VPCs that a list or a form offers; for one that is not among them it is opened from the VPC's page.
OFFERED = 200

R = TypeVar("R", Vpc, Tier)


def named(rows: QuerySet[R], reference: str | None) -> R | None:
    """Nonsense and another tenant's are the same: the field says that there is no such thing."""
    try:
        return rows.filter(pk=UUID(reference or "")).first()
    except ValueError:
        return None


class Said(forms.CharField):
    """A text as it was typed. `required` says only that the label must not call it optional."""

    def clean(self, value: Any) -> str:
        return str(value or "")


def _words(*, length: int, **attrs: Any) -> forms.TextInput:
    return forms.TextInput({"maxlength": length, "autocomplete": "off", **attrs})


def _address(**attrs: Any) -> forms.TextInput:
    return forms.TextInput({"autocomplete": "off", "spellcheck": "false", "inputmode": "text", **attrs})


class VpcForm(Refusable):
    """A draft as a form. One that was only edited is shown again without complaints."""

    name = Said(label="Name", widget=_words(length=NAME.most))
    description = Said(label="Description", required=False, widget=_words(length=DESCRIPTION.most))
    zone = Said(label="Zone", widget=Options)
    cidr = Said(label="CIDR", widget=_address(placeholder="10.20.0.0/20"))

    def __init__(self, draft: VpcDraft, zones: Iterable[Zone], *, is_sent: bool = False, focus: str = "name") -> None:
        super().__init__(data=draft.values if is_sent else None, initial=draft.values)
        self.draft = draft
        self.zones = {str(zone.pk): zone for zone in zones}
        select = self.fields["zone"].widget
        assert isinstance(select, forms.Select)
        select.choices = [(key, zone.name) for key, zone in self.zones.items()]
        for number in range(len(draft.tiers)):
            words = _words(length=NAME.most, placeholder="web")
            self.fields[f"tiers.{number}.name"] = Said(label=f"Name of tier {number + 1}", widget=words)
            address = _address(placeholder="10.20.0.0/24")
            self.fields[f"tiers.{number}.cidr"] = Said(label=f"CIDR of tier {number + 1}", widget=address)
        if focus in self.fields:
            self.fields[focus].widget.attrs["autofocus"] = True

    def clean(self) -> None:
        try:
            self.spec: VpcSpec = self.draft.spec()
        except Refused as refusal:
            self.refuse(refusal)

    @property
    def rows(self) -> list[tuple[int, BoundField, BoundField]]:
        return [(n, self[f"tiers.{n}.name"], self[f"tiers.{n}.cidr"]) for n in range(len(self.draft.tiers))]

    @property
    def zone_chosen(self) -> Zone | None:
        return self.zones.get(self.draft.zone)

    @property
    def most_tiers(self) -> int:
        return self.zone_chosen.max_tiers_per_vpc if self.zone_chosen else MOST_TIERS

    @property
    def why_not_add_tier(self) -> str | None:
        if len(self.draft.tiers) < self.most_tiers:
            return None
        return f"A VPC in {self.zone_chosen or 'a zone'} has at most {self.most_tiers} tiers."


class VpcRenameForm(Refusable):
    name = Said(label="Name", widget=_words(length=NAME.most, autofocus=True))
    description = Said(label="Description", required=False, widget=_words(length=DESCRIPTION.most))


class TierForm(Refusable):
    name = Said(label="Name", widget=_words(length=NAME.most, autofocus=True, placeholder="web"))
    cidr = Said(label="CIDR", widget=_address())

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        suggestion: IPv4Network | None = None,
        name: str = "",
        choices: Sequence[AlongsideChoice] = (),
    ) -> None:
        super().__init__(data, initial={"cidr": str(suggestion or ""), "name": name})
        self.choices = choices
        for each in choices:
            options = Options(choices=[("", each.nothing), *each.options])
            self.fields[each.field] = Said(label=each.label, required=False, widget=options, help_text=each.help_text)

    def clean(self) -> None:
        try:
            self.spec = TierSpec.parse(self.cleaned_data)
        except Refused as refusal:
            self.refuse(refusal)

    def beside(self, tier: Tier) -> None:
        """Makes what was chosen, together with the tier."""
        for each in self.choices:
            if chosen := self.cleaned_data[each.field]:
                each.beside(chosen)(tier)

    @property
    def chosen(self) -> list[BoundField]:
        return [self[each.field] for each in self.choices]


class TierRenameForm(Refusable):
    name = Said(label="Name", widget=_words(length=NAME.most, autofocus=True))


class ConfirmForm(Refusable):
    """Whoever deletes a VPC types its name: the one thing that cannot be done by a slip of the hand."""

    name = Said(widget=_words(length=NAME.most, autofocus=True))

    def __init__(self, vpc: Vpc, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        self.expected = vpc.name
        self.fields["name"].label = f"Type the VPC's name to confirm: {vpc.name}"
        self.fields["name"].widget.attrs["size"] = len(vpc.name) + 4

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if as_seen(name) != as_seen(self.expected):
            raise forms.ValidationError(f"This is not the VPC's name. Type {self.expected}, or keep the VPC.")
        return name


class VpcListForm(ListForm):
    q = Search("name or address")
    nothing = "No VPC has this name, holds this address or is in this state."
    status = Choice("status", [(s.value, s.label) for s in Status if s not in (Status.CHANGING, Status.DELETED)])
    zone = Choice("zone")
    also = ("page", "sort")

    def __init__(self, address: QueryDict, zones: Iterable[Zone]) -> None:
        super().__init__(address)
        field = self.fields["zone"]
        assert isinstance(field, Choice)
        field.offer((zone.slug, zone.name) for zone in zones)

    @property
    def wanted(self) -> dict[str, str]:
        return {"words": self.words, "status": self.said("status"), "zone": self.said("zone")}


class InVpcListForm(ListForm):
    """The filter of a list of what lies in VPCs."""

    vpc = Choice("VPC")
    also = ("page", "sort")

    def __init__(self, address: QueryDict, tenant: Tenant) -> None:
        super().__init__(address)
        rows = Vpc.objects.of(tenant).live().only("name", "tenant", "zone")
        self.vpc_chosen = named(rows, address.get("vpc"))
        field = self.fields["vpc"]
        assert isinstance(field, Choice)
        offered = [*rows[:OFFERED], *filter(None, [self.vpc_chosen])]
        field.offer({str(vpc.pk): vpc.name for vpc in offered}.items())
