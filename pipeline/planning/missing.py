"""What a plan needs and this machine lacks: data sets and weight files, with licence, size and where to get them."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lossbench import datasets
from lossbench.assets import embedded
from lossbench.errors import UserError, gathered, say
from lossbench.weights.released import by_file
from pipeline.config.read import Configuration
from pipeline.planning.job import Job


class Missing(NamedTuple):
    """A data set or a weight file that is absent."""

    name: str
    text: str
    """What it is, with licence, size and where to get it, or what is wrong with it."""
    download: int | None
    """Bytes, 0 where that is not known; None for what comes with a package."""


def missing(
    configuration: Configuration,
    used: Iterable[str],
    imported: Iterable[str],
    classifiers: Iterable[str],
    paired: Mapping[str, str],
    splits: Mapping[str, Iterable[str]],
) -> Iterator[Missing]:
    """Give what is absent: data sets `used`, weights of the loss networks `imported` and of `classifiers`.

    Of data sets in `paired`, by the task that takes them, what they ship beside their targets is looked for too, and in
    each of the `splits` of a data set a picture. Embedded files are checked by SHA-256, the user's own only looked for.
    Classifiers that are trained need no weights. Raises UserError for a data set from outside whose code is at fault.
    """
    for name in used:
        root = configuration.data_root(name)
        with gathered() as notices:
            text = datasets.missing(name, Path(root) if root else None, paired.get(name), splits.get(name, ()))
        say(notices)
        if text:
            yield Missing(name, text, datasets.card(name).bytes)
    owners = [(f"loss network '{name}'", configuration.loss_network(name).weights) for name in imported]
    owners += [(f"classifier '{name}'", configuration.classifier(name).weights) for name in classifiers]
    # one file may serve several
    files = {weights.file: (owner, weights) for owner, weights in reversed(owners) if weights}
    for owner, weights in reversed(files.values()):
        path = Path(configuration.config.weights_root) / weights.file
        if weights.file in embedded.catalogue():
            try:
                embedded.locate(weights.file)
            except UserError as error:
                yield Missing(weights.file, str(error), None)
        elif not path.is_file():
            text = f"weights of {owner}: put {path} ({_size(weights.bytes)}, {weights.licence}, {weights.where})"
            if known := by_file(weights.file):
                text += f", by: lossbench fetch weights {known.name} --to {configuration.config.weights_root}"
            yield Missing(weights.file, text, weights.bytes or 0)


def splits_read(jobs: Iterable[Job]) -> dict[str, list[str]]:
    """Return the splits in which `jobs` need pictures by data set, in the order in which they are asked for."""
    found: dict[str, dict[str, None]] = {}
    for job in jobs:
        spec: Any = job.spec
        if job.stage in ("train", "pretrain"):
            found.setdefault(spec.dataset, {})["train"] = None
        elif job.stage in ("evaluate", "generate"):
            found.setdefault(spec.test_set, {})[spec.split] = None
    return {dataset: [*splits] for dataset, splits in found.items()}


def _size(number: int | None) -> str:
    if number is None:
        return "of unknown size"
    return f"{number / 1e9:.2f} GB" if number >= 1e7 else f"{number / 1e3:.0f} kB"
