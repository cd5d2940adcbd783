"""Stage prepare, second step: the degraded inputs of one task, shipped with the data set or made from its targets."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import plugins
from pipeline.arrays import Arrays, Entry, Item, write_arrays
from pipeline.datasets import catalog
from pipeline.datasets._card import Source
from pipeline.datasets._pairs import check_pair_sizes
from pipeline.errors import UserError, exit_with_one_line, room_for
from pipeline.images import read_image
from pipeline.specs.prepare import DegradeSpec


def main(spec: DegradeSpec, code: str, targets: Path, output: Path) -> None:
    """Write `low_quality.npy` and `low_quality.json` of the task to `output`, one item a target.

    Raises UserError naming both files when a shipped pair does not fit together, and for a full disk.
    """
    task = plugins.load("tasks", spec.task)
    arrays = Arrays(targets)
    shipped = _shipped(spec, task)

    def entries() -> Iterator[Entry]:
        for item in arrays.items:
            target = task.reference(arrays.read(item), spec.settings)
            if shipped is None:
                # one stream of random numbers an item, so that adding a picture leaves the others as they were
                generator = np.random.default_rng(list(f"{item.split}/{item.name}".encode()))
                pixels, origin = task.degrade(target, spec.settings, generator), f"{spec.task} of {item.origin}"
            else:
                path = _partner(shipped, item)
                pixels, origin = read_image(path), path.name
                check_pair_sizes(target.shape, pixels.shape, task.scale(spec.settings), (item.origin, str(path)))
            yield Entry(item.name, item.split, pixels, origin, item.licence)

    card = {"dataset": spec.dataset, "task": spec.task, "settings": spec.settings, "code": code}
    with room_for(output / "low_quality.npy"):
        write_arrays(output, "low_quality", entries(), card)


def _shipped(spec: DegradeSpec, task: Any) -> dict[tuple[str, str], Source] | None:
    """Return the data set's own degraded files by (split, name); None when it ships none for this task."""
    module = catalog.load(spec.dataset)
    if not hasattr(module, "locate_low_quality"):
        return None
    root = Path(spec.root) if spec.root else None
    splits = module.locate_low_quality(root, spec.task, task.scale(spec.settings))
    if splits is None:
        return None
    return {(split, source.name): source for split, sources in splits.items() for source in sources}


def _partner(shipped: dict[tuple[str, str], Source], item: Item) -> Path:
    if (item.split, item.name) not in shipped:
        raise UserError(f"{item.origin} (split {item.split}) has no low-quality partner")
    return shipped[item.split, item.name].path


def _arguments() -> None:
    parser = argparse.ArgumentParser(prog="python -m pipeline.degrade", description=__doc__)
    parser.add_argument("spec", help="DegradeSpec as JSON")
    parser.add_argument("--code", required=True, help="fingerprint of the code")
    parser.add_argument("--targets", type=Path, required=True, help="folder of the prepared data set")
    parser.add_argument("--output", type=Path, required=True, help="folder of the task's degraded inputs")
    given = parser.parse_args()
    main(DegradeSpec.from_json(given.spec), given.code, given.targets, given.output)


if __name__ == "__main__":
    exit_with_one_line(_arguments)
