"""Who uses Weft: tenants, the people in them, their tokens, and the record of what they did.

    role        may
    owner       everything in the tenant, members and everybody's tokens included
    engineer    create, change and delete networks
    viewer      look

Everybody has tokens of their own, which may what the person may, and no more than their scope.

Platform admins (`User.is_platform_admin`) belong to no tenant by that; they run the fabric and see every tenant's rows.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.contrib.postgres.functions import RandomUUID
from django.contrib.postgres.indexes import GinIndex
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Upper

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
    """`email` is what somebody wrote to be told apart by people. Nobody has proved it, so nothing is granted by it."""

    username_key = Key("username")
    #: What addresses and the API call somebody: the row's own number would tell how many there are.
    uuid = models.UUIDField(db_default=RandomUUID(), unique=True, editable=False)
    is_platform_admin = models.BooleanField(default=False)

    objects: ClassVar[People] = People()

    class Meta(AbstractUser.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=("username_key",), name="user_name_is_unique")]
        indexes = [models.Index(Upper("email"), name="user_by_email")]


class Session(AbstractBaseSession):
    """The session of a browser: Django's, and whose it is. `apps.tenancy.sessions` fills it."""

    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="sessions")

    class Meta(AbstractBaseSession.Meta):
        abstract = False


SLUG_LENGTH = 32
is_slug = RegexValidator(r"^[a-z][a-z0-9]*(-[a-z0-9]+)*\Z", "Lower-case letters, digits and single hyphens.")


class Tenant(Boundary, models.Model):
    """Our customer, and the boundary of everything. `slug` stands in URLs and never changes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=NAME.most)
    name_key = Key("name")
    slug = models.CharField(max_length=SLUG_LENGTH, unique=True, validators=[is_slug])
    #: Since when nobody but platform admins can look at it or act in it. What is under way comes to its end.
    disabled_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = models.Manager()

    class Meta:
        ordering = ("name",)
        constraints = [models.UniqueConstraint(fields=("name_key",), name="tenant_name_is_unique")]

    def __str__(self) -> str:
        return self.name

    @property
    def stream(self) -> str:
        """Where open pages of the tenant hear that they should look again (`portal.events`)."""
        return f"/events/t/{self.slug}"

    @property
    def is_disabled(self) -> bool:
        return self.disabled_at is not None


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    ENGINEER = "engineer", "Network engineer"
    VIEWER = "viewer", "Viewer"

    @property
    def may_write(self) -> bool:
        return self is not Role.VIEWER


class MembershipQuerySet(models.QuerySet["Membership"]):
    def active_owners(self) -> MembershipQuerySet:
        return self.filter(role=Role.OWNER, user__is_active=True)

    def with_other_owner(self) -> MembershipQuerySet:
        """Each knows as `has_other_owner` whether somebody else could go on as owner of its tenant."""
        others = Membership.objects.active_owners().filter(tenant=models.OuterRef("tenant"))
        return self.annotate(has_other_owner=models.Exists(others.exclude(user=models.OuterRef("user"))))


class Membership(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        ordering = ("tenant__name",)
        constraints = [models.UniqueConstraint(fields=("user", "tenant"), name="membership_is_unique")]

    def __str__(self) -> str:
        return f"{self.user} in {self.tenant}"

    @property
    def may_write(self) -> bool:
        return Role(self.role).may_write

    @property
    def why_not_part(self) -> str | None:
        """Why it cannot be ended, nor become less than an owner's. Needs `with_other_owner`."""
        is_needed = self.role == Role.OWNER and self.user.is_active and not getattr(self, "has_other_owner", False)
        return f"{self.tenant} needs an owner. Make somebody else one first." if is_needed else None


def digest_of(secret: str) -> str:
    """SHA-256: the secrets that Weft makes are 256 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def standing(self) -> InvitationQuerySet:
        """Those that open something: not run out, and of somebody who could still make them."""
        return self.filter(self._opens())

    def told(self) -> InvitationQuerySet:
        """Each knows as `is_standing` whether its link opens anything."""
        return self.annotate(is_standing=models.ExpressionWrapper(self._opens(), models.BooleanField()))

    @staticmethod
    def _opens() -> models.Q:
        owners = Membership.objects.active_owners().filter(tenant=models.OuterRef("tenant"))
        is_owners = models.Q(models.Exists(owners.filter(user=models.OuterRef("created_by"))))
        is_admins = models.Q(created_by__is_platform_admin=True, created_by__is_active=True)
        return models.Q(expires_at__gt=clock.now()) & (models.Q(created_by=None) | is_admins | is_owners)


class Invitation(models.Model):
    """A link with which one person joins a tenant: once, and for a day, while who made it could make it anew. The row
    goes when it is used or withdrawn.

    Who holds the link joins, whatever `email` says: with an account they have, or with a new one named `username`. So
    it makes no difference whether anybody has an account with this address, and no account is ever handed to a link.
    """

    LIFE: ClassVar[timedelta] = timedelta(hours=24)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    email_key = Key("email")
    role = models.CharField(max_length=16, choices=Role.choices)
    username = models.CharField(max_length=150)
    digest = models.CharField(max_length=64, unique=True)
    invited_by = models.CharField(max_length=200)
    #: None for the command line's, and for those of a token that is nobody's.
    created_by = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()

    unscoped = InvitationQuerySet.as_manager()
    objects = TenantDoor[InvitationQuerySet]("tenant")

    class Meta:
        ordering = ("-created_at",)
        constraints = [models.UniqueConstraint(fields=("tenant", "email_key"), name="invitation_one_per_address")]

    def __str__(self) -> str:
        return self.email

    @staticmethod
    def new_secret() -> str:
        return f"weft_join_{secrets.token_urlsafe(32)}"


class Scope(models.TextChoices):
    READ = "read", "Read"
    WRITE = "write", "Read and write"


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def usable(self) -> ApiTokenQuerySet:
        """Those that open something: neither expired nor revoked, and whose person is still who they were. A person's
        token knows as `person_role` what the person is in its tenant now."""
        unexpired = models.Q(expires_at=None) | models.Q(expires_at__gt=clock.now())
        roles = Membership.objects.filter(user=models.OuterRef("created_by"), tenant=models.OuterRef("tenant"))
        rows = self.annotate(person_role=models.Subquery(roles.values("role")[:1]))
        is_admins = models.Q(tenant=None, created_by__is_platform_admin=True)
        in_force = models.Q(created_by__is_active=True) & (models.Q(person_role__isnull=False) | is_admins)
        return rows.filter(unexpired, models.Q(created_by=None) | in_force, revoked_at=None)

    def kept(self) -> ApiTokenQuerySet:
        """Those that nobody has revoked."""
        return self.filter(revoked_at=None)


class ApiToken(models.Model):
    """A key for automation. It belongs to one tenant, or with `tenant` None to the platform; only its hash is kept.

    It may what the person who made it may, now and within its scope; one that nobody made (the command line) may what
    an engineer may.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, null=True, blank=True, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=NAME.most)
    digest = models.CharField(max_length=64, unique=True)
    scope = models.CharField(max_length=8, choices=Scope.choices, default=Scope.WRITE)
    created_by = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="tokens")
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
        return digest_of(secret)

    @staticmethod
    def new_secret() -> str:
        return f"weft_{secrets.token_urlsafe(32)}"

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= clock.now()

    @property
    def role(self) -> Role | None:
        """What it may be at most in its tenant. Needs `usable`."""
        if self.tenant_id is None:
            return None
        return Role.ENGINEER if self.created_by_id is None else Role(self.person_role)  # type: ignore[attr-defined]


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
