"""The forms of virtual interfaces. They ask no rules of their own: what is wrong, `specs` and the services say.

A key that was typed is never sent back to the browser: with a fault elsewhere it is typed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import QueryDict

from apps.directconnect.filters import MOST_PREFIXES
from apps.directconnect.interfaces.specs import LONGEST_TEST, MOST_TAKEN, TAKEN, TEST, InterfaceSpec, change_of
from apps.directconnect.models import Connection, Interface, PortKind
from apps.kernel.errors import Refused
from apps.kernel.forms import Options, Refusable
from apps.kernel.names import NAME
from apps.networks.forms import Said
from apps.networks.models import Vpc
from apps.networks.specs import CIDR_LENGTH

#: How the fields of a refusal are called here.
FIELDS = {"addresses": "local", "addresses.local": "local", "addresses.remote": "remote", "make_md5": "key"}
LIST_LENGTH = MOST_PREFIXES * (CIDR_LENGTH + 2)
KEY_LENGTH = 80
NONE, MADE, OWN, KEPT = "none", "made", "own", "kept"
KEYS = [(MADE, "Weft makes one, shown to you once"), (OWN, "One of your own"), (NONE, "None")]


def _text(length: int, **attrs: Any) -> forms.TextInput:
    return forms.TextInput({"maxlength": length, "autocomplete": "off", "spellcheck": "false", **attrs})


def _number(**attrs: Any) -> forms.TextInput:
    return _text(10, inputmode="numeric", **attrs)


def _prefixes(label: str, placeholder: str) -> Said:
    attrs = {"rows": 3, "maxlength": LIST_LENGTH, "spellcheck": "false", "placeholder": placeholder}
    return Said(label=label, required=False, max_length=LIST_LENGTH, widget=forms.Textarea(attrs))


class PolicyForm(Refusable):
    """What can be changed of an interface later as well. Its refusals name fields as the API calls them."""

    peer_asn = Said(label="ASN of your router", max_length=10, widget=_number(placeholder="65010"))
    announce = _prefixes("Announced to your router", "10.20.0.0/20")
    accept = _prefixes("Accepted from your router", "192.168.0.0/16")
    max_prefixes = Said(
        label="Prefix limit",
        required=False,
        max_length=10,
        widget=_number(placeholder=str(TAKEN)),
        help_text=f"From 1 to {MOST_TAKEN}. When your router announces more, the session falls.",
    )
    bfd = forms.BooleanField(
        label="BFD",
        required=False,
        help_text="Finds within a second that the other side is gone. Your router has to speak it as well.",
    )
    key = forms.ChoiceField(
        label="MD5 key",
        widget=forms.RadioSelect,
        choices=KEYS,
        error_messages={"required": "Choose what key the session has.", "invalid_choice": "Choose one of these."},
    )
    md5 = Said(
        label="Your key",
        required=False,
        max_length=KEY_LENGTH,
        widget=forms.PasswordInput({"maxlength": KEY_LENGTH, "autocomplete": "new-password", "spellcheck": "false"}),
        help_text="8 to 80 letters, digits and signs. For a key of your own alone; after a fault it is typed again.",
    )

    def refuse(self, refusal: Refused) -> None:
        for each in refusal.all:
            field = (each.field or "").partition(".")[0] if each.field not in FIELDS else FIELDS[each.field]
            field = FIELDS.get(field, field)
            target = field if field in self.fields else None
            if target not in self.errors:
                self.add_error(target, each.message)

    def policy(self) -> dict[str, Any]:
        """As `specs` takes it, the key left out that stays."""
        said = self.cleaned_data
        values = {name: said[name].strip() for name in ("peer_asn", "announce", "accept", "max_prefixes")}
        if said["key"] == MADE:
            return values | {"bfd": said["bfd"], "make_md5": True}
        if said["key"] == KEPT:
            return values | {"bfd": said["bfd"]}
        return values | {"bfd": said["bfd"], "md5": said["md5"] if said["key"] == OWN else ""}

    def clean_md5(self) -> str:
        key: str = self.cleaned_data["md5"]
        chosen = self.data.get("key")
        if chosen == OWN and not key:
            raise forms.ValidationError("Type the key, or choose another way.")
        if chosen != OWN and key:
            raise forms.ValidationError("A key was typed. Choose “One of your own” for it, or leave this blank.")
        return key


class InterfaceForm(PolicyForm):
    """Of a new one."""

    vpc = forms.CharField(label="VPC", widget=Options, error_messages={"required": "Choose a VPC."})
    name = Said(label="Name", required=False, max_length=NAME.most, widget=_text(NAME.most))
    vlan = Said(label="VLAN", required=False, max_length=10, widget=_number(placeholder="first that is free"))
    local = Said(
        label="Our address",
        required=False,
        max_length=CIDR_LENGTH,
        widget=_text(CIDR_LENGTH, placeholder="10.255.0.1/30"),
    )
    remote = Said(
        label="Your router's address",
        required=False,
        max_length=CIDR_LENGTH,
        widget=_text(CIDR_LENGTH, placeholder="10.255.0.2"),
    )
    ASKS = ("vpc",)

    def __init__(
        self, data: QueryDict | None, address: QueryDict, connection: Connection, vpcs: Sequence[Vpc], path: str
    ) -> None:
        super().__init__(data)
        self.vpcs = {str(each.pk): each for each in vpcs}
        asked = (address if data is None else data).get("vpc") or next(iter(self.vpcs), "")
        self.vpc_chosen = self.vpcs.get(asked)
        chosen = str(self.vpc_chosen.pk) if self.vpc_chosen else ""
        self.initial = {"vpc": chosen, "max_prefixes": str(TAKEN), "bfd": True, "key": MADE}
        if connection.kind == PortKind.HOSTED:
            del self.fields["vlan"]
        select = self.fields["vpc"].widget
        assert isinstance(select, forms.Select)
        select.choices = [(key, f"{each.name} {each.cidr}") for key, each in self.vpcs.items()]
        select.attrs |= {
            "hx-get": path,
            "hx-include": "this",
            "hx-target": "#ranges",
            "hx-swap": "morph:innerHTML",
        }

    def clean_vpc(self) -> str:
        vpc: str = self.cleaned_data["vpc"]
        if vpc not in self.vpcs:
            raise forms.ValidationError("There is no such VPC here, or it is not ready. Choose again.")
        return vpc

    def clean(self) -> None:
        if self.errors:
            return
        said = self.cleaned_data
        ends = {name: said[name].strip() for name in ("local", "remote")}
        values = self.policy() | {"vpc": said["vpc"], "name": said["name"], "vlan": said.get("vlan", "").strip()}
        try:
            self.spec = InterfaceSpec.parse(values | ({"addresses": ends} if any(ends.values()) else {}))
        except Refused as refusal:
            self.refuse(refusal)


class EditForm(PolicyForm):
    def __init__(self, row: Interface, data: QueryDict | None) -> None:
        super().__init__(data)
        self.initial = {
            "peer_asn": str(row.peer_asn),
            "announce": "\n".join(row.announce),
            "accept": "\n".join(row.accept),
            "max_prefixes": str(row.max_prefixes),
            "bfd": row.bfd,
            "key": KEPT,
        }
        kept = "The one that it has" if row.has_md5 else "None, as now"
        field = self.fields["key"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(KEPT, kept), *(each for each in KEYS if row.has_md5 or each[0] != NONE)]

    def clean(self) -> None:
        if self.errors:
            return
        try:
            self.wanted = change_of(self.policy())
        except Refused as refusal:
            self.refuse(refusal)


class RenameForm(Refusable):
    name = Said(label="Name", widget=_text(NAME.most, autofocus=True))


class TestForm(Refusable):
    minutes = Said(
        label="Minutes",
        max_length=10,
        widget=_number(),
        help_text=f"From 1 to {LONGEST_TEST}. After so many the session is brought up again by itself.",
    )

    def __init__(self, data: QueryDict | None) -> None:
        super().__init__(data, initial={"minutes": str(TEST)})
