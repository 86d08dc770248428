"""The forms of static NAT and port forwards. They ask no rules of their own: what is wrong, `ports` and the services
say."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import QueryDict

from apps.addresses.models import Protocol, PublicIp, Purpose
from apps.addresses.ports import LONGEST, ForwardSpec, parse_guest
from apps.instances.forms import offer_instances
from apps.kernel.errors import Refused
from apps.kernel.forms import Options, Search
from apps.kernel.pickers import PickerField, PickerForm
from apps.networks.forms import InVpcListForm
from apps.operations.provisioned import Status
from apps.tenancy.models import Tenant

#: Fifty CIDRs, each with a comma and a blank.
LONGEST_SOURCES = 1000
#: Addresses that are offered; for one that is not among them the form is opened from its page.
OFFERED = 200


class LeadingListForm(InVpcListForm):
    q = Search("address or instance")
    nothing = "Nothing leads from this address, or to this instance, in this VPC."


class LeadForm(PickerForm):
    """From which public IP, to which instance."""

    public_ip = forms.CharField(
        label="Public IP", widget=Options, error_messages={"required": "Choose a public IP, or acquire one first."}
    )
    instance = PickerField("instance", "Search name or address")
    #: What an address may serve already, to be offered.
    serving: tuple[Purpose, ...] = (Purpose.UNUSED,)

    def __init__(self, data: QueryDict | None, tenant: Tenant, *, chosen: str = "") -> None:
        super().__init__(data, initial={"public_ip": chosen})
        rows = PublicIp.objects.of(tenant).live().select_related("vpc", "tenant")
        offered = rows.filter(status=Status.READY, purpose__in=self.serving).order_by("address")[:OFFERED]
        self.public_ips = {str(row.pk): row for row in offered}
        wanted = chosen or (data.get("public_ip", "") if data else "")
        if wanted not in self.public_ips and (row := _of(rows, wanted)) is not None:
            self.public_ips[wanted] = row  # why it will not do, the service says
        select = self.fields["public_ip"].widget
        assert isinstance(select, forms.Select)
        select.choices = [
            (key, f"{row}, {row.name + ' ' if row.name else ''}in {row.vpc.name}")
            for key, row in self.public_ips.items()
        ]
        offer_instances(self, tenant)

    def clean_public_ip(self) -> PublicIp:
        row = self.public_ips.get(self.cleaned_data["public_ip"])
        if row is None:
            raise forms.ValidationError("There is no such public IP any more. Choose another one.")
        return row


class StaticNatForm(LeadForm):
    address = forms.CharField(
        label="Its address",
        required=False,
        max_length=15,
        widget=forms.TextInput({"autocomplete": "off", "placeholder": "the first one"}),
    )

    def clean(self) -> None:
        try:
            self.guest = parse_guest(self.cleaned_data.get("address"), "address")
        except Refused as refusal:
            self.refuse(refusal)


def _ports(label: str, *, required: bool = True, placeholder: str = "") -> forms.CharField:
    words = {"autocomplete": "off", "spellcheck": "false", "placeholder": placeholder}
    return forms.CharField(label=label, required=required, max_length=2 * LONGEST, widget=forms.TextInput(words))


class PortForwardForm(LeadForm):
    serving = (Purpose.UNUSED, Purpose.PORT_FORWARD)

    protocol = forms.ChoiceField(label="Protocol", choices=Protocol.choices, widget=Options)
    public_ports = _ports("Public ports", placeholder="443, or 8000-8010")
    private_ports = _ports("Private ports", required=False, placeholder="the same")
    allowed_cidrs = forms.CharField(
        label="Allowed sources",
        required=False,
        max_length=LONGEST_SOURCES,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false", "placeholder": "as the list has it"}),
    )

    def clean(self) -> None:
        written = self.cleaned_data.get("allowed_cidrs", "").replace(",", " ").split()
        try:
            self.spec = ForwardSpec.parse(self.cleaned_data | {"allowed_cidrs": written or None})
        except Refused as refusal:
            for each in refusal.all:
                if each.field not in self.errors:
                    self.add_error(each.field, each.message)


def _of(rows: Any, reference: str) -> PublicIp | None:
    try:
        found: PublicIp | None = rows.filter(pk=UUID(reference)).first()
    except ValueError:
        return None
    return found
