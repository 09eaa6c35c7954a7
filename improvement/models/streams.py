"""Live streams: what arrived, which rules follow it, how they did, and rollbacks that were proposed."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Stream(models.Model):
    """The stream of a target: how many records arrived, and the digest that binds all of them.

    Records up to ``archived`` are no longer in the database, but in files of the archive.
    """

    target = models.OneToOneField("improvement.Target", on_delete=models.PROTECT, related_name="stream")
    count = models.PositiveBigIntegerField(default=0)
    archived = models.PositiveBigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)
    queue_position = models.CharField(max_length=40, default="0-0", help_text="what was read of the Redis stream")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(archived__lte=models.F("count")), name="archived_is_of_the_stream"
            )
        ]


class StreamRecord(models.Model):
    """What arrived of one observation: features, a label, or both. Append only (a trigger holds that)."""

    stream = models.ForeignKey(Stream, on_delete=models.PROTECT, related_name="records")
    number = models.PositiveBigIntegerField()
    key = models.CharField(max_length=100)
    features = models.JSONField(null=True)
    label = models.CharField(max_length=64, blank=True)
    source = models.CharField(max_length=40)
    digest = models.CharField(max_length=64)
    arrived_at = models.DateTimeField()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["stream", "number"], name="record_number_once"),
            models.UniqueConstraint(
                fields=["stream", "key"], condition=models.Q(features__isnull=False), name="features_arrive_once"
            ),
            models.UniqueConstraint(fields=["stream", "key"], condition=~models.Q(label=""), name="label_arrives_once"),
            models.CheckConstraint(
                condition=models.Q(features__isnull=False) | ~models.Q(label=""), name="record_says_something"
            ),
        ]


class StreamArchive(models.Model):
    """One file of records that left the database: which ones, and the digests of the file and of the last of them."""

    stream = models.ForeignKey(Stream, on_delete=models.PROTECT, related_name="archives")
    first = models.PositiveBigIntegerField()
    last = models.PositiveBigIntegerField()
    blob = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        ordering = ["first"]
        constraints = [
            models.UniqueConstraint(fields=["stream", "first"], name="record_archived_once"),
            models.CheckConstraint(condition=models.Q(last__gte=models.F("first")), name="archive_holds_records"),
        ]


class Serving(models.Model):
    """A champion that follows its target's stream, or the one before it, which shadows it for a while.

    ``position`` is the last record it has taken, ``since`` the last one that arrived before it became champion: only
    later labels count. ``state`` is what it goes on from, compressed JSON. After ``refusals`` steps in a row that were
    refused, ``refused_last`` is the last record of the newest of them. ``standing`` is how the champion stands against
    this shadow.
    """

    class Role(models.TextChoices):
        """Serving, shadowing the one that serves, or neither any more."""

        CHAMPION = "champion"
        SHADOW = "shadow"
        ENDED = "ended"

    stream = models.ForeignKey(Stream, on_delete=models.PROTECT, related_name="servings")
    release = models.ForeignKey("improvement.Release", on_delete=models.PROTECT, related_name="+")
    commit = models.CharField(max_length=40)
    role = models.CharField(max_length=10, choices=Role)
    position = models.PositiveBigIntegerField()
    since = models.PositiveBigIntegerField()
    state = models.BinaryField(null=True)
    problem = models.CharField(max_length=500, blank=True)
    refusals = models.PositiveSmallIntegerField(default=0)
    refused_last = models.PositiveBigIntegerField(null=True)
    standing = models.JSONField(null=True)
    attempt = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["stream"], condition=models.Q(role="champion"), name="one_champion_follows_a_stream"
            ),
            models.UniqueConstraint(
                fields=["stream"], condition=models.Q(role="shadow"), name="one_shadow_follows_a_stream"
            ),
            models.UniqueConstraint(fields=["release"], name="a_release_follows_once"),
            models.CheckConstraint(
                condition=models.Q(role="ended", ended_at__isnull=False)
                | models.Q(role__in=["champion", "shadow"], ended_at__isnull=True),
                name="serving_ended_at_matches_role",
            ),
            models.CheckConstraint(
                condition=models.Q(refused_last__isnull=True) | models.Q(refused_last__gte=models.F("position")),
                name="what_is_refused_was_not_taken",
            ),
        ]


class ServingStep(models.Model):
    """What a serving made of some records: which labels it had right, where it saw drifts, how far its weights moved.

    ``outcomes`` is a list of [record number, 1 or 0] for each label whose prediction was known.
    """

    serving = models.ForeignKey(Serving, on_delete=models.PROTECT, related_name="steps")
    last = models.PositiveBigIntegerField()
    outcomes = models.JSONField()
    drifts = models.JSONField()
    labels = models.PositiveIntegerField()
    moved = models.FloatField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["last"]
        constraints = [
            models.UniqueConstraint(fields=["serving", "last"], name="step_recorded_once"),
            models.CheckConstraint(condition=models.Q(moved__gte=0), name="a_way_is_not_negative"),
        ]


class RollbackProposal(models.Model):
    """The shadow did better than the champion: people see the evidence and decide; nothing moves by itself."""

    class State(models.TextChoices):
        """Waiting for a person, carried out, dismissed by one, or overtaken by another move of the champion."""

        OPEN = "open"
        DONE = "done"
        DISMISSED = "dismissed"
        OVERTAKEN = "overtaken"

    target = models.ForeignKey("improvement.Target", on_delete=models.PROTECT, related_name="rollback_proposals")
    release = models.OneToOneField("improvement.Release", on_delete=models.PROTECT, related_name="rollback_proposal")
    to_commit = models.CharField(max_length=40)
    evidence = models.JSONField()
    digest = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["target"], condition=models.Q(state="open"), name="one_open_rollback_proposal"
            ),
            models.CheckConstraint(
                condition=models.Q(state="open", closed_at__isnull=True)
                | models.Q(state__in=["done", "dismissed", "overtaken"], closed_at__isnull=False),
                name="closed_proposal_says_when",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="dismissed") | (models.Q(closed_by__isnull=False) & ~models.Q(reason="")),
                name="dismissed_proposal_says_who_and_why",
            ),
        ]
