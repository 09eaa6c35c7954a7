"""The audit log's rows: no foreign keys, no update, no delete (triggers hold that)."""

from __future__ import annotations

from django.db import models


class AuditEvent(models.Model):
    """One event: ``body`` holds the exact bytes that were hashed; the other columns are only for finding it."""

    seq = models.PositiveBigIntegerField(primary_key=True)
    body = models.BinaryField()
    leaf = models.BinaryField(max_length=32)
    ts = models.CharField(max_length=27)
    type = models.CharField(max_length=40)
    actor = models.CharField(max_length=200)
    subject = models.CharField(max_length=120)
    run_id = models.BigIntegerField(null=True)
    target = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering = ["seq"]
        indexes = [
            models.Index(fields=["type"], name="audit_by_type"),
            models.Index(fields=["run_id"], name="audit_by_run"),
            models.Index(fields=["actor"], name="audit_by_actor"),
        ]


class AuditHead(models.Model):
    """The one row that orders appends: how many events there are and the tree's frontier."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    log = models.CharField(max_length=120)
    size = models.PositiveBigIntegerField(default=0)
    frontier = models.BinaryField(default=b"")
    last_ts = models.CharField(max_length=27, blank=True)
    verified_size = models.PositiveBigIntegerField(default=0)
    verified_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_audit_head")]


class Checkpoint(models.Model):
    """A signed head of the log."""

    size = models.PositiveBigIntegerField(unique=True)
    text = models.TextField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["size"]
