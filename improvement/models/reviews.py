"""The policy's versions, reviews, votes, and what people say of single lines."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from improvement.policies import Preset, Tier


class PolicyVersion(models.Model):
    """One version of the policy; the newest is in force."""

    version = models.PositiveIntegerField(unique=True)
    preset = models.CharField(max_length=8, choices=[(p.value, p.name.title()) for p in Preset])
    text = models.TextField()
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200)


class Review(models.Model):
    """The case put to people: one candidate at one revision, with the digests a vote signs."""

    class State(models.TextChoices):
        """Open while people may vote."""

        OPEN = "open"
        SUSPENDED = "suspended"
        CLOSED = "closed"

    candidate = models.ForeignKey("improvement.Candidate", on_delete=models.PROTECT, related_name="reviews")
    target = models.ForeignKey("improvement.Target", on_delete=models.PROTECT, related_name="reviews")
    evidence = models.ForeignKey("improvement.Evidence", on_delete=models.PROTECT, related_name="+")
    revision = models.PositiveSmallIntegerField()
    policy = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="+")
    tier = models.CharField(max_length=8, choices=[(t.value, t.name.title()) for t in Tier])
    needed = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=State)
    outcome = models.CharField(max_length=20, blank=True)
    patch_digest = models.CharField(max_length=64)
    base_commit = models.CharField(max_length=40)
    claimed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    claimed_until = models.DateTimeField(null=True)
    opened_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["opened_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["candidate"], condition=~models.Q(state="closed"), name="one_open_review_per_candidate"
            ),
            models.CheckConstraint(
                condition=(models.Q(state="closed") & models.Q(closed_at__isnull=False) & ~models.Q(outcome=""))
                | (~models.Q(state="closed") & models.Q(closed_at__isnull=True)),
                name="closed_review_is_complete",
            ),
        ]


class Vote(models.Model):
    """One person's verdict in a review, bound to what was shown. A newer one by the same person replaces it."""

    class Verdict(models.TextChoices):
        """What a person may say."""

        APPROVE = "approve"
        REJECT = "reject"
        REQUEST_CHANGES = "request_changes"
        ABSTAIN = "abstain"

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="votes")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="votes")
    verdict = models.CharField(max_length=16, choices=Verdict)
    reason = models.TextField(blank=True)
    share_reason = models.BooleanField(default=True)
    grounds = models.JSONField(default=list, help_text="what was ticked beside the reason")
    patch_digest = models.CharField(max_length=64)
    base_commit = models.CharField(max_length=40)
    evidence_digest = models.CharField(max_length=64)
    policy_digest = models.CharField(max_length=64)
    envelope = models.JSONField(default=dict)
    self_countersigned = models.BooleanField(default=False)
    via = models.CharField(max_length=16, default="web")
    suspended = models.BooleanField(default=False)
    replaced = models.BooleanField(default=False)
    audit_seq = models.PositiveBigIntegerField(null=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["review", "person"], condition=models.Q(replaced=False), name="one_vote_per_person_and_review"
            ),
            models.CheckConstraint(
                condition=models.Q(self_countersigned=False) | ~models.Q(reason=""), name="self_countersign_has_reason"
            ),
        ]


class Thread(models.Model):
    """What people say of one line of a candidate's change; while it is open nobody can approve.

    ``line`` counts from 1 in the champion's file (``old``) or the candidate's (``new``); ``code`` is the line as it was
    when somebody first spoke of it.
    """

    class Side(models.TextChoices):
        """Whose file the line is in."""

        OLD = "old", "champion"
        NEW = "new", "candidate"

    candidate = models.ForeignKey("improvement.Candidate", on_delete=models.PROTECT, related_name="threads")
    path = models.CharField(max_length=400)
    side = models.CharField(max_length=3, choices=Side)
    line = models.PositiveIntegerField()
    code = models.CharField(max_length=400)
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["candidate", "path", "side", "line", "code"], name="one_thread_per_line"),
            models.CheckConstraint(
                condition=models.Q(resolved_at__isnull=True, resolved_by__isnull=True)
                | models.Q(resolved_at__isnull=False, resolved_by__isnull=False),
                name="resolved_thread_is_complete",
            ),
        ]

    @property
    def is_open(self) -> bool:
        """Whether nobody resolved it yet, or somebody spoke since."""
        return self.resolved_at is None


class Comment(models.Model):
    """One person's words in a thread; ``share`` says whether the strategy may read them."""

    thread = models.ForeignKey(Thread, on_delete=models.PROTECT, related_name="comments")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    share = models.BooleanField(default=True)
    via = models.CharField(max_length=16, default="web")
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
