"""The form that asks. It stands in the address, so that an answer can be sent around; it asks no rules of its own."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict

from apps.addresses.models import PublicIp
from apps.balancers.models import Balancer
from apps.instances.forms import offer_instances
from apps.kernel.errors import Refused
from apps.kernel.forms import Options
from apps.kernel.pickers import PickerField, PickerForm
from apps.reachability.questions import PROTOCOLS, Question
from apps.tenancy.models import Tenant

#: Public IPs, and load balancers, that are offered; for one that is not among them the form is opened from its page.
OFFERED = 200
INTERNET, ADDRESS, INSTANCE, PUBLIC_IP = "internet", "address", "instance", "public_ip"
LOAD_BALANCER = "load_balancer"


class ReachabilityForm(PickerForm):
    source = forms.ChoiceField(
        label="From",
        choices=[(INTERNET, "The internet"), (ADDRESS, "An address"), (INSTANCE, "An instance")],
        widget=Options,
    )
    source_address = forms.CharField(
        label="Address it comes from",
        required=False,
        max_length=15,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false", "placeholder": "203.0.113.7"}),
    )
    source_instance = PickerField("instance", "Search name or address", label="Instance it comes from", required=False)
    target = forms.ChoiceField(
        label="To",
        choices=[
            (INSTANCE, "An instance"),
            (PUBLIC_IP, "A public IP"),
            (LOAD_BALANCER, "A load balancer"),
            (ADDRESS, "An address behind a peering, Direct Connect or a route"),
        ],
        widget=Options,
    )
    target_instance = PickerField("instance", "Search name or address", label="Instance to reach", required=False)
    target_public_ip = forms.CharField(label="Public IP to reach", required=False, max_length=36, widget=Options)
    target_load_balancer = forms.CharField(
        label="Load balancer to reach", required=False, max_length=36, widget=Options
    )
    target_address = forms.CharField(
        label="Address to reach",
        required=False,
        max_length=15,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false", "placeholder": "10.30.0.9"}),
    )
    protocol = forms.ChoiceField(
        label="Protocol", choices=[(each.value, each.value.upper()) for each in PROTOCOLS], widget=Options
    )
    port = forms.CharField(
        label="Port",
        required=False,
        max_length=5,
        widget=forms.TextInput({"autocomplete": "off", "inputmode": "numeric", "placeholder": "443"}),
    )

    def __init__(self, data: QueryDict, tenant: Tenant) -> None:
        super().__init__(data if "protocol" in data else None, initial=data.dict())
        self.tenant = tenant
        offer_instances(self, tenant, name="source_instance")
        offer_instances(self, tenant, name="target_instance")
        ips = PublicIp.objects.of(tenant).live().select_related("vpc").order_by("address")[:OFFERED]
        shown = {str(row.pk): f"{row}, {row.name + ' ' if row.name else ''}in {row.vpc.name}" for row in ips}
        self._offer("target_public_ip", shown, "Another public IP")
        balancers = Balancer.objects.of(tenant).live().order_by("name", "id")[:OFFERED]
        shown = {str(row.pk): f"{row} ({row.get_protocol_display()})" for row in balancers}
        self._offer("target_load_balancer", shown, "Another load balancer")

    def _offer(self, name: str, shown: dict[str, str], other: str) -> None:
        """Also what was asked about, whether it is among them or not."""
        select = self.fields[name].widget
        assert isinstance(select, forms.Select)
        wanted = self.initial.get(name, "")
        more = [(wanted, other)] if wanted and wanted not in shown else []
        select.choices = [("", "Choose one"), *more, *shown.items()]

    def clean(self) -> None:
        said = self.cleaned_data
        if self.is_search or self.errors:
            return
        ends = {
            "from": self._end("source", {INTERNET: True, ADDRESS: said.get("source_address")}),
            "to": self._end(
                "target",
                {
                    PUBLIC_IP: said.get("target_public_ip"),
                    LOAD_BALANCER: said.get("target_load_balancer"),
                    ADDRESS: said.get("target_address"),
                },
            ),
        }
        try:
            self.question = Question.parse(self.tenant, ends | {name: said[name] for name in ("protocol", "port")})
        except Refused as refusal:
            for each in refusal.all:
                self.add_error(self._field_of(each.field or ""), each.message)

    def _end(self, side: str, others: dict[str, Any]) -> dict[str, Any]:
        kind = self.cleaned_data[side]
        if kind == INSTANCE:
            chosen = self.cleaned_data.get(f"{side}_instance")
            return {INSTANCE: str(chosen.id) if chosen else ""}
        return {kind: others[kind]}

    def _field_of(self, field: str) -> str | None:
        """Where a refusal belongs that names a field of the API's."""
        for end, side in (("from", "source"), ("to", "target")):
            if field.startswith(end):
                name = f"{side}_{self.cleaned_data[side]}"
                return name if name in self.fields else side
        return field if field in self.fields else None
