"""People: who they are in the installation, on single targets, and how they sign in the first time."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models

from improvement.permissions import Role

ROLE_CHOICES = [(role.value, role.name.title()) for role in Role]


class User(AbstractUser):
    """A person. ``role`` holds for the whole installation."""

    role = models.CharField(max_length=16, choices=ROLE_CHOICES, default=Role.VIEWER.value)
    keyboard_shortcuts = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=[role.value for role in Role]), name="user_role_known")
        ]


class TargetRole(models.Model):
    """A role on one target; it narrows the person's role and never widens it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="target_roles")
    target = models.ForeignKey("improvement.Target", on_delete=models.CASCADE, related_name="roles")
    role = models.CharField(max_length=16, choices=ROLE_CHOICES)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "target"], name="one_role_per_person_and_target")]


class SignInLink(models.Model):
    """A one-time link: only the hash of its token is stored; opening it shows a button, pressing that uses it up."""

    token_hash = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_in_links")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    replaces_password = models.BooleanField(default=False)


class ApiToken(models.Model):
    """What a program shows instead of a person: only its hash is stored. It can do what its scopes name, never vote."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    scopes = models.JSONField()
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
