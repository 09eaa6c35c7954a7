"""Loading a file of the target as a module, the way its author would expect it to load."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

SHIMS = __file__.rpartition("/")[0] + "/shims"

_place = {"job": "/job"}


def job_folder() -> str:
    """Return the folder that holds what this process was given."""
    return _place["job"]


def set_job_folder(path: str) -> None:
    """Take another folder than ``/job``, where there can be no such mount."""
    _place["job"] = path


def load(path: str) -> ModuleType:
    """Import the Python file at ``path`` of the job's folder; its folder and the job's are importable from."""
    root = job_folder()
    folder, _, name = path.rpartition("/")
    for entry in (root, f"{root}/{folder}" if folder else root):
        if entry not in sys.path:
            sys.path.insert(0, entry)
    stem = name.removesuffix(".py")
    if stem in sys.modules and getattr(sys.modules[stem], "__file__", None) != f"{root}/{path}":
        raise ImportError(f"{path} has the name of another module that is already in use; rename it")
    return __import__(stem)


def show_error() -> None:
    """Print the current exception with its traceback on the log."""
    sys.__excepthook__(*sys.exc_info())


def flush() -> None:
    """Push out what was printed; a candidate may have replaced the streams by anything."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            continue


def one_line(error: BaseException) -> str:
    """Name an error in one line."""
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = "(its text cannot be shown)"
    return f"{type(error).__name__}: {text}"[:1000] if text else type(error).__name__
