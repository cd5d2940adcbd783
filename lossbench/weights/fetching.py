"""`fetch weights`: public files downloaded, checked, and stored as loss networks that losses find by themselves."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lossbench import loss_networks
from lossbench.assets import embedded
from lossbench.assets.weight_files import checked_digest
from lossbench.datasets._download import download
from lossbench.errors import FullError, UserError, placed, shown, tell
from lossbench.files import check_writable, write_text
from lossbench.measuring.progress import progress
from lossbench.turns import turn
from lossbench.weights import hub, places, released
from lossbench.weights.importing import STEPS, imported
from lossbench.weights.released import PublicFile, PublicNetwork
from lossbench.weights.stored import described, readable

Rows = list[dict[str, Any]]
SEED = 0
"""Of what a released file leaves out of its network, such as a decoder."""
UNCHECKED = "unchecked"
"""The folder of downloads whose digests were not compared yet."""


@dataclass(frozen=True)
class Wanted:
    """One loss network that is asked for."""

    title: str
    """How a message calls it."""
    path: Path
    """Where it is stored."""
    licence: str | None
    """Its licence where that is non-commercial."""
    make: Callable[[bool], dict[str, Any]]
    """Stores it, given whether its licence is accepted, and returns its card."""


def listing(folder: Path) -> Rows:
    """List the public loss networks, with their files, and the path of each that is stored in `folder`, else None."""
    rows = []
    for file in released.table().values():
        for network in file.loss_networks:
            stored = places.stored(folder, network.name)
            rows.append(
                {
                    "name": network.name,
                    "loss_network": network.kind,
                    "file": file.file,
                    "where": file.url,
                    "bytes": file.size,
                    "digest": file.digest,
                    "licence": file.licence,
                    "stored": str(stored) if stored.is_file() else None,
                }
            )
    return rows


def fetch_weights(names: Iterable[str], folder: Path, accept: bool = False) -> Rows:
    """Store the public loss networks that `names` ask for in `folder`, beside the files that they are made of.

    What is there already is kept; a file that was put there by hand is taken in place of a download, an interrupted
    download goes on, and two processes take turns. Returns a row for each: its name, file, loss network, licence and
    source.

    Raises UserError for an unknown name with the nearest one, for a non-commercial licence that is neither accepted by
    `accept` nor, once, on the terminal, for a folder that can't be written to, and where a download fails or a file
    has another size or digest than is published; what is stored by then stays.
    """
    wanted = list({each.path: each for name in names for each in [_wanted(name, folder)]}.values())
    check_writable(folder, "--to")
    with turn(folder):
        return _fetched(wanted, folder, accept)


def _fetched(wanted: Sequence[Wanted], folder: Path, accept: bool) -> Rows:
    missing = [each for each in wanted if not each.path.is_file()]
    agreed = _agreed({each.licence: each.title for each in missing if each.licence}, folder, accept)
    rows = []
    for each in wanted:
        card = _kept(each.path) if each.path.is_file() else each.make(agreed)
        rows.append(
            {
                "name": each.title,
                "file": shown(str(each.path)),
                "licence": card.get("licence"),
                "source": card.get("source"),
                "digest": card.get("weights_digest"),
            }
        )
    return rows


def _wanted(name: str, folder: Path) -> Wanted:
    if name.startswith(hub.PREFIX):
        model, layer = hub.asked(name)
        full = hub.full_name(model)
        origin = hub.origin(full)
        licence = origin.licence if origin.non_commercial else None
        path = hub.target(full, folder)
        return Wanted(f"{hub.PREFIX}{full}", path, licence, lambda yes: _hub_card(full, layer, folder, yes))
    file, network = released.named(name)
    if network.also:
        # what comes with a package is looked for before anything large is downloaded
        embedded.locate(network.also)
    licence = file.licence if file.non_commercial else None
    return Wanted(network.name, places.stored(folder, network.name), licence, lambda _: _made(file, network, folder))


def _kept(path: Path) -> dict[str, Any]:
    """Return the card of what is stored; raises UserError for a file that is none of these."""
    found = described(path)
    if not found.released:
        raise UserError(f"{path} is there and was not fetched ({found.words}); move it away, or name another folder")
    return found.card


def _made(file: PublicFile, network: PublicNetwork, folder: Path) -> dict[str, Any]:
    """Store the loss network `network` out of `file`, which is downloaded where it does not lie in `folder`."""
    raw = folder / file.file
    if not raw.is_file():
        _download(file, raw)
    _check_size(file, raw)
    done = progress(STEPS, f"store {network.name}", "steps")
    module, digest = imported(network.kind, network.architecture, SEED, raw, file.digest, done)
    card = {
        "source": file.source,
        "licence": file.licence,
        "file": file.file,
        "url": file.url,
        "weights_digest": digest,
        "checked": file.digest,
        "also": _also(network),
    }
    path = places.stored(folder, network.name)
    loss_networks.save(module, path, card)
    write_text(path.with_suffix(".json"), json.dumps(card, indent=1) + "\n")
    return card


def _also(network: PublicNetwork) -> dict[str, str] | None:
    if network.also is None:
        return None
    asset = embedded.catalogue()[network.also]
    return {"file": asset.path, "licence": asset.licence, "digest": f"sha256:{asset.sha256}"}


def _download(file: PublicFile, raw: Path) -> None:
    """Download `file` to `raw`, which then is the published one; raises UserError with what to do by hand."""
    arrived = raw.parent / UNCHECKED / raw.name
    by_hand = f"or put {file.file} ({file.digest}; {file.words}) into {raw.parent} by hand and run this again"
    try:
        if not arrived.is_file():
            download(file.url, arrived, file.size or 0)
        with placed(file.url):
            _check_size(file, arrived)
            checked_digest(arrived, file.digest)
    except FullError:
        raise
    except UserError as error:
        # what came is not what is published: the next try begins anew
        arrived.unlink(missing_ok=True)
        raise UserError(f"{error}; {by_hand}") from None
    else:
        arrived.replace(raw)
    finally:
        # a part of a download stays there
        with suppress(OSError):
            arrived.parent.rmdir()


def _check_size(file: PublicFile, path: Path) -> None:
    """Raise UserError where `path` has another size than is published."""
    found = path.stat().st_size
    if file.bytes is not None and found != file.bytes:
        raise UserError(f"{path} has {found} bytes, expected {file.bytes}; it is cut short or another file")


def _hub_card(model: str, layer: str | None, folder: Path, accepted: bool) -> dict[str, Any]:
    return _kept(hub.fetched(model, layer, folder, accepted))


def _agreed(licences: dict[str, str], folder: Path, accept: bool) -> bool:
    """Return whether all non-commercial `licences`, each with a title, are accepted; True where there are none.

    One under which a loss network lies in `folder` was accepted before. Raises UserError for one that is not.
    """
    open_ones = {each: title for each, title in licences.items() if each not in set(_accepted(folder))}
    for licence, title in open_ones.items():
        if not (accept or _asked(licence, title)):
            raise UserError(f"{title}: its licence is {licence}; to accept it run the command with --accept-licence")
    return True


def _accepted(folder: Path) -> Iterator[str]:
    """Give the licences of what lies fetched in `folder`."""
    for stored in readable(places.files(folder)):
        if licence := stored.card.get("licence"):
            yield str(licence)


def _asked(licence: str, title: str) -> bool:
    """Ask on the terminal whether `licence` is accepted; without one it is not."""
    if sys.stdin is None or not sys.stdin.isatty() or sys.stderr is None or not sys.stderr.isatty():
        return False
    tell(f"{title}: its licence is {licence}. Accept it? [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")
