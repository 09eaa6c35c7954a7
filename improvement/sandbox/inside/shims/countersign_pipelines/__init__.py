"""What the evaluator of a pipeline target imports: ``from countersign_pipelines import Data, cross_validated, tested``.

Builds the pipeline that a ``pipeline.toml`` describes, fits it and scores it. A pipeline is only ever read as data.
"""

from __future__ import annotations

from countersign_pipelines.data import Data
from countersign_pipelines.scoring import cross_validated, tested

__all__ = ["Data", "cross_validated", "tested"]
