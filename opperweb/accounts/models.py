"""Who may see what: people, projects, who belongs to which, and the keys that programs use."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models, transaction
from django.utils import timezone

from opperweb.accounts.recent_keys import recent_keys
from opperweb.ids import uuid7


class UserManager(BaseUserManager["User"]):
    """People are found by their e-mail address, whatever its case."""

    def create_user(self, email: str, password: str | None = None, **fields: object) -> User:
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person, who signs in with an e-mail address."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False, help_text="May open the admin.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def initial(self) -> str:
        return str(self)[0].upper()


def look_keys_up_anew() -> None:
    """Forget the keys that were found a moment ago, with their projects, when what is being done is done."""
    transaction.on_commit(recent_keys.clear)


class ProjectQuerySet(models.QuerySet["Project"]):
    def of(self, user: User) -> ProjectQuerySet:
        """The projects a person belongs to, the oldest first."""
        return self.filter(memberships__user=user).order_by("created_at", "pk")


class Project(models.Model):
    """A room of its own: every trace, function and key belongs to one, and none is seen from another."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    time_zone = models.CharField(max_length=64, default="UTC")
    # Goes up with every change to what its calls are answered by, so that a process knows when to read that anew.
    catalogue_version = models.BigIntegerField(default=0, editable=False)
    # The same for its functions and their revisions.
    definitions_version = models.BigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    members = models.ManyToManyField(User, through="Membership", related_name="projects")

    objects = ProjectQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    @property
    def initial(self) -> str:
        return (self.name or self.slug)[0].upper()


class Role(models.TextChoices):
    """What a member may do; each role may also do what those below it may."""

    OWNER = "owner", "Owner"
    EDITOR = "editor", "Editor"
    REVIEWER = "reviewer", "Reviewer"
    READER = "reader", "Reader"


class Membership(models.Model):
    """A person's place in a project."""

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    project = models.ForeignKey(Project, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.READER)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_seen_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["user", "project"], name="one_membership_a_person"),)

    def __str__(self) -> str:
        return f"{self.user} in {self.project} ({self.get_role_display()})"

    @property
    def may_edit(self) -> bool:
        return self.role in (Role.OWNER, Role.EDITOR)

    @property
    def may_rate(self) -> bool:
        return self.role != Role.READER

    @property
    def is_owner(self) -> bool:
        return self.role == Role.OWNER


class Invitation(models.Model):
    """A link that lets whoever holds it join a project, once."""

    VALID_FOR: ClassVar[timedelta] = timedelta(days=7)

    project = models.ForeignKey(Project, models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.READER)
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"invitation to {self.project} as {self.get_role_display()}"


def digest_of(secret: str) -> bytes:
    """Return what is kept of a secret of ours: its SHA-256, for 32 random bytes need no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


class ApiKeyManager(models.Manager["ApiKey"]):
    def make(
        self,
        project: Project,
        name: str,
        *,
        created_by: User | None = None,
        secret: str | None = None,
        rights: str = "all",
    ) -> tuple[ApiKey, str]:
        """Make a key and return it with its secret, which is nowhere kept and cannot be shown again."""
        secret = secret or "op-" + secrets.token_hex(32)
        key = self.create(
            project=project,
            name=name,
            start=secret[:7],
            end=secret[-2:],
            digest=digest_of(secret),
            created_by=created_by,
            rights=rights,
        )
        return key, secret

    def find(self, secret: str) -> ApiKey | None:
        """Return the living key of this secret with its project, or None."""
        return self.select_related("project").filter(digest=digest_of(secret), revoked_at=None).first()


class ApiKey(models.Model):
    """A program's way in. Only the SHA-256 of its secret is kept, with the first and last characters for people."""

    class Rights(models.TextChoices):
        ALL = "all", "Read and write"
        READ = "read", "Read only"

    LAST_USE_PRECISION: ClassVar[timedelta] = timedelta(minutes=1)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    rights = models.CharField(max_length=5, choices=Rights.choices, default=Rights.ALL)
    start = models.CharField(max_length=8, editable=False)
    end = models.CharField(max_length=4, editable=False)
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar[ApiKeyManager] = ApiKeyManager()

    def __str__(self) -> str:
        return f"{self.name} ({self.masked})"

    @property
    def masked(self) -> str:
        return f"{self.start}…{self.end}"

    def touch(self) -> None:
        """Record that the key was used, at most once a minute."""
        now = timezone.now()
        if self.last_used_at is None or now - self.last_used_at > self.LAST_USE_PRECISION:
            ApiKey.objects.filter(pk=self.pk).update(last_used_at=now)

    def revoke(self) -> None:
        ApiKey.objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=timezone.now())
        look_keys_up_anew()


def new_invitation_secret() -> str:
    return secrets.token_urlsafe(32)
