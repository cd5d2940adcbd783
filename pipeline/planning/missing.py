"""What a plan needs and this machine lacks: data sets and weight files, with licence, size and where to get them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lossbench import datasets
from lossbench.assets import embedded
from lossbench.errors import UserError
from pipeline.config import scale
from pipeline.config.read import Configuration


def missing(
    configuration: Configuration, used: Iterable[str], imported: Iterable[str], classifiers: Iterable[str]
) -> list[str]:
    """Describe what is absent: data sets `used`, weights of the loss networks `imported` and of `classifiers`.

    Embedded files are checked by SHA-256, the user's own only looked for. Classifiers that are trained need no weights.
    """
    owners = [(f"loss network '{name}'", configuration.loss_network(name).weights) for name in imported]
    owners += [(f"classifier '{name}'", configuration.classifier(name).weights) for name in classifiers]
    # one file may serve several
    files = {weights.file: (owner, weights) for owner, weights in reversed(owners) if weights}
    texts = [_data(configuration, name) for name in used]
    texts += [_weights(configuration, weights, owner) for owner, weights in reversed(files.values())]
    return [text for text in texts if text]


def _data(configuration: Configuration, name: str) -> str | None:
    root = configuration.data_root(name)
    return datasets.missing(name, Path(root) if root else None)


def _weights(configuration: Configuration, weights: scale.Weights, owner: str) -> str | None:
    if weights.file in embedded.catalogue():
        try:
            embedded.locate(weights.file)
        except UserError as error:
            return str(error)
        return None
    path = Path(configuration.config.weights_root) / weights.file
    if path.is_file():
        return None
    size = f"{weights.bytes / 1e9:.2f} GB" if weights.bytes >= 1e7 else f"{weights.bytes / 1e3:.0f} kB"
    return f"weights of {owner}: put {path} ({size}, {weights.licence}, {weights.where})"
