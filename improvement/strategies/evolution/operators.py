"""The operators by name, with how often each is tried before anything is known about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import expressions
import extraction
import idioms
import literals
import statements
from change import Change, Draw


@dataclass(frozen=True)
class Operator:
    """A way to change a program; `weight` is relative to the others."""

    name: str
    weight: float
    change: Callable[[Draw], Change]


REFINE, SIMPLIFY = "refine", "simplify"
"""What changes numbers by CMA-ES, a whole population at a time, and what takes back needless changes."""

REFINE_WEIGHT = 6.0

BASIC = (
    Operator("move_one", 3.0, literals.move_one),
    Operator("move_many", 4.0, literals.move_many),
    Operator("move_again", 1.0, literals.move_again),
    Operator("change_operator", 0.7, expressions.change_operator),
    Operator("change_call", 0.5, expressions.change_call),
    Operator("replace_expression", 1.0, expressions.replace_expression),
    Operator("extend_expression", 2.0, expressions.extend_expression),
    Operator("grow_expression", 1.0, expressions.grow_expression),
    Operator("wrap_expression", 0.7, expressions.wrap_expression),
    Operator("branch_on", 1.5, expressions.branch_on),
    Operator("expression_from_other", 1.0, expressions.expression_from_other),
    Operator("shorten_expression", 0.5, expressions.shorten_expression),
    Operator("rename_use", 0.7, expressions.rename_use),
    Operator("change_argument", 1.0, expressions.change_argument),
    Operator("delete", 0.7, statements.delete),
    Operator("swap", 0.4, statements.swap),
    Operator("duplicate", 0.7, statements.duplicate),
    Operator("repeat", 0.7, statements.repeat),
    Operator("adjust", 1.0, statements.adjust),
    Operator("guard", 0.5, statements.guard),
    Operator("extract_name", 0.5, extraction.extract_name),
    Operator("extract_function", 0.5, extraction.extract_function),
    Operator("extract_statements", 0.4, extraction.extract_statements),
    Operator("insert_from_other", 1.0, statements.insert_from_other),
    Operator("replace_from_other", 1.0, statements.replace_from_other),
    Operator("function_from_other", 1.0, statements.function_from_other),
)
IDIOMS = (
    Operator("climb", 2.5, idioms.climb),
    Operator("best_of_values", 1.0, idioms.best_of_values),
    Operator("better_of_two", 0.7, idioms.better_of_two),
    Operator("again_until_settled", 0.5, idioms.again_until_settled),
)


def operators(with_idioms: bool) -> dict[str, Operator]:
    """Return the operators of a run by name."""
    chosen = BASIC + (IDIOMS if with_idioms else ())
    return {operator.name: operator for operator in chosen}
