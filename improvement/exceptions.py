"""Every error that the domain raises on purpose.

Each carries a stable ``code`` for machines and one plain sentence for people that says
what is wrong and what to do. The web layer turns ``http_status`` into a response; the
command line prints the sentence and exits with 1.
"""

from __future__ import annotations

from typing import ClassVar


class CountersignError(Exception):
    """The root of all errors a person or a machine can cause and repair."""

    code: ClassVar[str] = "error"
    http_status: ClassVar[int] = 400

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Invalid(CountersignError):
    """The input cannot be used as it is."""

    code = "invalid"
    http_status = 422


class ManifestError(Invalid):
    """The target's manifest (or an imported task's configuration) is wrong."""

    code = "manifest"


class TargetError(Invalid):
    """The target's files or repository cannot be used."""

    code = "target"


class StrategyError(CountersignError):
    """The strategy package is unknown, wrong, or broke its protocol."""

    code = "strategy"
    http_status = 422


class MissingExtra(Invalid):
    """Packages that only some targets and strategies need are not installed; ``extra`` is the set that brings them."""

    code = "missing_extra"

    def __init__(self, message: str, *, extra: str) -> None:
        super().__init__(message)
        self.extra = extra


class NotFound(CountersignError):
    """There is no such thing, or not for this person."""

    code = "not_found"
    http_status = 404


class NotSignedIn(CountersignError):
    """Nobody is named, or with a token that is not good."""

    code = "not_signed_in"
    http_status = 401


class TooLarge(Invalid):
    """What was sent is more than is taken at once."""

    code = "too_large"
    http_status = 413


class UnsupportedMedia(Invalid):
    """What was sent is of a form that is not read here."""

    code = "unsupported_media_type"
    http_status = 415


class RateLimited(CountersignError):
    """Too much came at once; later it is taken again."""

    code = "rate_limited"
    http_status = 429


class NotAllowed(CountersignError):
    """This person may not do this."""

    code = "not_allowed"
    http_status = 403


class Conflict(CountersignError):
    """Somebody or something else was first."""

    code = "conflict"
    http_status = 409


class BadTransition(Conflict):
    """The thing is in a state from which this cannot happen."""

    code = "bad_transition"


class AlreadyDecided(Conflict):
    """The review was decided before this decision arrived."""

    code = "already_decided"


class StaleDecision(Conflict):
    """The decision names digests that are no longer the ones under review."""

    code = "stale_decision"


class ChampionMoved(Conflict):
    """The champion is no longer the commit that the change was measured against."""

    code = "champion_moved"


class ObservationDiffers(Conflict):
    """An observation arrived before under the same id, and was different."""

    code = "observation_differs"


class MergeConflict(Conflict):
    """The candidate and the champion changed the same lines, so the candidate cannot be placed on it."""

    code = "merge_conflict"


class LateAttempt(Conflict):
    """An evaluation attempt answered after its lease had passed to another."""

    code = "late_attempt"


class Halted(Conflict):
    """Everything is stopped; nothing is evaluated or released until that is lifted."""

    code = "halted"


class PolicyUnmet(Conflict):
    """The policy's requirements are not met."""

    code = "policy_unmet"


class SandboxUnavailable(CountersignError):
    """This machine cannot isolate candidate code as strongly as the settings ask for."""

    code = "sandbox_unavailable"
    http_status = 503


class ModelFailed(CountersignError):
    """A language model gave no answer that can be used."""

    code = "model"
    http_status = 502


class ServingFailed(CountersignError):
    """The rule that follows a stream broke its bound, or could not be run."""

    code = "serving"
    http_status = 422


class RecordsDiffer(CountersignError):
    """Records of a stream are not what arrived: somebody changed the database."""

    code = "records_differ"
    http_status = 500


class LedgerError(CountersignError):
    """An audit event cannot be written, or a bundle or checkpoint cannot be read."""

    code = "ledger"
    http_status = 500


class CannotStart(CountersignError):
    """The server cannot start here before somebody changes something."""

    code = "cannot_start"
    http_status = 503
