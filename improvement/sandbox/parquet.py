"""Reading a Parquet file in the sandbox: its format is rich, and the file may be anybody's."""

from __future__ import annotations

from improvement.engine.csv_tables import MOST_CELLS, check_cells, check_size
from improvement.exceptions import TargetError
from improvement.sandbox import trees
from improvement.sandbox.bubblewrap import JOB
from improvement.sandbox.limits import Limits
from improvement.sandbox.program import Program
from improvement.sandbox.result import BadResult, read
from improvement.sandbox.runner import run
from improvement.sandbox.runtime import Bind

MOST_MB = 32
LIMITS = Limits(seconds=60, cpu_seconds=60, memory_mb=2048, message_kb=MOST_MB << 10, output_kb=MOST_MB << 10)

_PROGRAM = """\
import csv, io, json, sys
import pyarrow
import pyarrow.parquet

def told(value):
    if value is None or isinstance(value, (list, dict, bytes)):
        return ""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)

def written(table):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\\n")
    writer.writerow(table.column_names)
    writer.writerows(zip(*([told(value) for value in column.to_pylist()] for column in table.columns)))
    return out.getvalue()

try:
    file = pyarrow.parquet.ParquetFile("/job/data.parquet")
    most = int(open("/job/most_cells").read())
    cells = file.metadata.num_rows * file.metadata.num_columns
    answer = {"cells": cells} if cells > most else {"csv": written(file.read(use_threads=False))}
except Exception as error:
    answer = {"error": " ".join(str(error).split())[:200]}
print(json.dumps(answer), flush=True)
"""


def as_csv(data: bytes, *, where: str) -> bytes:
    """Return a Parquet file's table as CSV in UTF-8; lists and other nested values become missing ones.

    Raises TargetError for a file that is too large or cannot be read so, SandboxUnavailable where there is no sandbox.
    """
    check_size(len(data), where=where)
    files = {"main.py": _PROGRAM.encode(), "data.parquet": data, "most_cells": str(MOST_CELLS).encode()}
    tree = trees.shared().put(f"parquet-{trees.digest(files)}", lambda: files)
    ended = run(Program("script", binds=(Bind(tree, JOB),), arguments=("main.py",)), limits=LIMITS)
    try:
        answer = read(ended.lines[0], max_bytes=MOST_MB << 20) if ended.lines else {}
    except BadResult:
        answer = {}
    if isinstance(answer, dict) and isinstance(answer.get("cells"), int):
        check_cells(answer["cells"], where=where)
    if not isinstance(answer, dict) or not isinstance(answer.get("csv"), str):
        reason = answer.get("error", str(ended.cause)) if isinstance(answer, dict) else str(ended.cause)
        raise TargetError(f"{where} cannot be read as Parquet: {reason}. Save the table as CSV in UTF-8.")
    return str(answer["csv"]).encode()
