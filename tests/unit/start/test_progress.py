"""The line that tells how far an installation is."""

from __future__ import annotations

import io

from bootstrap.installer import Progress

PIP = [
    "Collecting django==5.2.19 (from -r requirements.txt (line 1))\n",
    "  Downloading django-5.2.19-py3-none-any.whl (8.3 MB)\n",
    "Ignoring numpy: markers 'python_full_version >= \"3.12\"' don't match your environment\n",
    "Requirement already satisfied: six==1.17.0 in ./lib (from -r requirements.txt (line 9)) (1.17.0)\n",
]


def _last_line(progress: Progress) -> str:
    output = progress.output
    assert isinstance(output, io.StringIO)
    return output.getvalue().splitlines()[-1]


def test_packages_are_counted_once_whether_new_there_or_not_meant() -> None:
    progress = Progress("Installing", 10, io.StringIO())
    for line in PIP * 2:
        progress.note(line)
    progress.show()
    assert _last_line(progress) == "Installing: 3 of 10 packages, 0 s"


def test_unpacking_is_told() -> None:
    progress = Progress("Installing", 2, io.StringIO())
    progress.note("Installing collected packages: django, six\n")
    progress.show()
    assert _last_line(progress) == "Installing: unpacking 2 packages, 0 s"


def test_last_line_tells_the_time() -> None:
    progress = Progress("Installing", 2, io.StringIO())
    progress.show(last=True)
    assert _last_line(progress) == "Installing: 2 packages in 0 s"


def test_a_log_file_gets_a_line_now_and_then_not_five_a_second() -> None:
    progress = Progress("Installing", 2, io.StringIO())
    for _ in range(20):
        progress.show()
    output = progress.output
    assert isinstance(output, io.StringIO)
    assert len(output.getvalue().splitlines()) == 1
