"""Candidates, their files, their evaluations and the evidence about them."""

from __future__ import annotations

from django.db import models

from improvement.states import CandidateState


class FileSet(models.Model):
    """All editable files of a candidate or a champion, stored once for each digest (zlib-compressed JSON)."""

    digest = models.CharField(max_length=64, primary_key=True)
    content = models.BinaryField()


class Candidate(models.Model):
    """One proposed change. The id is the number people see: C-12."""

    run = models.ForeignKey("improvement.Run", on_delete=models.PROTECT, related_name="candidates", null=True)
    target = models.ForeignKey("improvement.Target", on_delete=models.PROTECT, related_name="candidates")
    number = models.PositiveIntegerField(help_text="the strategy's number of this proposal, counted from 0")
    generation = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=20, choices=[(s.value, s.name.title()) for s in CandidateState])
    revision = models.PositiveSmallIntegerField(default=1)
    files = models.ForeignKey(FileSet, on_delete=models.PROTECT, related_name="+")
    patch_digest = models.CharField(max_length=64)
    syntax_digest = models.CharField(max_length=64)
    base_commit = models.CharField(max_length=40)
    added = models.PositiveIntegerField(default=0)
    removed = models.PositiveIntegerField(default=0)
    characters = models.PositiveIntegerField(default=0, help_text="of all its editable files together")
    origin = models.CharField(max_length=16, default="strategy")
    operator = models.CharField(max_length=80, blank=True)
    note = models.CharField(max_length=300, blank=True)
    title = models.CharField(max_length=300, help_text="the whole change against the champion, in a few words")
    parents = models.JSONField(default=list)
    values = models.JSONField(default=dict, help_text="what it sets the declared parameters to")
    transcript = models.ForeignKey(
        "improvement.Blob",
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="of the program that made it",
    )
    model_call = models.ForeignKey(
        "improvement.ModelCall",
        null=True,
        on_delete=models.PROTECT,
        related_name="candidates",
        help_text="the question whose answer it rests on",
    )
    author = models.ForeignKey("improvement.User", null=True, on_delete=models.PROTECT, related_name="+")
    evaluation_index = models.PositiveIntegerField(null=True, help_text="the run's budget count when it was measured")
    score = models.FloatField(null=True)
    message = models.CharField(max_length=500, blank=True)
    told = models.BooleanField(default=False)
    told_generation = models.PositiveIntegerField(
        null=True, help_text="the generation at whose end the strategy was told what became of it"
    )
    cleared = models.BooleanField(default=False, help_text="a person said that its score can be true")
    proposed_at = models.DateTimeField()
    measured_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    confirm_asked_at = models.DateTimeField(
        null=True, help_text="when somebody who opened it while it was stale had it confirmed again"
    )

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["run", "state"], name="candidate_by_run_state"),
            models.Index(fields=["run", "syntax_digest"], name="candidate_by_syntax"),
            models.Index(fields=["run", "-score"], name="candidate_by_score"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["run", "number"], name="candidate_number_once_per_run"),
            models.CheckConstraint(
                condition=models.Q(state__in=[s.value for s in CandidateState]), name="candidate_state_known"
            ),
        ]


class Evaluation(models.Model):
    """One measurement that was asked for: leased to a worker, attempted, answered once.

    ``candidate`` is empty for a measurement of the champion itself. ``seed`` of a confirmation or holdout never
    leaves the kernel.
    """

    class State(models.TextChoices):
        """Waiting for a worker, held by one, or answered."""

        QUEUED = "queued"
        LEASED = "leased"
        DONE = "done"
        CANCELLED = "cancelled"

    run = models.ForeignKey("improvement.Run", on_delete=models.PROTECT, related_name="evaluation_set", null=True)
    target = models.ForeignKey("improvement.Target", on_delete=models.PROTECT, related_name="evaluations")
    candidate = models.ForeignKey(Candidate, null=True, on_delete=models.PROTECT, related_name="evaluations")
    subject = models.ForeignKey(Candidate, null=True, on_delete=models.PROTECT, related_name="comparisons")
    revision = models.PositiveSmallIntegerField(default=1)
    base_commit = models.CharField(max_length=40)
    files = models.ForeignKey(FileSet, on_delete=models.PROTECT, related_name="+")
    stage = models.CharField(max_length=8)
    index = models.PositiveSmallIntegerField(default=0)
    seed = models.BigIntegerField()
    state = models.CharField(max_length=10, choices=State)
    attempt = models.PositiveSmallIntegerField(default=0)
    worker = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=8, blank=True)
    cause = models.CharField(max_length=40, blank=True)
    message = models.CharField(max_length=500, blank=True)
    score = models.FloatField(null=True)
    metrics = models.JSONField(default=dict)
    steps = models.JSONField(default=list, help_text="its stages, and the score of every case of each")
    feedback = models.TextField(blank=True)
    log = models.TextField(blank=True)
    seconds = models.FloatField(default=0.0)
    cpu_seconds = models.FloatField(default=0.0)
    memory_mb = models.FloatField(default=0.0)
    level = models.PositiveSmallIntegerField(default=0)
    isolation = models.CharField(max_length=16, blank=True)
    evaluator_digest = models.CharField(max_length=64, blank=True)
    queued_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["state", "lease_until"], name="evaluation_by_lease")]
        constraints = [
            models.UniqueConstraint(
                fields=["candidate", "stage", "index", "revision"],
                condition=models.Q(candidate__isnull=False),
                name="one_answer_per_candidate_measurement",
            ),
            models.UniqueConstraint(
                fields=["subject", "stage", "index", "revision"],
                condition=models.Q(candidate__isnull=True, subject__isnull=False),
                name="one_champion_answer_per_comparison",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="done") | (models.Q(done_at__isnull=False) & ~models.Q(outcome="")),
                name="answered_evaluation_is_complete",
            ),
        ]


class Evidence(models.Model):
    """The frozen comparison of a nominated candidate with the champion."""

    candidate = models.ForeignKey(Candidate, on_delete=models.PROTECT, related_name="evidence")
    revision = models.PositiveSmallIntegerField()
    base_commit = models.CharField(max_length=40)
    digest = models.CharField(max_length=64)
    payload = models.JSONField()
    better = models.BooleanField()
    summary = models.CharField(max_length=300)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["candidate", "revision"], name="one_evidence_per_revision")]
