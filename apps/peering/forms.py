"""The forms of peerings. They ask no rules of their own: what is wrong, `specs` and the services say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any

from django import forms
from django.http import QueryDict

from apps.kernel.errors import Refused
from apps.kernel.forms import Options, Refusable, Search
from apps.kernel.names import NAME
from apps.networks.forms import InVpcListForm, Said
from apps.networks.models import Vpc
from apps.networks.specs import CIDR_LENGTH
from apps.peering.exchange import MOST_PREFIXES, networks
from apps.peering.sides import Side
from apps.peering.specs import AnswerSpec, PeeringSpec, parse_offer, parse_prefixes
from apps.tenancy.models import SLUG_LENGTH

OWN, OTHER = "own", "other"
KINDS = [(OWN, "One of your VPCs"), (OTHER, "Another tenant")]
#: How the fields of a refusal are called here.
FIELDS = {
    "peer": "kind",
    "peer.vpc": "peer_vpc",
    "peer.prefixes": "peer_prefixes",
    "peer.tenant": "tenant",
    "peer.name": "name",
}
LIST_LENGTH = MOST_PREFIXES * (CIDR_LENGTH + 2)


def _words(length: int, **attrs: Any) -> forms.TextInput:
    return forms.TextInput({"maxlength": length, "autocomplete": "off", "spellcheck": "false", **attrs})


def _prefixes(label: str, placeholder: str, *, required: bool = False) -> forms.CharField:
    return Said(
        label=label,
        required=required,
        max_length=LIST_LENGTH,
        widget=_words(LIST_LENGTH, placeholder=placeholder),
        error_messages={"required": "Give at least one prefix of the VPC, such as 10.20.0.0/24."},
    )


class PeeringListForm(InVpcListForm):
    q = Search("name")
    nothing = "No peering has this name, or is in this VPC."


class Renaming(Refusable):
    """Its refusals name fields as the API calls them."""

    def refuse(self, refusal: Refused) -> None:
        for each in refusal.all:
            field = FIELDS.get(each.field or "", each.field)
            field = field if field in self.fields else None
            if field not in self.errors:
                self.add_error(field, each.message)

    def asks(self, path: str, names: Iterable[str]) -> None:
        """htmx asks for the preview whenever one of these fields changes."""
        included = ", ".join(f"[name={name}]" for name in names)
        for name in names:
            self.fields[name].widget.attrs |= {
                "hx-get": path,
                "hx-trigger": "change, input changed delay:500ms",
                "hx-include": included,
                "hx-target": "#preview",
                "hx-swap": "morph:outerHTML",
            }


def _select(form: forms.Form, name: str, vpcs: Mapping[str, Vpc], empty: str = "") -> None:
    widget = form.fields[name].widget
    assert isinstance(widget, forms.Select)
    widget.choices = [
        *([("", empty)] if empty else ()),
        *((key, f"{vpc.name} {vpc.cidr}") for key, vpc in vpcs.items()),
    ]


class PeeringForm(Renaming):
    vpc = forms.CharField(label="Your VPC", widget=Options, error_messages={"required": "Choose one of your VPCs."})
    prefixes = _prefixes("What it offers", "10.20.0.0/24, 10.20.1.0/24", required=True)
    kind = forms.ChoiceField(label="The other side", choices=KINDS, widget=Options)
    peer_vpc = Said(label="Its VPC", widget=Options)
    peer_prefixes = _prefixes("What that one offers", "all of its range")
    tenant = Said(label="Tenant", max_length=SLUG_LENGTH, widget=_words(SLUG_LENGTH, placeholder="globex"))
    name = Said(label="Name", max_length=NAME.most, widget=_words(NAME.most, placeholder="shop of Acme"))
    expires_at = Said(
        label="Ends at", required=False, max_length=40, widget=_words(40, placeholder="never, or 2027-01-31T18:00Z")
    )
    ASKS = ("vpc", "prefixes", "kind", "peer_vpc", "peer_prefixes")
    #: What an address may say of it.
    GIVEN = (*ASKS, "tenant", "name")

    def __init__(self, data: QueryDict | None, address: QueryDict, vpcs: Sequence[Vpc], path: str) -> None:
        super().__init__(data)
        self.vpcs = {str(vpc.pk): vpc for vpc in vpcs}
        said = address if data is None else data
        self.vpc_chosen = self.vpcs.get(said.get("vpc") or next(iter(self.vpcs), ""))
        kind = said.get("kind", OWN)
        self.is_own = kind != OTHER
        peers = {key: vpc for key, vpc in self.vpcs.items() if vpc != self.vpc_chosen}
        self.peer_chosen = peers.get(said.get("peer_vpc", "")) if self.is_own else None
        prefixes = said.get("prefixes", "") or (str(self.vpc_chosen.cidr) if self.vpc_chosen else "")
        self.initial = {name: said.get(name, "") for name in self.fields if name in said}
        self.initial |= {"vpc": str(self.vpc_chosen.pk) if self.vpc_chosen else "", "kind": kind}
        self.initial |= {"prefixes": prefixes}
        _select(self, "vpc", self.vpcs)
        _select(self, "peer_vpc", peers, "Choose a VPC")
        self.asks(path, self.ASKS)
        #: What would pass, as far as it can be read yet.
        self.offers = _read(parse_offer, prefixes)
        theirs = said.get("peer_prefixes", "")
        self.peer_offers = _read(parse_prefixes, theirs) or ([self.peer_chosen.cidr] if self.peer_chosen else [])

    def clean(self) -> None:
        if self.errors:
            return
        said = self.cleaned_data
        peer: dict[str, Any] = {"tenant": said["tenant"], "name": said["name"]}
        if said["kind"] == OWN:
            peer = {"vpc": said["peer_vpc"], "name": said["name"], "prefixes": said["peer_prefixes"]}
        try:
            self.spec = PeeringSpec.parse(
                {"peer": peer, "prefixes": said["prefixes"], "expires_at": said["expires_at"]}
            )
        except Refused as refusal:
            self.refuse(refusal)
        if said["vpc"] not in self.vpcs:
            self.add_error("vpc", "There is no such VPC, or it is not ready. Choose again.")


class AcceptForm(Renaming):
    vpc = forms.CharField(label="Your VPC", widget=Options, error_messages={"required": "Choose one of your VPCs."})
    prefixes = _prefixes("What it offers", "all of its range")
    accept = forms.MultipleChoiceField(label="What it takes", required=False, widget=forms.CheckboxSelectMultiple)
    ASKS = ("vpc", "prefixes", "accept")

    def __init__(self, data: QueryDict | None, address: QueryDict, side: Side, vpcs: Sequence[Vpc], path: str) -> None:
        super().__init__(data)
        self.vpcs = {str(vpc.pk): vpc for vpc in vpcs}
        said = address if data is None else data
        is_fresh = data is None and "vpc" not in address
        self.vpc_chosen = self.vpcs.get(said.get("vpc") or next(iter(self.vpcs), ""))
        chosen = list(side.peer_offered) if is_fresh else said.getlist("accept")
        field = self.fields["accept"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(each, each) for each in side.peer_offered]
        self.initial = {
            "vpc": str(self.vpc_chosen.pk) if self.vpc_chosen else "",
            "prefixes": said.get("prefixes", ""),
            "accept": chosen,
        }
        _select(self, "vpc", self.vpcs)
        self.asks(path, self.ASKS)
        self.takes = networks(each for each in chosen if each in side.peer_offered)
        self.offers = _read(parse_prefixes, said.get("prefixes", ""))

    def clean(self) -> None:
        if self.errors:
            return
        try:
            self.spec = AnswerSpec.parse(self.cleaned_data)
        except Refused as refusal:
            self.refuse(refusal)
        if self.cleaned_data["vpc"] not in self.vpcs:
            self.add_error("vpc", "There is no such VPC, or it is not ready. Choose again.")


class EditForm(Renaming):
    prefixes = _prefixes("What your VPC offers", "nothing")
    accept = _prefixes("What it takes of what the other offers", "nothing")
    ASKS = ("prefixes", "accept")

    def __init__(self, side: Side, data: QueryDict | None, address: QueryDict, path: str) -> None:
        super().__init__(data)
        said = address if data is None else data
        self.initial = {
            "prefixes": said.get("prefixes", ", ".join(side.offered)),
            "accept": said.get("accept", ", ".join(side.accepted)),
        }
        self.asks(path, self.ASKS)
        self.offers = _read(parse_prefixes, self.initial["prefixes"])
        self.takes = _read(parse_prefixes, self.initial["accept"])

    @property
    def wanted(self) -> dict[str, tuple[IPv4Network, ...]]:
        return {name: parse_prefixes(self.cleaned_data[name], name) for name in self.ASKS}

    def clean(self) -> None:
        for name in self.ASKS:
            try:
                parse_prefixes(self.cleaned_data.get(name, ""), name)
            except Refused as refusal:
                self.refuse(refusal)


def _read(parse: Callable[[object, str], tuple[IPv4Network, ...]], text: str) -> list[IPv4Network]:
    """What can be made of it while somebody still types."""
    try:
        return list(parse(text, ""))
    except Refused:
        return []
