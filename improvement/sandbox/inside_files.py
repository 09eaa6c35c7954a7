"""The inside programs, as the folder that every sandbox sees at ``/inside``."""

from __future__ import annotations

import marshal
from functools import cache
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash
from pathlib import Path

from improvement.engine import pipelines
from improvement.sandbox import inside, trees
from improvement.sandbox.runtime import Bind

MOUNT = "/inside"
PACKAGE = "improvement/sandbox/inside"
PIPELINES = "shims/countersign_pipelines/language.py"
OPTIONS = ("-s", "-P", "-S", "-B")
START = (*OPTIONS, f"{MOUNT}/enter.pyc")
"""The interpreter's options: no site processing, no script folder on the path, no byte code written. Not ``-I``,
which would ignore ``PYTHONHASHSEED``; the environment is ours to the last variable."""


def bind() -> Bind:
    """Return the mount of the inside programs."""
    return Bind(trees.shared().put(f"inside-{_digest()}", _contents), MOUNT)


@cache
def _digest() -> str:
    return trees.digest(_contents())


@cache
def _contents() -> dict[str, bytes]:
    """The programs under the names they have here, in empty packages, and compiled: no start pays for that again."""
    folder = Path(inside.__file__).parent
    sources = {f"{PACKAGE}/{path.relative_to(folder)}": path.read_bytes() for path in folder.rglob("*.py")}
    sources[f"{PACKAGE}/{PIPELINES}"] = Path(str(pipelines.__file__)).read_bytes()
    sources |= {"improvement/__init__.py": b"", "improvement/sandbox/__init__.py": b""}
    compiled = {cache_from_source(path): _compiled(path, source) for path, source in sources.items()}
    enter = f"{PACKAGE}/enter.py"
    return {**sources, **compiled, "enter.pyc": _compiled(enter, sources[enter])}


def _compiled(path: str, source: bytes) -> bytes:
    """Byte code that is not checked against its source (PEP 552: magic number, flags, hash of the source, code)."""
    code = compile(source, f"{MOUNT}/{path}", "exec", dont_inherit=True)
    return MAGIC_NUMBER + (1).to_bytes(4, "little") + source_hash(source) + marshal.dumps(code)
