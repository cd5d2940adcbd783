"""Public files of weights, and the loss networks that each becomes: the table `assets/released_weights.toml`."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from lossbench import plugins
from lossbench.errors import UserError, nearest

TABLE = plugins.PACKAGE / "assets/released_weights.toml"


@dataclass(frozen=True)
class PublicNetwork:
    """A loss network that a public file becomes."""

    name: str
    """How it is called here."""
    kind: str
    """File of `lossbench/loss_networks`."""
    architecture: dict[str, Any] = field(default_factory=dict)
    """Arguments of its `build` that are not the defaults."""
    also: str | None = None
    """A catalogued file of an installed package that goes with it."""


@dataclass(frozen=True)
class PublicFile:
    """A file of weights that somebody published."""

    name: str
    """How it is called here."""
    url: str
    digest: str
    """`sha256:` or `md5:` and the digits that are published, often the leading ones alone."""
    licence: str
    source: str
    loss_networks: tuple[PublicNetwork, ...]
    """Those that it becomes, the usual one first."""
    bytes: int | None = None
    """Its size; None where that is not published."""
    about_bytes: int | None = None
    """Its size as it follows from the number of weights, where it is not published."""
    non_commercial: bool = False
    """Whether its licence forbids commercial use."""

    @property
    def file(self) -> str:
        """The file's name."""
        return self.url.rsplit("/", 1)[-1]

    @property
    def size(self) -> int | None:
        """Its size in bytes as far as it is known, for what is told."""
        return self.bytes or self.about_bytes

    @property
    def words(self) -> str:
        """Its size and licence, for a message."""
        size = f"{self.size / 1e9:.2f} GB" if self.size else "of unknown size"
        return f"{size}, {self.licence}"


@cache
def table() -> dict[str, PublicFile]:
    """Return every public file by its name here, in the order of the table."""
    entries: dict[str, dict[str, Any]] = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    found = {}
    for name, entry in entries.items():
        networks = tuple(PublicNetwork(**each) for each in entry.pop("loss_networks"))
        found[name] = PublicFile(name=name, loss_networks=networks, **entry)
    return found


def by_file(name: str) -> PublicFile | None:
    """Return the public file that is called `name` on its server; None for another."""
    return next((each for each in table().values() if each.file == name), None)


def public(name: str) -> PublicFile:
    """Return the public file called `name` here; raises UserError with the nearest one for another."""
    if name not in table():
        raise UserError(f"no public file of weights '{name}'; {nearest(name, table())}")
    return table()[name]


def of_kinds(kinds: tuple[str, ...]) -> tuple[PublicFile, PublicNetwork] | None:
    """Return the usual public loss network of the first of `kinds` that has one; None where there is none."""
    return next(((file, each) for kind in kinds for file, each in _networks() if each.kind == kind), None)


def named(name: str) -> tuple[PublicFile, PublicNetwork]:
    """Return the public loss network that `name` asks for, with the file that becomes it.

    `name` is that of the loss network itself, of its kind, of a file here or on its server, or of a loss or metric that
    needs one, for which it is the usual one. Raises UserError for a loss that needs none, or one trained on the task's
    own pictures, for a loss network without a public file, and for an unknown name with the nearest one.
    """
    for file, network in _networks():
        if name == network.name:
            return file, network
    for file in table().values():
        if name in (file.name, file.file):
            return file, file.loss_networks[0]
    kinds, what = _asked_kinds(name)
    if (found := of_kinds(kinds)) is None:
        fault = f"{name}: no public file of {what} {' or '.join(kinds)} is known with its digest"
        raise UserError(f"{fault}; {_otherwise(kinds[0])}")
    return found


def trained_on_task(loss: str) -> bool:
    """Return whether the loss `loss` is by definition one of a network trained on the task's own ground truth."""
    return str(plugins.constant("losses", loss, "TRAINED_ON", "")) == "task"


def _networks() -> Iterator[tuple[PublicFile, PublicNetwork]]:
    for file in table().values():
        for network in file.loss_networks:
            yield file, network


def _asked_kinds(name: str) -> tuple[tuple[str, ...], str]:
    """Return the kinds of loss networks that serve what is called `name`, and how a message calls them."""
    shelves = {shelf: plugins.names(shelf) for shelf in ("losses", "loss_networks", "metrics")}
    if name in shelves["losses"]:
        kinds = tuple(plugins.constant("losses", name, "LOSS_NETWORKS"))
        if not kinds:
            raise UserError(f"loss '{name}' needs no loss network; nothing is to be fetched")
        if trained_on_task(name):
            raise UserError(
                f"loss '{name}' is that of a loss network trained on the task's own pictures, of which none is public; "
                "train one in a clone, or give the file that you have: weights=FILE"
            )
        return kinds, "a loss network"
    if name in shelves["loss_networks"]:
        return (name,), "the loss network"
    if name in shelves["metrics"] and (kinds := tuple(plugins.constant("metrics", name, "WEIGHTS", ()))):
        return kinds, "a loss network"
    losses = (
        loss
        for loss in shelves["losses"]
        if of_kinds(plugins.constant("losses", loss, "LOSS_NETWORKS")) and not trained_on_task(loss)
    )
    known = {*losses, *table(), *(network.name for _, network in _networks())}
    raise UserError(f"no public weights '{name}'; {nearest(name, known)}")


def _otherwise(kind: str) -> str:
    """Say how a loss network of `kind` is had without a public file."""
    from lossbench import loss_networks

    if kind in plugins.names("loss_networks") and isinstance(loss_networks.plugin(kind), loss_networks.ImportingPlugin):
        return f"import one that you have: lossbench import_weights FILE --as {kind}"
    return "train one in a clone"
