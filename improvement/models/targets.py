"""Targets, their champions and how these moved."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Target(models.Model):
    """What is improved. The files live in a git repository; this row names its champion."""

    name = models.SlugField(max_length=80, unique=True)
    description = models.TextField(blank=True)
    kind = models.CharField(max_length=16)
    format = models.CharField(max_length=16)
    isolation = models.CharField(max_length=16)
    metric = models.CharField(max_length=80)
    better = models.CharField(max_length=8)
    unit = models.CharField(max_length=40, blank=True)
    follows_stream = models.BooleanField(default=False)
    warnings = models.JSONField(default=list)
    start_commit = models.CharField(max_length=40)
    start_score = models.FloatField(null=True)
    start_seconds = models.FloatField(null=True, help_text="how long the start was measured when it was imported")
    champion_commit = models.CharField(max_length=40)
    champion_score = models.FloatField(null=True)
    champion_candidate = models.ForeignKey(
        "improvement.Candidate", null=True, on_delete=models.PROTECT, related_name="+"
    )
    stray_head = models.CharField(
        max_length=40,
        blank=True,
        help_text='where its branch was found instead of at the champion ("missing" without a branch)',
    )
    evaluator_digest = models.CharField(max_length=64)
    holdout_uses = models.PositiveIntegerField(default=0)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(better__in=["higher", "lower"]), name="target_better_known")
        ]

    @property
    def sign(self) -> float:
        """+1.0 or -1.0: a score times this sign is better when it is higher."""
        return 1.0 if self.better == "higher" else -1.0


class UploadedTable(models.Model):
    """A table that somebody uploaded; a worker reads which columns it has, and targets are made of it.

    ``source`` is its file, which is removed with the row when a target was made of it or a week has passed.
    ``columns`` holds, once it is read, what ``engine.table_summary`` says of each.
    """

    class State(models.TextChoices):
        """Waiting for a worker, read, or refused."""

        WAITING = "waiting"
        READ = "read"
        REFUSED = "refused"

    file_name = models.CharField(max_length=100)
    source = models.CharField(max_length=500)
    state = models.CharField(max_length=10, choices=State)
    message = models.TextField(blank=True)
    rows = models.PositiveIntegerField(default=0)
    columns = models.JSONField(default=list)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()


class TargetImport(models.Model):
    """Files that somebody handed over in the browser; a worker makes a target of them, or refuses with a reason."""

    class State(models.TextChoices):
        """Waiting for a worker, made into a target, or refused."""

        QUEUED = "queued"
        DONE = "done"
        REFUSED = "refused"

    name = models.CharField(max_length=80, blank=True)
    format = models.CharField(max_length=16)
    source = models.CharField(max_length=500)
    table = models.ForeignKey(UploadedTable, null=True, on_delete=models.SET_NULL, related_name="imports")
    choices = models.JSONField(default=dict, help_text="what was asked for of a table: fields of engine's Asked")
    state = models.CharField(max_length=10, choices=State)
    message = models.TextField(blank=True)
    target = models.ForeignKey(Target, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()


class Release(models.Model):
    """One move of a champion: a release of an approved candidate, a rollback, or an external commit taken in."""

    class Kind(models.TextChoices):
        """What moved the champion."""

        START = "start"
        RELEASE = "release"
        ROLLBACK = "rollback"
        EXTERNAL = "external"

    class State(models.TextChoices):
        """The intent is recorded first, then the ref is moved, then this row is finished."""

        INTENDED = "intended"
        DONE = "done"
        FAILED = "failed"

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="releases")
    candidate = models.ForeignKey("improvement.Candidate", null=True, on_delete=models.PROTECT, related_name="releases")
    kind = models.CharField(max_length=16, choices=Kind)
    state = models.CharField(max_length=16, choices=State)
    previous_commit = models.CharField(max_length=40, blank=True)
    commit = models.CharField(max_length=40)
    tree = models.CharField(max_length=40)
    score = models.FloatField(null=True)
    previous_score = models.FloatField(null=True)
    approved_by = models.JSONField(default=list)
    self_countersigned = models.BooleanField(default=False)
    ordered_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    ordered_via = models.CharField(max_length=16, blank=True)
    ordered_commit = models.CharField(
        max_length=40,
        blank=True,
        help_text="the champion that a rollback restores, or the commit made elsewhere that is taken over",
    )
    reason = models.TextField(blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["target"], condition=models.Q(state="intended"), name="one_release_in_flight_per_target"
            ),
            models.UniqueConstraint(
                fields=["candidate"],
                condition=models.Q(kind="release", state__in=["intended", "done"]),
                name="one_release_per_candidate",
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="release") | models.Q(candidate__isnull=False), name="release_has_candidate"
            ),
            models.CheckConstraint(
                condition=models.Q(kind="release") | models.Q(approved_by=[]), name="only_a_release_has_approvals"
            ),
            models.CheckConstraint(
                condition=~models.Q(kind__in=["rollback", "external"])
                | (models.Q(ordered_by__isnull=False) & ~models.Q(ordered_commit="") & ~models.Q(reason="")),
                name="ordered_move_says_who_what_and_why",
            ),
        ]
