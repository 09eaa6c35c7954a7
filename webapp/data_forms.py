"""Forms for a target from a table: the file first, then the column to predict and how that is judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from improvement.engine.columns import NUMBER
from improvement.engine.csv_tables import MOST_BYTES
from improvement.engine.data_targets import HOLDOUT, NUMBER_METRICS, Asked
from improvement.engine.table_summary import ColumnSummary

ENDINGS = (".csv", ".tsv", ".txt", ".parquet", ".pq")


class TableFileForm(forms.Form):
    """A table from this computer."""

    upload = forms.FileField(
        label="Table from this computer",
        max_length=200,
        help_text=f"CSV in UTF-8 whose first line names the columns, or Parquet; at most {MOST_BYTES // 1_000_000} MB.",
        widget=forms.ClearableFileInput(attrs={"accept": ",".join(ENDINGS)}),
        error_messages={
            "required": "Choose a file.",
            "empty": "This file is empty. Choose one whose first line names the columns.",
        },
    )


class DataTargetForm(forms.Form):
    """What to make of a table; columns are named by their place in it, counted from 0."""

    METRICS = (
        ("", "What fits: ROC AUC for two classes, balanced accuracy for more, RMSE for numbers"),
        ("accuracy", "Accuracy: the share of rows that are right"),
        ("balanced_accuracy", "Balanced accuracy: the mean over the classes of that share"),
        ("roc_auc", "ROC AUC: how well the classes are ranked"),
        ("log_loss", "Log loss: how good the probabilities are"),
        ("rmse", "RMSE: root mean squared error of numbers"),
        ("r2", "R²: the share of the variance of numbers that is explained"),
    )

    predict = forms.TypedChoiceField(coerce=int, error_messages={"required": "Choose the column to predict."})
    groups = forms.TypedMultipleChoiceField(coerce=int, required=False)
    drop = forms.TypedMultipleChoiceField(coerce=int, required=False)
    metric = forms.ChoiceField(label="Metric", choices=METRICS, required=False)
    holdout = forms.IntegerField(
        label="Holdout, in per cent of the rows",
        min_value=5,
        max_value=50,
        initial=round(100 * HOLDOUT),
        help_text="Rows that the loop never sees; every release is checked on them.",
    )
    name = forms.CharField(
        label="Name",
        required=False,
        max_length=64,
        help_text="Small letters, digits and hyphens. Empty: the name of the file.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, columns: Sequence[ColumnSummary], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._columns = columns
        for name in ("predict", "groups", "drop"):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [(str(place), column.name) for place, column in enumerate(columns)]

    def clean(self) -> dict[str, Any]:
        """Check what belongs together: the column to predict is nothing else, and the metric suits it."""
        data = super().clean() or {}
        if "predict" not in data or "metric" not in data:
            return data
        column = self._columns[data["predict"]]
        if data["predict"] in (*data.get("groups", ()), *data.get("drop", ())):
            self.add_error("predict", f"{column.name} is to be predicted: it can be neither a group nor left out.")
        if data["metric"] in NUMBER_METRICS and column.kind != NUMBER:
            self.add_error("metric", f"{column.name} does not hold numbers: choose a metric for classes.")
        return data

    def asked(self) -> Asked:
        """Return what was asked for, the columns by name."""
        data = self.cleaned_data
        return Asked(
            predict=self._columns[data["predict"]].name,
            metric=data["metric"],
            groups=self._named(data["groups"]),
            drop=self._named(data["drop"]),
            holdout=data["holdout"] / 100,
        )

    def _named(self, places: Sequence[int]) -> tuple[str, ...]:
        return tuple(self._columns[place].name for place in places)


def stated(asked: Asked, name: str, columns: Sequence[ColumnSummary]) -> dict[str, Any]:
    """Return what the form shows of something that was asked for before."""
    places = {column.name: str(place) for place, column in enumerate(columns)}
    return {
        "predict": places.get(asked.predict),
        "groups": [places[group] for group in asked.groups if group in places],
        "drop": [places[column] for column in asked.drop if column in places],
        "metric": asked.metric,
        "holdout": round(100 * asked.holdout),
        "name": name,
    }
