"""Who uses Weft: tenants, the people in them, their tokens, and the record of what they did.

    role        may
    owner       everything in the tenant, members and tokens included
    engineer    create, change and delete networks
    viewer      look

Platform admins (`User.is_platform_admin`) belong to no tenant by that; they run the fabric and see every tenant's rows.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import RegexValidator
from django.db import models

from apps.kernel import clock
from apps.kernel.named import Key
from apps.kernel.names import NAME, key_of
from apps.tenancy.door import Boundary, TenantDoor


class People(UserManager["User"]):
    def create_superuser(
        self, username: str, email: str | None = None, password: str | None = None, **fields: Any
    ) -> User:
        """What `manage.py createsuperuser` makes is a platform admin."""
        return super().create_superuser(username, email, password, **{"is_platform_admin": True} | fields)

    def get_by_natural_key(self, username: str | None) -> User:
        """Whoever signs in with a name that looks like theirs. One that is typed exactly goes before."""
        name = username or ""
        exact = self.filter(username=name).first()
        return exact or self.get(username_key=key_of(name))

    def who_can_sign_in(self, username: str) -> User | None:
        try:
            user = self.get_by_natural_key(username)
        except User.DoesNotExist:
            return None
        return user if user.is_active else None


class User(AbstractUser):
    username_key = Key("username")
    is_platform_admin = models.BooleanField(default=False)

    objects: ClassVar[People] = People()

    class Meta(AbstractUser.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=("username_key",), name="user_name_is_unique")]


class Tenant(Boundary, models.Model):
    """Our customer, and the boundary of everything. `slug` stands in URLs and never changes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=NAME.most)
    name_key = Key("name")
    slug = models.CharField(
        max_length=32,
        unique=True,
        validators=[
            RegexValidator(r"^[a-z][a-z0-9]*(-[a-z0-9]+)*\Z", "Lower-case letters, digits and single hyphens.")
        ],
    )
    max_vpcs = models.PositiveIntegerField(default=20)
    max_tiers = models.PositiveIntegerField(default=60)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = models.Manager()

    class Meta:
        ordering = ("name",)
        constraints = [models.UniqueConstraint(fields=("name_key",), name="tenant_name_is_unique")]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    ENGINEER = "engineer", "Network engineer"
    VIEWER = "viewer", "Viewer"


class Membership(models.Model):
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("tenant__name",)
        constraints = [models.UniqueConstraint(fields=("user", "tenant"), name="membership_is_unique")]

    def __str__(self) -> str:
        return f"{self.user} in {self.tenant}"

    @property
    def may_write(self) -> bool:
        return self.role in (Role.OWNER, Role.ENGINEER)


class Scope(models.TextChoices):
    READ = "read", "Read"
    WRITE = "write", "Read and write"


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def usable(self, now: datetime | None = None) -> ApiTokenQuerySet:
        now = now or clock.now()
        unexpired = models.Q(expires_at=None) | models.Q(expires_at__gt=now)
        return self.filter(unexpired, revoked_at=None)


class ApiToken(models.Model):
    """A key for automation. It belongs to one tenant, or with `tenant` None to the platform; only its hash is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, null=True, blank=True, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=NAME.most)
    digest = models.CharField(max_length=64, unique=True)
    scope = models.CharField(max_length=8, choices=Scope.choices, default=Scope.WRITE)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    unscoped = ApiTokenQuerySet.as_manager()
    objects = TenantDoor[ApiTokenQuerySet]("tenant")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def hash(secret: str) -> str:
        """SHA-256: the secret is 256 random bits, so a slow hash would add nothing."""
        return hashlib.sha256(secret.encode()).hexdigest()

    @staticmethod
    def new_secret() -> str:
        return f"weft_{secrets.token_urlsafe(32)}"


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    pass


class AuditEntry(models.Model):
    """Who changed what, when, from what to what. Written in the transaction of the change; never altered, and
    forgotten by age alone."""

    id = models.BigAutoField(primary_key=True)
    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(default=clock.now)
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    token = models.ForeignKey(ApiToken, null=True, on_delete=models.SET_NULL, related_name="+")
    actor = models.CharField(max_length=200)
    action = models.CharField(max_length=64)
    object_type = models.CharField(max_length=32)
    object_id = models.CharField(max_length=36)
    object_name = models.CharField(max_length=200)
    search_key = Key("object_name", "actor", "action")
    old: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    new: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)

    unscoped = AuditEntryQuerySet.as_manager()
    objects = TenantDoor[AuditEntryQuerySet]("tenant")

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "audit entries"
        indexes = [
            GinIndex(fields=["search_key"], opclasses=["gin_trgm_ops"], name="audit_by_words"),
            models.Index(fields=("tenant", "-id"), name="audit_by_tenant"),
            models.Index(fields=("object_type", "object_id", "-id"), name="audit_by_object"),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.object_name}"


class IdempotencyKey(models.Model):
    """A change that was asked for under a key of the caller's, with the answer it got. Kept for a day."""

    id = models.BigAutoField(primary_key=True)
    #: The caller: a token, or a person in a tenant.
    owner = models.CharField(max_length=100)
    key = models.CharField(max_length=255)
    digest = models.CharField(max_length=64)
    answer: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.now, db_index=True)

    objects = models.Manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=("owner", "key"), name="idempotency_key_is_unique")]

    def __str__(self) -> str:
        return f"{self.key} of {self.owner}"


class Tries(models.Model):
    """How many tries to sign in something has left: `apps.tenancy.tries` says what is counted, and how."""

    key = models.CharField(primary_key=True, max_length=64)
    full_at = models.DateTimeField(db_index=True)

    objects = models.Manager()

    def __str__(self) -> str:
        return self.key
