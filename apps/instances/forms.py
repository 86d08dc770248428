"""The filter of the list of instances, and what a form's picker offers of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import QueryDict
from django.urls import reverse
from django.utils.safestring import SafeString

from apps.instances import queries
from apps.instances.queries import STATES, Instance
from apps.kernel.forms import Choice, ListForm, Search
from apps.kernel.pickers import PickerForm
from apps.networks.forms import OFFERED, named
from apps.networks.models import Tier, Vpc
from apps.tenancy.models import Tenant


class InstanceListForm(ListForm):
    q = Search("name or address")
    nothing = "No instance has this name or address, or is in this place or state."
    vpc = Choice("VPC")
    tier = Choice("tier")
    state = Choice("state", [(state, state) for state in STATES])
    also = ("page", "sort")

    def __init__(self, address: QueryDict, tenant: Tenant) -> None:
        super().__init__(address)
        vpcs, tiers = Vpc.objects.of(tenant).live(), Tier.objects.of(tenant).live().select_related("vpc")
        self.vpc_chosen = named(vpcs, address.get("vpc"))
        self.tier_chosen = named(tiers, address.get("tier"))
        within = self.vpc_chosen or (self.tier_chosen and self.tier_chosen.vpc)
        self._offer("vpc", [*vpcs[:OFFERED], *filter(None, [self.vpc_chosen])])
        self._offer("tier", [*(tiers.filter(vpc=within) if within else ()), *filter(None, [self.tier_chosen])])

    def _offer(self, name: str, rows: Iterable[Vpc | Tier]) -> None:
        field = self.fields[name]
        assert isinstance(field, Choice)
        field.offer({str(row.pk): row.name for row in rows}.items())

    @property
    def wanted(self) -> dict[str, Any]:
        """As `queries.of` takes it."""
        return {"words": self.words, "vpc": self.vpc_chosen, "tier": self.tier_chosen, "state": self.said("state")}

    @property
    def places_again(self) -> list[SafeString]:
        """Which tiers there are depends on the VPC, and VPCs come and go: both are told with each part of the page."""
        return [self[name].as_widget(attrs={"hx-swap-oob": "morph"}) for name in ("vpc", "tier")]


def offer_instances(form: PickerForm, tenant: Tenant, vpc: Vpc | None = None, *, name: str = "instance") -> None:
    """Let a form's picker find the tenant's instances; of one VPC alone where the form is about one."""
    url = reverse("instances:choices", args=[tenant.slug])

    def find(key: str) -> Instance | None:
        found = queries.find(tenant, key)
        return found if found and not found.is_gone and vpc in (None, found.vpc) else None

    form.offer(
        name,
        url=f"{url}?vpc={vpc.pk}" if vpc else url,
        search=lambda words: map(queries.option_of, queries.choices(tenant, words, vpc=vpc)),
        find=find,
    )
