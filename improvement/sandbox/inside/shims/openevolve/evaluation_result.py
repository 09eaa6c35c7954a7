"""A stand-in for ``openevolve.evaluation_result`` (openevolve 0.4), for tasks that run here unmodified."""

from __future__ import annotations


class EvaluationResult:
    """Metrics (name to number, text or bool) and artifacts (name to text or bytes) of one evaluation."""

    def __init__(self, metrics: dict[str, float], artifacts: dict[str, str | bytes] | None = None) -> None:
        self.metrics = metrics
        self.artifacts = {} if artifacts is None else artifacts

    @classmethod
    def from_dict(cls, metrics: dict[str, float]) -> EvaluationResult:
        """Wrap metrics without artifacts."""
        return cls(metrics)

    def to_dict(self) -> dict[str, float]:
        """Return the metrics alone."""
        return self.metrics

    def has_artifacts(self) -> bool:
        """Say whether there is any artifact."""
        return bool(self.artifacts)

    def get_artifact_keys(self) -> list[str]:
        """List the artifacts' names."""
        return list(self.artifacts)

    def get_artifact_size(self, key: str) -> int:
        """Return one artifact's size in bytes, 0 when there is none."""
        value = self.artifacts.get(key, b"")
        return len(value.encode("utf-8") if isinstance(value, str) else value)

    def get_total_artifact_size(self) -> int:
        """Return the size of all artifacts in bytes."""
        return sum(map(self.get_artifact_size, self.artifacts))
