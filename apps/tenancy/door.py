"""The tenant door: the only way from a model to its rows for views, forms and services.

`Vpc.objects` is a door, not a manager. It has no `all()`, `get()` or `filter()`, so forgetting the tenant is an
AttributeError in every test and an error in mypy:

    Vpc.objects.of(request.tenant)          one tenant's rows
    Vpc.objects.across(request.platform)    everybody's rows, for who proves to be a platform admin

`Vpc.unscoped` stays for the engine and for migrations; `tests/test_scoping.py` lists who may say that word.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from django.db import models

Q = TypeVar("Q", bound=models.QuerySet[Any, Any])


class Boundary:
    """What doors open for: `models.Tenant` is the only one."""


class Proof:
    """What opens doors across all tenants: `actors.Platform` is the only one."""


class Door(Generic[Q]):
    def __init__(self, model: type[models.Model], path: str) -> None:
        self._model = model
        self._path = path

    def of(self, tenant: Boundary) -> Q:
        """The rows of one tenant. Raises TypeError for anything else, None included."""
        if not isinstance(tenant, Boundary):
            raise TypeError(f"a tenant is needed to read {self._model.__name__}, not {tenant!r}")
        return self._rows().filter(**{self._path: tenant})

    def across(self, platform: Proof) -> Q:
        """The rows of all tenants."""
        if not isinstance(platform, Proof):
            raise TypeError("only a platform admin reads across tenants")
        return self._rows()

    def _rows(self) -> Q:
        return self._model._default_manager.get_queryset()  # type: ignore[return-value]


class TenantDoor(Generic[Q]):
    """A descriptor for the class alone. `path` leads from the model to its tenant: `vpc__tenant`."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __get__(self, instance: models.Model | None, owner: type[models.Model]) -> Door[Q]:
        if instance is not None:
            raise AttributeError("a row has no door; use its model's")
        return Door(owner, self._path)
