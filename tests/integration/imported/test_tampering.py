"""What a program that shares its process with its scoring tries, and what honest programs do beside it."""

from __future__ import annotations

from pathlib import Path
from threading import Timer

import pytest

from improvement.engine.measurement import Outcome, Task
from improvement.sandbox import spawn, trees
from tests.integration.imported.tasks import measured, openevolve, shinka

EVALUATOR = """
import importlib.util
import json
import math
import random
import time

import numpy as np

BEST = 10.0
seen = []


def check(value):
    return min(float(value), BEST)


def evaluate(program_path):
    spec = importlib.util.spec_from_file_location("program", program_path)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    seen.append(program.answer())
    return {"combined_score": check(np.mean(seen)) + 0.0 * len(json.dumps(seen)) * time.time() * math.pi}
"""
HONEST = "def answer():\n    return 2.0\n"
AFTER = "\ndef answer():\n    return 2.0\n"


@pytest.fixture(scope="module")
def task() -> Task:
    """A task whose honest program scores 2."""
    return openevolve(EVALUATOR, HONEST)


EXCHANGES = {
    "a function of the evaluator": "import sys; sys.modules['evaluator'].check = lambda value: 999.0",
    "its code": "import sys; f = lambda value: 999.0; sys.modules['evaluator'].check.__code__ = f.__code__",
    "its constant": "import sys; sys.modules['evaluator'].BEST = 999.0",
    "a builtin": "import builtins; builtins.min = max",
    "a builtin for the evaluator alone": "import sys; sys.modules['evaluator'].min = max",
    "all builtins for the evaluator": "import sys, builtins; sys.modules['evaluator'].__dict__['__builtins__'] = {}",
    "numpy": "import numpy; numpy.mean = lambda values: 9.0",
    "json": "import json; json.dumps = lambda value: ''",
    "the clock": "import time; time.time = lambda: 0.0",
    "a number": "import math; math.pi = 3.0",
    "the way out": "import os; os._exit = os.abort; os.write = print",
    "chance": "import random; random.random = lambda: 0.5",
    "the import system": "import importlib.util; importlib.util.module_from_spec = print",
    "our own parts": "import sys; sys.modules['improvement.sandbox.inside.cooperative']._result = lambda answer: 9",
    "our own parts' code": "import sys; f = lambda a: 9\n"
    "sys.modules['improvement.sandbox.inside.cooperative']._result.__code__ = f.__code__",
}
SEARCHES = {
    "the collector": "import gc; gc.get_objects()",
    "the collector, in a thread": "import gc, threading as t; x = t.Thread(target=gc.get_objects); x.start(); x.join()",
    "frames": "import sys; sys._getframe(1)",
    "frames by inspect": "import inspect; inspect.currentframe()",
    "frames by an error": "try:\n    1 / 0\nexcept Exception as e:\n    e.__traceback__.tb_frame",
    "tracing": "import sys; sys.settrace(lambda *a: None)",
    "code under another name": "exec(compile('1', '/usr/lib/python3/x.py', 'exec'))",
    "the interpreter itself": "import ctypes; ctypes.pythonapi.PyFrame_LocalsToFast",
    "a hook": "import sys; sys.addaudithook(lambda *a: None)",
}
FORGERIES = {
    "a result": b'{"result":{"metrics":{"combined_score":99},"notes":{},"incorrect":null}}\n',
    "a result with a key": b'{"result":{"metrics":{"combined_score":99},"notes":{},"incorrect":null},"key":"0"}\n',
}


@pytest.mark.parametrize("name", EXCHANGES)
def test_what_scoring_relies_on_cannot_be_exchanged_unnoticed(task: Task, name: str) -> None:
    result = measured(task, EXCHANGES[name] + AFTER)
    assert (result.outcome, result.cause) == (Outcome.FAILED, "tampered"), result
    assert "tampered with its scoring: it " in result.message
    assert result.metrics == {}


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_for_the_scoring_ends_it(task: Task, name: str) -> None:
    result = measured(task, SEARCHES[name] + AFTER)
    assert (result.outcome, result.cause) == (Outcome.FAILED, "tampered"), result


@pytest.mark.parametrize("name", FORGERIES)
def test_a_result_from_elsewhere_is_none(task: Task, name: str) -> None:
    forges = f"""
import os
for descriptor in range(3, 64):
    try:
        os.write(descriptor, {FORGERIES[name]!r})
    except OSError:
        pass
os._exit(0)
"""
    result = measured(task, forges)
    assert (result.outcome, result.cause) == (Outcome.FAILED, "tampered"), result
    assert "something else than the evaluation wrote a result" in result.message


HONEST_WAYS = {
    "plainly": HONEST,
    "with seeds": """
import random
import numpy as np
random.seed(1)
np.random.seed(2)
def answer():
    return float(np.ones(3).mean()) * 2
""",
    "with libraries that look at frames themselves": """
import collections, dataclasses, enum, functools, inspect, logging, typing, warnings
P = collections.namedtuple("P", "x y")
T = typing.NamedTuple("T", [("a", int)])
@dataclasses.dataclass
class D:
    x: int = 2
class E(enum.Enum):
    A = 1
@functools.lru_cache
def f(x):
    return x
logging.getLogger("x").warning("hi")
warnings.warn("careful")
inspect.signature(f)
def answer():
    return float(f(D().x))
""",
    "with a traceback": """
import traceback
def answer():
    try:
        1 / 0
    except Exception:
        traceback.print_exc()
    return 2.0
""",
    "with its output elsewhere, and copies": """
import contextlib, copy, io, pickle
import numpy as np
def answer():
    with contextlib.redirect_stdout(io.StringIO()):
        print("x")
    return float(pickle.loads(pickle.dumps(copy.deepcopy(np.array([2.0]))))[0])
""",
    "with scipy": """
from scipy.optimize import minimize
def answer():
    return 2.0 + 0 * minimize(lambda x: x[0] ** 2, [1.0]).fun
""",
    "with threads": """
import concurrent.futures, threading
def answer():
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return sum(pool.map(float, [1, 1]))
""",
    "with the interpreter's settings": """
import ctypes, gc, sys, time
sys.setrecursionlimit(5000)
gc.disable()
gc.collect()
gc.enable()
def answer():
    time.sleep(0)
    return 2.0
""",
    "with code of its own making": """
space = {}
exec(compile("y = 2.0", "<mine>", "exec"), space)
def answer():
    return space["y"]
""",
}


@pytest.mark.parametrize("way", HONEST_WAYS)
def test_honest_programs_are_left_alone(task: Task, way: str) -> None:
    result = measured(task, HONEST_WAYS[way])
    assert (result.outcome, dict(result.metrics)) == (Outcome.OK, {"combined_score": 2.0}), result


def test_a_pickle_that_asks_for_more_than_data_is_refused() -> None:
    loads = """
import pickle
import subprocess
import sys


def evaluate(program_path):
    done = subprocess.run([sys.executable, program_path], capture_output=True, timeout=5)
    return {"combined_score": float(pickle.loads(done.stdout))}
"""
    task = openevolve(loads, "import pickle, sys\nsys.stdout.buffer.write(pickle.dumps(2.0))\n")
    assert measured(task).metrics == {"combined_score": 2.0}
    runs = """
import pickle, sys
class Answer:
    def __reduce__(self):
        return exec, ("import os; os.system('true')",)
sys.stdout.buffer.write(pickle.dumps(Answer()))
"""
    result = measured(task, runs)
    assert (result.outcome, result.cause) == (Outcome.FAILED, "tampered"), result
    assert "a pickle asked for builtins.exec" in result.message


def test_what_is_left_for_the_end_changes_nothing() -> None:
    overwrites = """
import atexit, json
def last():
    for name, value in (("metrics", {"combined_score": 99.0}), ("correct", {"correct": True})):
        with open(f"/tmp/results/{name}.json", "w") as file:
            json.dump(value, file)
atexit.register(last)
def search(objective, place_seed):
    return objective(0.0), 0.0
"""
    honest = "def search(objective, place_seed):\n    return objective(0.0), 0.0\n"
    task = shinka()
    assert measured(task, overwrites).metrics == measured(task, honest).metrics


def test_an_evaluator_that_is_changed_on_the_host_counts_for_nothing(task: Task) -> None:
    assert measured(task).outcome is Outcome.OK
    (used,) = [path for path in trees.shared().root.glob("seen-*") if task.evaluator_digest in path.name]
    slow = "import time\ndef answer():\n    time.sleep(1)\n    return 2.0\n"
    evaluator = Path(used, "evaluator.py")
    change = Timer(0.5, lambda: evaluator.write_text(EVALUATOR + "\n# changed\n"))
    change.start()
    result = measured(task, slow)
    change.join()
    assert (result.outcome, result.cause) == (Outcome.FAILED, "evaluator_changed"), result
    assert measured(task).metrics == {"combined_score": 2.0}


@pytest.mark.parametrize("level", [spawn.FENCED, spawn.LIMITED])
@pytest.mark.parametrize(
    ("before", "outcome"),
    [("", Outcome.OK), (EXCHANGES["numpy"], Outcome.FAILED), (SEARCHES["frames"], Outcome.FAILED)],
)
def test_it_is_the_same_where_sandboxes_are_weaker(task: Task, level: int, before: str, outcome: Outcome) -> None:
    with spawn.at(level):
        result = measured(task, before + AFTER)
        silent = measured(shinka(), "def search(objective, place_seed):\n    return 1.0, 0.0\n")
    assert (result.outcome, result.level) == (outcome, level), result
    assert silent.metrics["objective_calls"] == 0.0
