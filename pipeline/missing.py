"""What a plan needs and this machine lacks: data sets and weight files, with licence, size and where to get them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pipeline import embedded
from pipeline.configuration import Configuration
from pipeline.datasets import catalog as datasets
from pipeline.errors import UserError


def missing(configuration: Configuration, prepared: Iterable[str], imported: Iterable[str]) -> list[str]:
    """Describe every absent one of the data sets `prepared` and of the weights of the loss networks `imported`.

    Embedded files are checked by SHA-256, the user's own only looked for.
    """
    texts = [_data(configuration, name) for name in prepared]
    texts += [_weights(configuration, name) for name in imported]
    return [text for text in texts if text]


def _data(configuration: Configuration, name: str) -> str | None:
    root = configuration.data_root(name)
    return datasets.missing(name, Path(root) if root else None)


def _weights(configuration: Configuration, name: str) -> str | None:
    weights = configuration.loss_network(name).weights
    assert weights is not None, name
    if weights.file in embedded.catalogue():
        try:
            embedded.locate(weights.file)
        except UserError as error:
            return str(error)
        return None
    path = Path(configuration.config.weights_root) / weights.file
    if path.is_file():
        return None
    size = f"{weights.bytes / 1e9:.2f} GB"
    return f"weights of loss network '{name}': put {path} ({size}, {weights.licence}, {weights.where})"
