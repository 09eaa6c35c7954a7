"""A stand-in for ``openevolve.evaluation_result`` (openevolve 0.4), for tasks that run here unmodified."""

from __future__ import annotations


class EvaluationResult:
    """Metrics (name to number, text or bool) and artifacts (name to text or bytes) of one evaluation."""

    def __init__(self, metrics: dict[str, float], artifacts: dict[str, str | bytes] | None = None) -> None:
        self.metrics = metrics
        self.artifacts = {} if artifacts is None else artifacts

    @classmethod
    def from_dict(cls, metrics: dict[str, float]) -> EvaluationResult:
        """This function will wrap metrics without artifacts."""
        return cls(metrics)

    def to_dict(self) -> dict[str, float]:
        """This function will return the metrics alone."""
        return self.metrics

    def has_artifacts(self) -> bool:
        """This function will say whether there is any artifact."""
        return bool(self.artifacts)

    def get_artifact_keys(self) -> list[str]:
        """This function will list the artifacts' names."""
        return list(self.artifacts)

    def get_artifact_size(self, key: str) -> int:
        """This function will return one artifact's size in bytes, 0 when there is none."""
        value = self.artifacts.get(key, b"")
        return len(value.encode("utf-8") if isinstance(value, str) else value)

    def get_total_artifact_size(self) -> int:
        """This function will return the size of all artifacts in bytes."""
        return sum(map(self.get_artifact_size, self.artifacts))
