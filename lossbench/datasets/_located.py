"""The files of a data set by split: what code from outside gives for them is checked before any is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lossbench.datasets._card import Source, Splits
from lossbench.datasets._dataset import Dataset
from lossbench.errors import UserError, as_written
from lossbench.plugins.outside import said

OURS = "lossbench"


class DatasetError(UserError):
    """What the code of a data set from outside did that its contract does not allow: nothing to fetch mends that."""


def is_from_outside(method: Callable[..., Any]) -> bool:
    """Return whether a method of a data set is written outside the library."""
    return str(getattr(method, "__module__", None)).partition(".")[0] != OURS


def located(dataset: Dataset, root: Path | None) -> Splits:
    """Return `dataset.locate(root)`.

    Raises UserError as that does, DatasetError for what code from outside raises beside it and for another result than
    lists of `Source` by split, and UserError for a file of these that is not there.
    """
    found = _called(dataset, dataset.locate, root)
    return _checked(dataset, "locate", found) if is_from_outside(dataset.locate) else found


def located_low_quality(dataset: Dataset, root: Path | None, task: str, scale: int) -> Splits | None:
    """Return `dataset.locate_low_quality(root, task, scale)`; raises as `located`."""
    method = dataset.locate_low_quality
    found = _called(dataset, method, root, task, scale)
    return found if found is None or not is_from_outside(method) else _checked(dataset, "locate_low_quality", found)


def _called(dataset: Dataset, method: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return method(*arguments)
    except (UserError, MemoryError):
        raise
    # whatever the code of another package raises
    except Exception as error:
        if not is_from_outside(method):
            raise
        words = f"data set '{dataset.card.name}': its {method.__name__} failed ({said(error)})"
        # a folder that is not there is what it lacks
        if isinstance(error, OSError):
            raise UserError(words) from error
        raise DatasetError(f"{words}; mend it in {method.__module__}") from error


def _checked(dataset: Dataset, method: str, found: Any) -> Splits:
    owner = f"data set '{dataset.card.name}': its {method}"
    if not isinstance(found, Mapping):
        raise DatasetError(f"{owner} gave {_a(found)}; return lists of lossbench.datasets.Source by split, as a dict")
    for split, sources in found.items():
        if not isinstance(sources, list | tuple):
            raise DatasetError(f"{owner} gave {_a(sources)} as split {split!r}; give a list of Source")
        for source in sources:
            _check(owner, split, source)
    return {split: [*sources] for split, sources in found.items()}


def _check(owner: str, split: Any, source: Any) -> None:
    if not isinstance(source, Source):
        shown = as_written(source)
        raise DatasetError(f"{owner} gave {shown}, {_a(source)}, in split {split!r}; give lossbench.datasets.Source")
    fields = {"name": str, "path": Path, "licence": str}
    for field, kind in fields.items():
        if not isinstance(value := getattr(source, field), kind):
            raise DatasetError(
                f"{owner} gave a Source in split {split!r} whose {field} is {as_written(value)}, {_a(value)}; give a "
                f"{kind.__name__}"
            )
    if not source.path.exists():
        raise UserError(f"{owner} gave {source.path} in split {split!r}, which is not there; put it there")


def _a(value: Any) -> str:
    """Return the type of `value` as a message calls it."""
    name = "None" if value is None else type(value).__name__
    return name if value is None else f"an {name}" if name[0] in "aeiou" else f"a {name}"
