"""The forms of access lists. They ask no rules of their own: what is wrong, `rules` and the services say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address
from typing import Any

from django import forms
from django.http import QueryDict

from apps.acls import presets as ready_made
from apps.acls.models import Acl
from apps.acls.packets import Packet
from apps.acls.rules import Rule
from apps.acls.sheets import parse_sheet
from apps.acls.specs import AclSpec
from apps.kernel.errors import Refused
from apps.kernel.forms import Choice, Options, Refusable, Search
from apps.kernel.limits import DOCUMENTS
from apps.kernel.names import NAME
from apps.networks.forms import InVpcListForm
from apps.networks.models import Vpc
from apps.networks.specs import CIDR_LENGTH, parse_cidr
from apps.operations.provisioned import Status


class Said(forms.CharField):
    """A text as it was typed. `required` says only that the label must not call it optional."""

    def clean(self, value: Any) -> str:
        return str(value or "")


def _words(**attrs: Any) -> forms.TextInput:
    return forms.TextInput({"autocomplete": "off", **attrs})


class AclListForm(InVpcListForm):
    q = Search("name")
    nothing = "No access list has this name, is in this state, or belongs to this VPC."
    status = Choice("status", [(s.value, s.label) for s in Status if s is not Status.DELETED])

    @property
    def wanted(self) -> dict[str, Any]:
        return {"words": self.words, "status": self.said("status"), "vpc": self.vpc_chosen}


PRESETS = {
    "web": "Web: HTTP and HTTPS from everywhere",
    "ssh": "SSH from one address",
    "ping": "Ping from everywhere",
    "dns": "DNS: questions to servers everywhere",
}


class AclForm(Refusable):
    """A new list, begun with presets."""

    vpc = Said(label="VPC", widget=Options)
    name = Said(label="Name", widget=_words(maxlength=NAME.most, autofocus=True, placeholder="web"))
    presets = forms.MultipleChoiceField(
        label="Begin with", choices=list(PRESETS.items()), widget=forms.CheckboxSelectMultiple, required=False
    )
    address = Said(label="Address for SSH", required=False, widget=_words(maxlength=CIDR_LENGTH))
    database = forms.ChoiceField(
        label="A database's port",
        required=False,
        widget=Options,
        choices=[("", "None"), *((str(port), f"{name} ({port})") for port, name in ready_made.DATABASES.items())],
    )
    tier = Said(label="Which tier uses the database", required=False, widget=_words(maxlength=CIDR_LENGTH))
    denies_rest = forms.BooleanField(label="Deny what no rule allows", required=False)

    def __init__(
        self, data: Mapping[str, Any] | None, vpcs: Iterable[Vpc], *, vpc: str = "", address: str = ""
    ) -> None:
        super().__init__(data, initial={"vpc": vpc, "address": address, "denies_rest": True, "presets": ["web"]})
        widget = self.fields["vpc"].widget
        assert isinstance(widget, forms.Select)
        widget.choices = [(str(each.pk), each.name) for each in vpcs]
        self.fields["tier"].help_text = "Its CIDR, such as 10.20.0.0/24."
        self.fields["denies_rest"].help_text = "Without it, whatever no rule names is decided by the site's default."

    def clean(self) -> None:
        try:
            self.spec = AclSpec.parse({**self.cleaned_data, "rules": [rule.as_json() for rule in self._rules()]})
        except Refused as refusal:
            self.refuse(refusal)

    def _rules(self) -> list[Rule]:
        chosen = self.cleaned_data.get("presets") or []
        rules: list[Rule] = []
        if "web" in chosen:
            rules += ready_made.web()
        if port := self.cleaned_data.get("database"):
            rules += ready_made.database(parse_cidr(self.cleaned_data["tier"], "tier"), int(port))
        if "ssh" in chosen:
            try:
                rules += ready_made.ssh(IPv4Address(self.cleaned_data["address"].strip()))
            except ValueError:
                raise Refused("address-malformed", "Give one IPv4 address, such as 203.0.113.7.", "address") from None
        if "ping" in chosen:
            rules += ready_made.ping()
        if "dns" in chosen:
            rules += ready_made.dns()
        return rules


class AclRenameForm(Refusable):
    name = Said(label="Name", widget=_words(maxlength=NAME.most, autofocus=True))


class SheetForm(Refusable):
    """Rules as CSV, pasted."""

    sheet = Said(
        label="Rules as CSV",
        widget=forms.Textarea({"rows": 14, "spellcheck": "false", "maxlength": DOCUMENTS["sheet"], "autofocus": True}),
    )

    def clean(self) -> None:
        try:
            self.rules = parse_sheet(self.cleaned_data.get("sheet", ""))
        except Refused as refusal:
            self.add_error("sheet", [each.message for each in refusal.all])


class PacketForm(Refusable):
    """A packet to ask about, in the address of the page."""

    direction = forms.ChoiceField(
        label="Direction", choices=[("ingress", "into the tier"), ("egress", "out of the tier")], widget=Options
    )
    protocol = forms.ChoiceField(
        label="Protocol",
        choices=[("tcp", "tcp"), ("udp", "udp"), ("icmp", "icmp (ping)"), ("all", "another")],
        widget=Options,
    )
    port = Said(label="Port", required=False, widget=_words(maxlength=5, inputmode="numeric"))
    address = Said(label="Address at the other end", widget=_words(maxlength=CIDR_LENGTH))

    def __init__(self, address: QueryDict) -> None:
        super().__init__(address if "protocol" in address else None, initial={"port": "443"})

    def clean(self) -> None:
        if self.errors:
            return
        try:
            self.packet = Packet.parse(self.cleaned_data)
        except Refused as refusal:
            self.refuse(refusal)


class ChoiceOfList(Refusable):
    """Which list a tier gets."""

    acl = Said(label="Access list", widget=Options)

    def __init__(self, data: Mapping[str, Any] | None, acls: Iterable[Acl], *, now: str = "") -> None:
        super().__init__(data, initial={"acl": now})
        widget = self.fields["acl"].widget
        assert isinstance(widget, forms.Select)
        widget.choices = [(str(each.pk), each.name) for each in acls]
