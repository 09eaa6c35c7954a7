"""Runs, what their strategy said and heard, and the numbered events that browsers follow."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from improvement.states import LIVE_RUN_STATES, RUN_ENDS, RunState

LIMITS = ("budget", "seconds_limit", "cpu_seconds_limit", "token_limit", "microusd_limit")


class Run(models.Model):
    """One improvement loop over a target. The id is the number people see: R-7."""

    target = models.ForeignKey("improvement.Target", on_delete=models.PROTECT, related_name="runs")
    strategy = models.CharField(max_length=80)
    strategy_version = models.CharField(max_length=40)
    strategy_digest = models.CharField(max_length=64)
    parameters = models.JSONField(default=dict)
    language_models = models.JSONField(default=list, help_text="those that it may ask, as they were at its start")
    state = models.CharField(max_length=16, choices=[(s.value, s.name.title()) for s in RunState])
    wait_reason = models.CharField(max_length=300, blank=True)
    budget = models.PositiveIntegerField()
    seconds_limit = models.PositiveIntegerField(null=True)
    cpu_seconds_limit = models.PositiveIntegerField(null=True)
    token_limit = models.PositiveBigIntegerField(null=True)
    microusd_limit = models.PositiveBigIntegerField(null=True)
    confirm_allowance = models.PositiveIntegerField()
    generation_size = models.PositiveSmallIntegerField()
    seed = models.BigIntegerField()
    policy = models.ForeignKey("improvement.PolicyVersion", on_delete=models.PROTECT, related_name="+")
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="runs")
    starter_name = models.CharField(max_length=150)
    demo = models.BooleanField(default=False)

    start_commit = models.CharField(max_length=40)
    start_score = models.FloatField(null=True)
    generation = models.PositiveIntegerField(default=0)
    proposals = models.PositiveIntegerField(default=0)
    evaluations = models.PositiveIntegerField(default=0)
    confirm_evaluations = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    dropped = models.PositiveIntegerField(default=0)
    blocked = models.PositiveIntegerField(default=0)
    cpu_seconds = models.FloatField(default=0.0)
    wall_seconds = models.FloatField(default=0.0)
    warned = models.JSONField(default=list, help_text="the limits of which people know that they are nearly spent")
    best_score = models.FloatField(null=True)
    best_candidate = models.ForeignKey("improvement.Candidate", null=True, on_delete=models.SET_NULL, related_name="+")
    nominated_generation = models.PositiveIntegerField(default=0)
    barren_generations = models.PositiveIntegerField(default=0)
    heard_commit = models.CharField(max_length=40, blank=True, help_text="the champion that the strategy knows of")
    champion_score = models.FloatField(null=True, help_text="that champion's score on this run's measure seed")
    exhausted = models.BooleanField(default=False)
    lacking_tokens = models.PositiveBigIntegerField(default=0, help_text="for the last question that was too dear")
    lacking_microusd = models.PositiveBigIntegerField(default=0)
    event_number = models.PositiveBigIntegerField(default=0)

    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    running_since = models.DateTimeField(null=True, help_text="empty while it is parked, paused or halted")
    running_seconds = models.FloatField(default=0.0, help_text="how long it ran before that")
    ended_at = models.DateTimeField(null=True)
    lease_holder = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["state"], name="run_by_state")]
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=[s.value for s in RunState]), name="run_state_known"),
            *(
                models.CheckConstraint(
                    condition=models.Q(**{f"{name}__isnull": True}) | models.Q(**{f"{name}__gte": 1}),
                    name=f"run_{name}_is_something",
                )
                for name in LIMITS
            ),
            models.CheckConstraint(
                condition=models.Q(
                    state__in=sorted(s.value for s in [*LIVE_RUN_STATES, RunState.DRAFT]), ended_at__isnull=True
                )
                | models.Q(
                    state__in=sorted(state.value for state in RUN_ENDS),
                    ended_at__isnull=False,
                ),
                name="run_ended_at_matches_state",
            ),
        ]


class JournalEntry(models.Model):
    """One exchange with the strategy: what it was told or asked, and what it answered. Append only."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="journal")
    index = models.PositiveIntegerField()
    generation = models.PositiveIntegerField()
    kind = models.CharField(max_length=8)
    message = models.BinaryField()
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["index"]
        constraints = [models.UniqueConstraint(fields=["run", "index"], name="journal_index_once")]


class Snapshot(models.Model):
    """The strategy's opaque state after a generation, with the journal index it stands at."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="snapshots")
    journal_index = models.PositiveIntegerField()
    generation = models.PositiveIntegerField()
    state = models.BinaryField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "journal_index"], name="snapshot_once")]


class RunEvent(models.Model):
    """One numbered live event of a run; the socket only hints at it, this row is the truth."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events")
    number = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=40)
    payload = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="event_number_once")]
