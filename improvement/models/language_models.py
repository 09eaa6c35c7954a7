"""Language models that an administrator configured, and every question that was put to any."""

from __future__ import annotations

from django.db import models

from improvement.broker.configuration import Dialect
from improvement.engine.model_calls import FinishReason


class Blob(models.Model):
    """A text that the trail names by its digest (SHA-256 of its bytes), stored once (zlib-compressed)."""

    digest = models.CharField(max_length=64, primary_key=True)
    content = models.BinaryField()


class LanguageModel(models.Model):
    """One model as an administrator configured it. Its key is sealed; ``key_end`` is all that is ever shown of it."""

    name = models.CharField(max_length=60)
    dialect = models.CharField(max_length=12, choices=[(dialect.value, dialect.name.title()) for dialect in Dialect])
    base_url = models.CharField(max_length=300)
    model = models.CharField(max_length=120)
    price_in = models.DecimalField(max_digits=12, decimal_places=6, help_text="US dollars per million tokens")
    price_out = models.DecimalField(max_digits=12, decimal_places=6, help_text="US dollars per million tokens")
    max_tokens = models.PositiveIntegerField()
    seconds = models.PositiveIntegerField()
    requests_per_minute = models.PositiveIntegerField()
    private = models.BooleanField(default=False, help_text="may be an address of this machine or network")
    sealed_key = models.BinaryField(default=b"")
    key_end = models.CharField(max_length=4, blank=True)
    changed_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"], condition=models.Q(removed_at__isnull=True), name="one_model_of_a_name"
            ),
            models.CheckConstraint(
                condition=models.Q(dialect__in=[dialect.value for dialect in Dialect]), name="model_dialect_known"
            ),
        ]


class ModelCall(models.Model):
    """One question to a model: reserved before it is sent, answered once. Without a run it was a test.

    ``model`` is the configured name, ``model_id`` what the server called it then. ``reserved_tokens`` and
    ``reserved_microusd`` (millionths of a US dollar) are the most that it can take while it is under way.
    """

    run = models.ForeignKey("improvement.Run", on_delete=models.PROTECT, related_name="model_calls", null=True)
    sequence = models.PositiveIntegerField(null=True, help_text="the run's number of this question, counted from 0")
    model = models.CharField(max_length=60)
    model_id = models.CharField(max_length=120)
    request = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    answer = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+", null=True)
    reserved_tokens = models.PositiveIntegerField(default=0)
    reserved_microusd = models.PositiveBigIntegerField(default=0)
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    cost_microusd = models.PositiveBigIntegerField(default=0)
    seconds = models.FloatField(default=0.0)
    attempts = models.PositiveSmallIntegerField(default=1)
    outcome = models.CharField(
        max_length=8, blank=True, choices=[(end.value, end.name.title()) for end in FinishReason]
    )
    error = models.CharField(max_length=300, blank=True)
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["model", "asked_at"], name="model_call_by_model")]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "sequence"], condition=models.Q(run__isnull=False), name="one_question_per_sequence"
            ),
            models.CheckConstraint(
                condition=models.Q(run__isnull=True, sequence__isnull=True)
                | models.Q(run__isnull=False, sequence__isnull=False),
                name="question_of_a_run_is_numbered",
            ),
            models.CheckConstraint(
                condition=(models.Q(answered_at__isnull=True) & models.Q(answer__isnull=True) & models.Q(outcome=""))
                | (models.Q(answered_at__isnull=False) & models.Q(answer__isnull=False) & ~models.Q(outcome="")),
                name="answered_question_is_complete",
            ),
        ]
