"""How lists of access lists are narrowed, on pages and in the API."""

from __future__ import annotations

from apps.acls.models import Acl
from apps.kernel.api.filters import NameFilter
from apps.networks.filters import InVpcFilter, words


class AclFilter(InVpcFilter):
    q = words("the name")
    name = NameFilter()

    class Meta:
        model = Acl
        fields: list[str] = []
