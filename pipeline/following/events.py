"""Event files of TensorBoard, written from histories; a history that grew is continued, another one replaces it."""

import hashlib
import json
import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from lossbench.errors import room_for
from lossbench.files import write_text
from pipeline.following.histories import History, Row

STATE = "lossbench.json"
"""Says how many rows the event files beside it hold, and which."""
EVENTS = "events.out.tfevents.{:012d}.lossbench"
"""One file a continuation, by the number of its first row: TensorBoard reads the files of a folder by their names."""


def tag(column: str) -> str:
    """Return what TensorBoard calls the `column` of a history; what precedes the stroke is a group of charts."""
    if column == "learning_rate":
        return column
    return f"gradient/{column}" if "gradient" in column else f"loss/{column}"


def write(folder: Path, history: History) -> int:
    """Write the rows of `history` that the event files in `folder` do not hold yet; return how many these are.

    Where they hold rows of another training, such as an earlier run of the same place, they are replaced. A file
    appears whole. Raises UserError for a full disk.
    """
    held, digest = _held(folder)
    known = held if held <= len(history.rows) and digest == _digest(history.rows[:held]) else 0
    fresh = history.rows[known:]
    if not fresh:
        return 0
    content = _events(fresh, history)
    with room_for(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for path in () if known else folder.glob(EVENTS.replace("{:012d}", "*")):
            path.unlink()
        _place(content, folder / EVENTS.format(known))
        write_text(folder / STATE, json.dumps({"rows": len(history.rows), "digest": _digest(history.rows)}) + "\n")
    return len(fresh)


def _held(folder: Path) -> tuple[int, str]:
    """Return how many rows the event files in `folder` hold, and their digest; none where that is not known."""
    try:
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
        rows, digest = state["rows"], state["digest"]
    except (OSError, ValueError, LookupError, TypeError):
        return 0, ""
    return (rows, digest) if type(rows) is int and rows >= 0 and isinstance(digest, str) else (0, "")


def _digest(rows: Sequence[Row]) -> str:
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()


def _events(rows: Sequence[Row], history: History) -> bytes:
    """Return the event file of `rows`, each at the time that its share of the steps gives."""
    steps = history.rows[-1]["step"]
    # elsewhere, since TensorBoard would take a file that is being written for a run
    with TemporaryDirectory() as folder:
        with import_module("torch.utils.tensorboard").SummaryWriter(folder) as writer:
            for row in rows:
                left = history.seconds * (1 - row["step"] / steps) if steps else 0.0
                for column, value in row.items():
                    if column != "step":
                        writer.add_scalar(tag(column), value, int(row["step"]), walltime=history.ended - left)
        [written] = Path(folder).iterdir()
        return written.read_bytes()


def _place(content: bytes, path: Path) -> None:
    """Put `content` at `path`, whole or not at all; `written_atomically` has names that TensorBoard would read."""
    partial = path.with_name(f".{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
