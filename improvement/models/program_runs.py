"""Programs that edited a working copy for a run."""

from __future__ import annotations

from django.db import models


class ProgramRun(models.Model):
    """One program that has ended. ``journal_index`` is that of its round, ``place`` its place there, from 0."""

    run = models.ForeignKey("improvement.Run", on_delete=models.PROTECT, related_name="program_runs")
    journal_index = models.PositiveIntegerField()
    place = models.PositiveSmallIntegerField()
    command = models.CharField(max_length=64, help_text="digest of what was to be run, and on which files")
    done = models.ForeignKey("improvement.Blob", on_delete=models.PROTECT, related_name="+")
    transcript = models.ForeignKey("improvement.Blob", on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["run", "journal_index", "place"], name="one_program_in_each_place")
        ]
