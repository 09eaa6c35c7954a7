"""Strategy packages: what a folder must hold, and one clear sentence for each thing that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from improvement.engine.packages import KIT, builtin_names, find_builtin, find_package, load_package
from improvement.exceptions import StrategyError

TOML = """\
name = "walk"
version = "1.2.0"
description = "Walks about."
generation = 4

[parameters]
rate = 0.5
count = 3
greedy = false
mode = "soft"

[help]
rate = "How fast."

[fits]
kinds = ["code"]
needs = ["python", "model"]
"""


def _package(folder: Path, toml: str = TOML, main: str = "pass\n") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "strategy.toml").write_text(toml)
    (folder / "main.py").write_text(main)
    return folder


def test_load_package_reads_everything(tmp_path: Path) -> None:
    package = load_package(_package(tmp_path / "walk"))
    assert (package.name, package.version, package.description) == ("walk", "1.2.0", "Walks about.")
    assert package.generation == 4
    assert package.label == "walk@1.2.0"
    assert package.parameters == {"rate": 0.5, "count": 3, "greedy": False, "mode": "soft"}
    assert package.help == {"rate": "How fast."}
    assert (package.kinds, package.needs) == (("code",), ("python", "model"))
    assert {path for path in package.files if not path.startswith("kit/")} == {"strategy.toml", "main.py"}


def test_load_package_defaults(tmp_path: Path) -> None:
    package = load_package(_package(tmp_path, 'name = "a"\nversion = "1"\ndescription = "b"\n'))
    assert (package.generation, package.parameters, package.help) == (8, {}, {})


def test_digest_is_of_the_files_and_nothing_else(tmp_path: Path) -> None:
    one, two = _package(tmp_path / "one"), _package(tmp_path / "two")
    (two / "__pycache__").mkdir()
    (two / "__pycache__" / "main.cpython-311.pyc").write_bytes(b"cache")
    digest = load_package(one).digest
    assert load_package(two).digest == digest
    (two / "more.py").write_text("")
    assert load_package(two).digest != digest
    assert load_package(_package(tmp_path / "three", main="pass \n")).digest != digest


def test_what_packages_share_is_a_part_of_each(tmp_path: Path) -> None:
    package = load_package(_package(tmp_path / "walk"))
    assert package.files["kit/conversation.py"] == (KIT / "conversation.py").read_bytes()
    own = _package(tmp_path / "own")
    (own / "kit").mkdir()
    (own / "kit" / "__init__.py").write_text("mine = True")
    assert {path for path in load_package(own).files if path.startswith("kit/")} == {"kit/__init__.py"}


@pytest.mark.parametrize("fits", ['kinds = ["cod"]', 'needs = "python"', 'needs = ["luck"]', "size = 1"])
def test_what_a_strategy_fits_is_of_known_words(tmp_path: Path, fits: str) -> None:
    toml = TOML[: TOML.index("[fits]")] + f"[fits]\n{fits}\n"
    with pytest.raises(StrategyError, match=r"\[fits\]"):
        load_package(_package(tmp_path, toml))


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("name = ", "cannot be read"),
        (TOML.replace('"1.2.0"', "1.2"), "version"),
        (TOML.replace('name = "walk"', ""), "name is missing"),
        (TOML.replace("generation = 4", "generation = 0"), "from 1 to 256"),
        (TOML.replace("generation = 4", "generation = true"), "from 1 to 256"),
        (TOML.replace("generation = 4", "generations = 4"), "did you mean 'generation'?"),
        (TOML.replace("rate = 0.5", "rate = [1]"), "'rate'"),
        (TOML.replace("[parameters]\n", "parameters = 3\n[x]\n"), "'x'"),
        (TOML.replace('"How fast."', "3"), "[help] must be a table"),
        (TOML.replace('rate = "How', 'rat = "How'), "did you mean 'rate'?"),
    ],
)
def test_load_package_bad_description_refused(tmp_path: Path, toml: str, said: str) -> None:
    with pytest.raises(StrategyError) as caught:
        load_package(_package(tmp_path, toml))
    assert said in caught.value.message
    assert str(tmp_path) in caught.value.message
    assert "\n" not in caught.value.message


def test_load_package_missing_parts_named(tmp_path: Path) -> None:
    with pytest.raises(StrategyError, match="no strategy folder"):
        load_package(tmp_path / "nowhere")
    (tmp_path / "strategy.toml").write_text(TOML)
    with pytest.raises(StrategyError, match=r"has no main\.py"):
        load_package(tmp_path)


def test_load_package_link_refused(tmp_path: Path) -> None:
    (_package(tmp_path) / "secret.py").symlink_to("/etc/hostname")
    with pytest.raises(StrategyError, match="plain files only"):
        load_package(tmp_path)


@pytest.mark.parametrize("name", builtin_names())
def test_every_setting_of_a_built_in_strategy_is_explained(name: str) -> None:
    package = find_builtin(name)
    assert package.help.keys() == package.parameters.keys()


def test_find_builtin_names_the_nearest() -> None:
    assert {"automl", "evolution", "llm", "parameters", "policy"} <= set(builtin_names())
    with pytest.raises(StrategyError, match="did you mean 'evolution'"):
        find_builtin("evoluton")
    with pytest.raises(StrategyError, match="there are: automl, "):
        find_builtin("zzz")


def test_find_package_by_name_or_path(tmp_path: Path) -> None:
    assert find_package("evolution") == find_builtin("evolution")
    assert find_package(str(_package(tmp_path / "walk"))).name == "walk"
    with pytest.raises(StrategyError, match="no strategy folder"):
        find_package(str(tmp_path / "nowhere"))


def test_settings_over_the_defaults(tmp_path: Path) -> None:
    package = load_package(_package(tmp_path))
    assert package.settings({"rate": "0.25", "count": 5, "greedy": "true"}) == {
        "rate": 0.25,
        "count": 5,
        "greedy": True,
        "mode": "soft",
    }
    assert package.settings({"count": "1e3"})["count"] == 1000
    assert package.settings({}) == package.parameters


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"rat": 1}, "did you mean 'rate'"),
        ({"count": "many"}, "'count'"),
        ({"count": 2.5}, "a whole number"),
        ({"count": "inf"}, "a whole number"),
        ({"rate": "nan"}, "'rate'"),
        ({"rate": True}, "'rate'"),
        ({"greedy": "perhaps"}, "'greedy'"),
        ({"mode": 5}, "'mode'"),
    ],
)
def test_settings_wrong_name_or_type_refused(tmp_path: Path, chosen: dict[str, object], said: str) -> None:
    with pytest.raises(StrategyError, match=said):
        load_package(_package(tmp_path)).settings(chosen)


def test_a_setting_outside_of_what_is_allowed_is_refused(tmp_path: Path) -> None:
    toml = TOML + '\n[allowed]\nrate = [0.0, 1.0]\nmode = ["soft", "hard"]\n'
    package = load_package(_package(tmp_path, toml))
    assert package.settings({"rate": "1", "mode": "hard"})["rate"] == 1.0
    with pytest.raises(StrategyError, match=r"'rate' of strategy 'walk' must be from 0\.0 to 1\.0, and 7\.0 is not"):
        package.settings({"rate": 7})
    with pytest.raises(StrategyError, match="must be soft or hard, and 'harsh' is not"):
        package.settings({"mode": "harsh"})


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("rate = 3", "[allowed] rate must be [least, most]"),
        ("rate = [1.0]", "[allowed] rate must be [least, most]"),
        ("rate = [2, 3]", "the default of 'rate' is not from 2 to 3"),
        ('mode = ["hard"]', "the default of 'mode' is not hard"),
        ("rat = [0, 1]", "did you mean 'rate'?"),
    ],
)
def test_bounds_that_cannot_be_are_refused(tmp_path: Path, table: str, said: str) -> None:
    with pytest.raises(StrategyError) as caught:
        load_package(_package(tmp_path, f"{TOML}\n[allowed]\n{table}\n"))
    assert said in caught.value.message
