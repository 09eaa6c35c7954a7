"""What workers answer in a history, without noise."""

from __future__ import annotations

from improvement.engine.measurement import Measurement
from improvement.selectors import filesets as read_filesets
from improvement.selectors.targets import task_at
from improvement.services.evaluations import Order
from tests import factories as make


def exact(order: Order) -> Measurement:
    """Answer with the number itself, the same on every seed."""
    value = make.number_in(read_filesets.load(order.files_digest)["f.py"])
    digest = task_at(order.target_name, order.base_commit).evaluator_digest
    return make.ok(value, evaluator_digest=digest)


def all_the_same(order: Order) -> Measurement:
    """Answer as if no change ever gained anything."""
    return make.ok(1.0, evaluator_digest=task_at(order.target_name, order.base_commit).evaluator_digest)
