"""A target from a table in the browser: its columns are shown, mistakes are said in a line, and nothing is lost."""

from __future__ import annotations

import html
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from improvement import installation
from improvement.models import Target, TargetImport, UploadedTable, User
from improvement.runner import tables
from improvement.runner.importing import import_asked
from improvement.services import targets
from tests import factories as make

Browsers = Callable[[User | None], Client]
AGE, TOWN, SEX, PLANET, RICH = range(5)
RIGHT = {"predict": str(RICH), "groups": [str(SEX)], "drop": [str(TOWN)], "metric": "", "holdout": "25", "name": ""}

pytestmark = pytest.mark.django_db


def _people(rows: int = 90) -> bytes:
    chance = random.Random(4)
    lines = ["age,town,sex,planet,rich"]
    for _ in range(rows):
        age = chance.randrange(20, 70)
        lines.append(f"{age},{chance.choice(['Ulm', ''])},{chance.choice('fm')},earth,{'yes' if age > 44 else 'no'}")
    return "\n".join(lines).encode()


def _uploaded(browser: Client, content: bytes, name: str = "people.csv") -> UploadedTable:
    """Upload a table, and read it as a worker does."""
    answer = browser.post("/targets/new/table/", {"upload": SimpleUploadedFile(name, content)})
    table = UploadedTable.objects.latest("pk")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/targets/tables/{table.pk}/")
    tables.read_uploaded(table.pk)
    table.refresh_from_db()
    return table


def _page(browser: Client, address: str) -> str:
    return html.unescape(browser.get(address).content.decode())


@pytest.fixture
def alice(signed_in: Browsers) -> Client:
    """Alice's browser."""
    return signed_in(make.user("alice"))


def test_a_table_becomes_a_target_of_the_columns_that_were_chosen(alice: Client) -> None:
    table = _uploaded(alice, _people())
    asked = alice.post(f"/targets/tables/{table.pk}/", RIGHT)
    made = TargetImport.objects.get()
    assert asked.headers["Location"] == f"/targets/imports/{made.pk}/"

    import_asked(made.pk)

    target = Target.objects.get()
    assert (target.name, target.kind, target.metric) == ("people", "pipeline", "roc_auc")
    assert "planet is the same in every row: it was left out." in target.warnings
    assert not UploadedTable.objects.exists()
    assert not list(installation.uploads().iterdir())


def test_the_columns_are_shown_with_kind_gaps_and_examples(alice: Client) -> None:
    table = _uploaded(alice, b"size,town,one\n" + b"1.5,Ulm,x\n,Bonn,x\n2.5,Ulm,x\n")
    assert table.rows == 3
    shown = [(one["kind"], one["missing"], one["different"], one["examples"], one["note"]) for one in table.columns]
    assert shown == [
        ("number", 1, 2, ["1.5", "2.5"], ""),
        ("category", 0, 2, ["Ulm", "Bonn"], ""),
        ("category", 0, 1, ["x"], "is the same in every row: left out in any case"),
    ]
    page = _page(alice, f"/targets/tables/{table.pk}/")
    assert "3 rows, 3 columns" in page
    assert "Ulm, Bonn" in page


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"predict": ""}, "Choose the column to predict."),
        ({"predict": "9"}, "Select a valid choice. 9 is not one of the available choices."),
        ({"groups": [str(RICH)]}, "rich is to be predicted: it can be neither a group nor left out."),
        ({"metric": "rmse"}, "rich does not hold numbers: choose a metric for classes."),
        ({"holdout": "90"}, "Ensure this value is less than or equal to 50."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_lost(alice: Client, change: dict[str, object], said: str) -> None:
    table = _uploaded(alice, _people())
    answer = alice.post(f"/targets/tables/{table.pk}/", {**RIGHT, "name": "rich-people", **change})
    page = html.unescape(answer.content.decode())
    assert answer.status_code == 422
    assert said in page
    assert 'value="rich-people"' in page
    assert f'name="drop" value="{TOWN}" checked' in page
    assert Path(table.source).is_file()
    assert not TargetImport.objects.exists()


def test_a_refused_target_leads_back_to_what_was_chosen(alice: Client) -> None:
    table = _uploaded(alice, _people(30))
    alice.post(f"/targets/tables/{table.pk}/", {**RIGHT, "name": "few"})
    made = TargetImport.objects.get()
    import_asked(made.pk)
    said = "people.csv has 30 rows with an answer; at least 40 are needed."
    page = _page(alice, f"/targets/imports/{made.pk}/")
    assert said in page
    assert f'href="/targets/tables/{table.pk}/"' in page
    page = _page(alice, f"/targets/tables/{table.pk}/")
    assert said in page
    assert f'name="predict" value="{RICH}" checked' in page
    assert f'name="groups" value="{SEX}" checked' in page
    assert 'value="few"' in page


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("photo.png", b"x", "photo.png is no table that can be read: upload a .csv or .parquet file."),
        ("big.parquet", b"x" * 15_000_001, "big.parquet holds 15.0 MB; a table may have at most 15."),
        ("none.csv", b"", "This file is empty. Choose one whose first line names the columns."),
    ],
)
def test_a_file_that_can_be_no_table_is_not_kept(alice: Client, name: str, content: bytes, said: str) -> None:
    answer = alice.post("/targets/new/table/", {"upload": SimpleUploadedFile(name, content)})
    assert answer.status_code == 422
    assert said in html.unescape(answer.content.decode())
    assert not UploadedTable.objects.exists()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"a,b\n1\n", "a.csv, line 2: has 1 values, and the header names 2 columns."),
        ("a.csv", b",".join(b"c%d" % n for n in range(501)), "a.csv has 501 columns; at most 500"),
        ("a.parquet", b"PAR1 no", "a.parquet cannot be read as Parquet: "),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_in_one_line(
    alice: Client, name: str, content: bytes, said: str
) -> None:
    table = _uploaded(alice, content, name)
    page = _page(alice, f"/targets/tables/{table.pk}/")
    assert said in page
    assert str(installation.data_directory()) not in page
    assert alice.post(f"/targets/tables/{table.pk}/", RIGHT).status_code == 422


def test_a_table_is_its_owners_alone(alice: Client, signed_in: Browsers) -> None:
    table = _uploaded(alice, _people())
    olga = signed_in(make.user("olga", "operator"))
    assert olga.get(f"/targets/tables/{table.pk}/").status_code == 404
    assert olga.post(f"/targets/tables/{table.pk}/", RIGHT).status_code == 404


def test_a_double_click_asks_once(alice: Client) -> None:
    table = _uploaded(alice, _people())
    answers = [alice.post(f"/targets/tables/{table.pk}/", RIGHT).headers["Location"] for _ in range(2)]
    assert answers == [f"/targets/imports/{TargetImport.objects.get().pk}/"] * 2


def test_an_old_table_is_removed_with_its_file_unless_an_import_waits_for_it(alice: Client) -> None:
    old, waited_for = _uploaded(alice, _people()), _uploaded(alice, _people())
    alice.post(f"/targets/tables/{waited_for.pk}/", RIGHT)
    tables.remove_old(timezone.now() + timedelta(days=6))
    assert UploadedTable.objects.count() == 2
    tables.remove_old(timezone.now() + timedelta(days=8))
    assert list(UploadedTable.objects.all()) == [waited_for]
    assert not Path(old.source).exists()
    targets.finish_import(TargetImport.objects.get().pk, target=None, message="No.")
    tables.remove_old(timezone.now() + timedelta(days=8))
    assert not UploadedTable.objects.exists()
