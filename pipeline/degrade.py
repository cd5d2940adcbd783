"""Stage prepare, second step: the degraded inputs of one task, shipped with the data set or made from its targets."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lossbench import datasets, tasks
from lossbench.datasets._card import Source
from lossbench.datasets._pairs import check_pair_sizes
from lossbench.datasets._read import Read, read_source
from lossbench.errors import UserError, exit_with_one_line, room_for
from lossbench.images import read_image
from lossbench.names import version as versioned
from lossbench.tasks import Pixels
from pipeline.outputs.arrays import Arrays, Entry, Item, write_arrays
from pipeline.specs.prepare import DegradeSpec


def main(spec: DegradeSpec, code: str, targets: Path, output: Path) -> None:
    """Write `low_quality.npy` and `low_quality.json` of the task to `output`, one item a target.

    Raises UserError naming both files when a shipped pair does not fit together, and for a full disk.
    """
    task = tasks.load(spec.task)
    arrays = Arrays(targets)
    module = datasets.load(spec.dataset)
    shipped = _shipped(module, spec, task)
    read: Read = getattr(module, "read_low_quality", lambda source: read_image(source.path))

    def entries() -> Iterator[Entry]:
        for item in arrays.items:
            whole = arrays.read(item)
            if shipped is None:
                yield from _degraded(task, whole, spec, item)
                continue
            source = _partner(shipped, item)
            pixels = _fitted(task, whole, read_source(read, source, item.split), spec, (item, source))
            yield Entry(item.name, item.split, pixels, source.path.name, item.licence)

    card = {"dataset": spec.dataset, "task": spec.task, "settings": spec.settings, "code": code}
    with room_for(output / "low_quality.npy"):
        write_arrays(output, "low_quality", entries(), card)


def _degraded(task: tasks.Task, whole: Pixels, spec: DegradeSpec, item: Item) -> Iterator[Entry]:
    """Make what the data set does not ship: one version of a picture, or several where the task asks for them."""
    target = task.reference(whole, spec.settings)
    count = task.versions(spec.settings) if item.split == "train" else 1
    for version in range(count):
        name = versioned(item.name, version)
        # one stream of random numbers an item, so that adding a picture leaves the others as they were
        generator = np.random.default_rng(list(f"{item.split}/{name}".encode()))
        pixels = task.degrade(target, spec.settings, generator)
        yield Entry(name, item.split, pixels, f"{spec.task} of {item.origin}", item.licence)


def _fitted(task: tasks.Task, whole: Pixels, shipped: Pixels, spec: DegradeSpec, files: tuple[Item, Source]) -> Pixels:
    """Return what the data set ships, combined with the target where the task does that, else as it is."""
    item, source = files
    try:
        if isinstance(task, tasks.CombiningTask):
            return task.combine(whole, shipped, spec.settings)
        target = task.reference(whole, spec.settings)
        check_pair_sizes(target.shape, shipped.shape, task.scale(spec.settings), (item.origin, str(source.path)))
    except UserError as error:
        raise UserError(f"split {item.split}: {source.path} does not fit {item.origin}: {error}") from None
    return shipped


def _shipped(module: Any, spec: DegradeSpec, task: tasks.Task) -> dict[tuple[str, str], Source] | None:
    """Return the data set's own degraded files by (split, name); None when it ships none for this task."""
    if not hasattr(module, "locate_low_quality"):
        return None
    root = Path(spec.root) if spec.root else None
    splits = module.locate_low_quality(root, spec.task, task.scale(spec.settings))
    if splits is None:
        return None
    return {(split, source.name): source for split, sources in splits.items() for source in sources}


def _partner(shipped: dict[tuple[str, str], Source], item: Item) -> Source:
    if (item.split, item.name) not in shipped:
        raise UserError(f"{item.origin} (split {item.split}) has no low-quality partner")
    return shipped[item.split, item.name]


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
