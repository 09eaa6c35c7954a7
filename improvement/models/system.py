"""The installation itself: the stop over everything."""

from __future__ import annotations

from django.db import models


class Halt(models.Model):
    """One stop over everything, from when it was ordered until it was lifted."""

    ordered_by = models.CharField(max_length=200)
    reason = models.TextField()
    ordered_at = models.DateTimeField()
    resume_asked_by = models.CharField(max_length=200, blank=True)
    resume_asked_by_id = models.BigIntegerField(null=True)
    resume_reason = models.TextField(blank=True)
    lifted_by = models.CharField(max_length=200, blank=True)
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                models.Value(1), condition=models.Q(lifted_at__isnull=True), name="one_halt_at_a_time"
            ),
            models.CheckConstraint(condition=~models.Q(reason=""), name="halt_has_reason"),
        ]
