"""The inside programs, as the folder that every sandbox sees at ``/inside``."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from improvement.sandbox import inside, trees
from improvement.sandbox.runtime import Bind

MOUNT = "/inside"
PACKAGE = "improvement/sandbox/inside"
START = ("-s", "-P", "-S", "-B", f"{MOUNT}/{PACKAGE}/enter.py")
"""The interpreter's options: no site processing, no script folder on the path, no byte code written. Not ``-I``,
which would ignore ``PYTHONHASHSEED``; the environment is ours to the last variable."""


def bind() -> Bind:
    """This function will return the mount of the inside programs."""
    return Bind(trees.shared().put(_contents()), MOUNT)


@cache
def _contents() -> dict[str, bytes]:
    """The programs under the names they have here, and empty packages around them."""
    folder = Path(inside.__file__).parent
    programs = {f"{PACKAGE}/{path.relative_to(folder)}": path.read_bytes() for path in folder.rglob("*.py")}
    return {"improvement/__init__.py": b"", "improvement/sandbox/__init__.py": b"", **programs}
