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
    """One question to a model: reserved before it is sent, and answered or lost once. Without a run it was a test.

    ``journal_index`` is that of the round in which it was asked, ``place`` its place there, from 0, and ``question``
    the digest of what the strategy asked; what a program asks has neither of the last two. A question that was lost is
    asked again, as the next ``attempt``. ``model`` is the configured name, ``model_id`` what the server called it then.
    ``reserved_tokens`` and ``reserved_microusd`` (millionths of a US dollar) are the most that it can take: so much
    counts while it is under way, and of one that was lost.
    """

    LOST = "lost"

    run = models.ForeignKey("improvement.Run", on_delete=models.PROTECT, related_name="model_calls", null=True)
    journal_index = models.PositiveIntegerField(null=True)
    place = models.PositiveSmallIntegerField(null=True)
    question = models.CharField(max_length=64, blank=True)
    attempt = models.PositiveSmallIntegerField(default=1)
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
    outcome = models.CharField(
        max_length=8, blank=True, choices=[*((end.value, end.name.title()) for end in FinishReason), (LOST, "Lost")]
    )
    error = models.CharField(max_length=300, blank=True)
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["model", "asked_at"], name="model_call_by_model")]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "journal_index", "place", "attempt"],
                condition=models.Q(place__isnull=False),
                name="one_question_in_each_place",
            ),
            models.CheckConstraint(
                condition=models.Q(run__isnull=True, journal_index__isnull=True, place__isnull=True, question="")
                | models.Q(run__isnull=False, journal_index__isnull=False, place__isnull=True, question="")
                | (
                    models.Q(run__isnull=False, journal_index__isnull=False, place__isnull=False)
                    & ~models.Q(question="")
                ),
                name="question_of_a_run_has_its_round",
            ),
            models.CheckConstraint(
                condition=models.Q(answered_at__isnull=True, answer__isnull=True, outcome="")
                | models.Q(answered_at__isnull=False, answer__isnull=True, outcome="lost")
                | (models.Q(answered_at__isnull=False, answer__isnull=False) & ~models.Q(outcome__in=["", "lost"])),
                name="answered_question_is_complete",
            ),
        ]
