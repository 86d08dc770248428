"""The forms of load balancers. They ask no rules of their own: what is wrong, `specs` and the services say."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.http import QueryDict

from apps.addresses.models import Protocol, PublicIp
from apps.balancers import choices
from apps.balancers.models import PATH_LENGTH, Balancer, Kind
from apps.balancers.specs import LONGEST_TIMEOUT, MOST_MEMBERS, TIMEOUT, BalancerSpec, change_of
from apps.instances.queries import Instance
from apps.kernel.errors import Refused
from apps.kernel.forms import SEARCH_LENGTH, Options, Refusable, Search
from apps.kernel.names import NAME
from apps.kernel.pickers import SEARCH, PickerForm
from apps.networks.forms import InVpcListForm, Said
from apps.networks.models import Tier
from apps.networks.specs import CIDR_LENGTH, MOST_CIDRS

#: How the fields of a refusal are called here, where they are called otherwise.
FIELDS = {"health_check": "check_type"}
KINDS = [
    (Kind.TCP, "TCP: the port takes a connection"),
    (Kind.HTTP, "HTTP: the path answers"),
    (Kind.NONE, "None: nobody checks the members"),
]


def _words(length: int, **attrs: Any) -> forms.TextInput:
    return forms.TextInput({"maxlength": length, "autocomplete": "off", **attrs})


def _number(label: str, *, required: bool = True, placeholder: str) -> forms.CharField:
    widget = _words(5, inputmode="numeric", placeholder=placeholder)
    return Said(label=label, required=required, widget=widget)


def _sources() -> forms.CharField:
    widget = _words(MOST_CIDRS * CIDR_LENGTH, spellcheck="false", placeholder="everybody")
    return forms.CharField(label="Allowed sources", required=False, max_length=MOST_CIDRS * CIDR_LENGTH, widget=widget)


class BalancerListForm(InVpcListForm):
    q = Search("name, address or port")
    nothing = "No load balancer has this name, address or port, or is in this VPC."


class Checked(Refusable):
    """A form with a health check, whose refusals name it as one."""

    def refuse(self, refusal: Refused) -> None:
        for each in refusal.all:
            field = FIELDS.get(each.field or "", each.field)
            if field not in self.errors:
                self.add_error(field if field in self.fields else None, each.message)

    def _health_check(self) -> dict[str, Any]:
        said = self.cleaned_data
        kind = said.get("check_type", "")
        if kind == Kind.NONE:
            return {"type": kind}
        return {
            "type": kind,
            "path": said.get("check_path", "") if kind == Kind.HTTP else "",
            "timeout_seconds": said.get("check_timeout", ""),
        }


def _check_fields() -> dict[str, forms.Field]:
    return {
        "check_type": forms.ChoiceField(label="Health check", choices=KINDS, widget=Options),
        "check_path": forms.CharField(
            label="Path", required=False, max_length=PATH_LENGTH, widget=_words(PATH_LENGTH, placeholder="/")
        ),
        "check_timeout": forms.CharField(
            label="Seconds to wait for an answer",
            required=False,
            max_length=len(str(LONGEST_TIMEOUT)),
            widget=_words(len(str(LONGEST_TIMEOUT)), inputmode="numeric", placeholder=str(TIMEOUT)),
        ),
    }


class MembersField(forms.TypedMultipleChoiceField):
    """Instances of one tier, as check boxes."""

    def __init__(self) -> None:
        super().__init__(
            label="Members",
            coerce=UUID,
            widget=forms.CheckboxSelectMultiple,
            error_messages={
                "required": "Choose at least one instance to balance to.",
                "invalid_choice": "There is no such instance in this tier any more. Choose again.",
            },
        )

    def offer(self, found: Sequence[Instance]) -> None:
        self.choices = [(str(each.id), _told(each)) for each in found]


def _told(instance: Instance) -> str:
    first = next((str(each.address) for each in instance.addresses), "no address")
    return ", ".join([instance.name, first, *[instance.state.lower()] * (instance.state != "Running")])


def chosen_of(said: QueryDict) -> list[UUID]:
    """The ids that are ticked; nonsense is none."""
    found = []
    for each in said.getlist("members")[: 2 * MOST_MEMBERS]:
        try:
            found.append(UUID(each))
        except ValueError:
            continue
    return found


#: What the button of the name `search` says that ticks all that are shown.
ALL = "all"


LOOKS = {"maxlength": SEARCH_LENGTH, "autocomplete": "off", "placeholder": "name or address"}


class ChoosingForm(PickerForm):
    """A form in which instances of one tier are ticked. `find` narrows what is shown, and what is ticked stays."""

    find = Said(label="Find instances", widget=forms.SearchInput(LOOKS))
    members = MembersField()

    offered: Sequence[Instance] = ()

    def offer_members(self, said: QueryDict, tier: Tier, path: str, without: Sequence[UUID] = ()) -> None:
        """`said` is what was sent, or stands in the address; `path` answers what is looked for with the page's part."""
        words = str(said.get("find", ""))[:SEARCH_LENGTH].strip()
        chosen = chosen_of(said)
        self.offered = choices.instances_in(tier, words=words, chosen=chosen, without=without)
        if said.get(SEARCH) == ALL:
            chosen = [each.id for each in self.offered][:MOST_MEMBERS]
        keys = [str(each) for each in chosen]
        self.initial = {**self.initial, "find": words, "members": keys}
        if self.is_bound:
            said = said.copy()
            said.setlist("members", keys)
            self.data = said
        field = self.fields["members"]
        assert isinstance(field, MembersField)
        field.offer(self.offered)
        self.fields["find"].widget.attrs |= {
            "data-looks": "",
            "hx-get": path,
            "hx-trigger": "input changed delay:300ms, search",
            "hx-include": "[name=tier], [name=members]:checked",
            "hx-target": "#instances",
            "hx-select": "#instances",
            "hx-swap": "morph:outerHTML",
        }

    @property
    def is_cut(self) -> bool:
        """There may be more instances than these."""
        return len(self.offered) >= choices.OFFERED


class BalancerForm(Checked, ChoosingForm):
    """`tier` decides what else is offered: its instances, and the public IPs of its VPC."""

    name = Said(label="Name", widget=_words(NAME.most, autofocus=True, placeholder="shop"))
    protocol = forms.ChoiceField(label="Protocol", choices=Protocol.choices, widget=Options)
    port = _number("Port", placeholder="443")
    member_port = _number("Members' port", required=False, placeholder="the same")
    tier = forms.CharField(label="Tier", widget=Options, error_messages={"required": "Choose the members' tier."})
    public_ip = Said(label="Public IP", widget=Options)
    allowed_cidrs = _sources()

    def __init__(
        self, data: QueryDict | None, address: QueryDict, tiers: Sequence[Tier], *, public_ip: str, path: str
    ) -> None:
        super().__init__(data, initial={"public_ip": public_ip, "check_type": Kind.TCP})
        self.fields |= _check_fields()
        self.tiers = {str(each.pk): each for each in tiers}
        said = address if data is None else data
        wanted = said.get("tier") or next(iter(self.tiers), "")
        self.initial = {**self.initial, "tier": wanted}
        self.tier_chosen = self.tiers.get(wanted)
        self.public_ips: dict[str, PublicIp] = {}
        if self.tier_chosen is not None:
            self.public_ips = {str(each.pk): each for each in choices.public_ips_of(self.tier_chosen.vpc)}
            self.offer_members(said, self.tier_chosen, path)
        select = _select(self, "tier")
        select.choices = [(key, f"{each.name} in {each.vpc.name}") for key, each in self.tiers.items()]
        asks = {"hx-get": path, "hx-trigger": "change", "hx-include": "[name=public_ip]"}
        select.attrs |= asks | {"hx-target": "#placed"}
        new = [("", "Acquire a new one")]
        _select(self, "public_ip").choices = new + [(key, _address(each)) for key, each in self.public_ips.items()]

    def clean(self) -> None:
        said = self.cleaned_data
        if self.tier_chosen is None and "tier" not in self.errors:
            self.add_error("tier", "There is no such tier any more. Choose another one.")
        if said.get("public_ip") and said["public_ip"] not in self.public_ips:
            self.add_error("public_ip", "Nothing can be balanced at this public IP. Choose another one.")
        values = {name: said.get(name, "") for name in ("name", "protocol", "port", "allowed_cidrs")}
        if said.get("member_port"):
            values["member_port"] = said["member_port"]
        values |= {"members": said.get("members", []), "health_check": self._health_check()}
        try:
            self.spec = BalancerSpec.parse(values)
        except Refused as refusal:
            self.refuse(refusal)

    @property
    def public_ip_chosen(self) -> PublicIp | None:
        return self.public_ips.get(self.cleaned_data["public_ip"])


def _address(row: PublicIp) -> str:
    name = f"{row}, {row.name}" if row.name else str(row)
    return f"{name}, {row.get_purpose_display().lower()}"


def _select(form: forms.Form, name: str) -> forms.Select:
    select = form.fields[name].widget
    assert isinstance(select, forms.Select)
    return select


class ChangeForm(Checked):
    """What a subclass asks for of a load balancer."""

    def __init__(self, row: Balancer, data: QueryDict | None) -> None:
        super().__init__(data, initial=self.values_of(row))
        self.row = row
        self.wanted: dict[str, Any] = {}

    @abstractmethod
    def values_of(self, row: Balancer) -> dict[str, Any]:
        """What is filled in at first."""

    @abstractmethod
    def values(self) -> dict[str, Any]:
        """As `change_of` takes them."""

    def clean(self) -> None:
        try:
            self.wanted = change_of(self.values(), self.row)
        except Refused as refusal:
            self.refuse(refusal)


class EditForm(ChangeForm):
    """What changes without cutting anything off."""

    allowed_cidrs = _sources()

    def __init__(self, row: Balancer, data: QueryDict | None) -> None:
        super().__init__(row, data)
        self.fields |= _check_fields()

    def values_of(self, row: Balancer) -> dict[str, Any]:
        return {
            "allowed_cidrs": ", ".join(row.allowed_cidrs),
            "check_type": row.check_kind,
            "check_path": row.check_path,
            "check_timeout": row.check_timeout or "",
        }

    def values(self) -> dict[str, Any]:
        return {"allowed_cidrs": self.cleaned_data.get("allowed_cidrs", ""), "health_check": self._health_check()}


class ReplaceForm(ChangeForm):
    protocol = forms.ChoiceField(label="Protocol", choices=Protocol.choices, widget=Options)
    port = _number("Port", placeholder="443")
    member_port = _number("Members' port", placeholder="8443")

    def values_of(self, row: Balancer) -> dict[str, Any]:
        return {"protocol": row.protocol, "port": row.port, "member_port": row.member_port}

    def values(self) -> dict[str, Any]:
        return {name: self.cleaned_data.get(name, "") for name in ("protocol", "port", "member_port")}

    def clean(self) -> None:
        super().clean()
        if self.cleaned_data.get("protocol") == Protocol.UDP and self.row.check_kind != Kind.NONE:
            text = "Members behind UDP cannot be checked: SoftGates have no check for it. Set the check to none first, "
            self.add_error("protocol", f"{text}under “Edit sources and check”.")


class RenameForm(Refusable):
    name = Said(label="Name", widget=_words(NAME.most, autofocus=True))

    def __init__(self, row: Balancer, data: QueryDict | None) -> None:
        super().__init__(data, initial={"name": row.name})


class MembersForm(ChoosingForm):
    """More members for a load balancer."""

    def __init__(self, row: Balancer, data: QueryDict | None, address: QueryDict, *, path: str) -> None:
        super().__init__(data)
        there = [each.instance_id for each in row.members.all()]
        self.offer_members(address if data is None else data, row.tier, path, there)
