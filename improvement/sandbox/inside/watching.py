"""What the interpreter tells of a program that shares its process with its scoring (PEP 578).

A hook once added cannot be taken away again, and it ends the evaluation at once, so nothing can be hidden afterwards.
Only what honest programs never do themselves counts; that libraries do it for them is told by the file of the code.
"""

from __future__ import annotations

import _thread
import sys

from improvement.sandbox.inside.modules import SHIMS, job_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, NoReturn

SEARCHES = ("gc.get_objects", "gc.get_referrers", "gc.get_referents", "sys._current_frames")
REACHES = ("sys._getframe", "sys.settrace", "sys.setprofile", "sys.addaudithook", "code.__new__", "marshal.loads")
STARTS = ("subprocess.Popen", "os.posix_spawn", "os.exec", "os.fork")
READ_ATTRIBUTES = {"tb_frame", "gi_frame", "cr_frame", "ag_frame"}
PASSING_ON = ("/inspect.py", "/ctypes/__init__.py")
WRITTEN_ATTRIBUTES = {"__code__", "__defaults__", "__kwdefaults__"}
POWERFUL_MODULES = {
    *("os", "posix", "sys", "subprocess", "shutil", "importlib", "runpy", "ctypes", "gc", "types", "marshal", "pty"),
}
POWERFUL_BUILTINS = {"eval", "exec", "compile", "getattr", "setattr", "__import__", "open", "globals", "vars"}


def watch(folder: str, seal: Callable[[], None], tampered: Callable[[str], NoReturn]) -> None:
    """Call ``seal`` before anything below ``folder`` is read or a process starts, ``tampered`` with what is wrong."""
    rules = _Rules(f"{folder}/", seal).of_events()
    caller, ident, busy = sys._getframe, _thread.get_ident, set[int]()

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        rule, me = rules.get(event), ident()
        if rule is None or me in busy:
            return
        busy.add(me)
        try:
            why = rule(event, arguments, _who(caller(1)))
        finally:
            busy.discard(me)
        if why:
            tampered(why)

    sys.addaudithook(hook)


def _who(frame: FrameType | None) -> str:
    """The file of the code that does it; some libraries only pass on what others ask of them."""
    while frame is not None and frame.f_code.co_filename.endswith(PASSING_ON):
        frame = frame.f_back
    return frame.f_code.co_filename if frame is not None else ""


def own_folders() -> tuple[str, str]:
    """Return where the evaluator's files lie, and ours."""
    return f"{job_folder()}/", f"{SHIMS.rpartition('/')[0]}/"


def _trusted(folder: str) -> tuple[str, ...]:
    """Where code lies that no program wrote; the program's own ``folder`` lies in none of it."""
    places = {sys.prefix, sys.base_prefix, "/usr", *(path for path in sys.path if path.startswith("/"))}
    folders = [*own_folders(), *(f"{place.rstrip('/')}/" for place in places)]
    return ("<frozen ", *(place for place in folders if not folder.startswith(place)))


class _Rules:
    """Each rule is given an event, its arguments and the file it comes from, and returns what is wrong, or nothing."""

    def __init__(self, folder: str, seal: Callable[[], None]) -> None:
        self._folder = folder
        self._seal = seal
        self._trusted = _trusted(folder)
        self._evaluator = own_folders()[0]

    def of_events(self) -> dict[str, Callable[[str, tuple[Any, ...], str], str]]:
        return {
            **dict.fromkeys(STARTS, self._starts),
            **dict.fromkeys(SEARCHES, self._searches),
            **dict.fromkeys(REACHES, self._reaches),
            "object.__getattr__": self._reads,
            "object.__setattr__": self._writes,
            "compile": self._compiles,
            "ctypes.dlsym": self._links,
            "pickle.find_class": self._finds,
            "open": self._opens,
        }

    def _starts(self, _event: str, _arguments: tuple[Any, ...], _who: str) -> str:
        self._seal()
        return ""

    def _searches(self, event: str, _arguments: tuple[Any, ...], who: str) -> str:
        return "" if who.startswith(self._evaluator) else f"it called {event}"

    def _reaches(self, event: str, _arguments: tuple[Any, ...], who: str) -> str:
        return "" if who.startswith(self._trusted) else f"it called {event}"

    def _reads(self, _event: str, arguments: tuple[Any, ...], who: str) -> str:
        name = arguments[1]
        return f"it read {name}" if name in READ_ATTRIBUTES and not who.startswith(self._trusted) else ""

    def _writes(self, _event: str, arguments: tuple[Any, ...], who: str) -> str:
        name = arguments[1]
        return f"it set {name}" if name in WRITTEN_ATTRIBUTES and not who.startswith(self._trusted) else ""

    def _compiles(self, _event: str, arguments: tuple[Any, ...], who: str) -> str:
        disguised = str(arguments[1]).startswith(self._trusted) and not who.startswith(self._trusted)
        return "it compiled code under another file's name" if disguised else ""

    def _links(self, _event: str, arguments: tuple[Any, ...], who: str) -> str:
        internal = str(arguments[1]).startswith("Py") and not who.startswith(self._trusted)
        return f"it called {arguments[1]} of the interpreter" if internal else ""

    def _finds(self, _event: str, arguments: tuple[Any, ...], _who: str) -> str:
        self._seal()
        module, name = arguments
        powerful = module.partition(".")[0] in POWERFUL_MODULES or (module == "builtins" and name in POWERFUL_BUILTINS)
        return f"a pickle asked for {module}.{name}" if powerful else ""

    def _opens(self, _event: str, arguments: tuple[Any, ...], _who: str) -> str:
        if str(arguments[0]).startswith(self._folder):
            self._seal()
        return ""
