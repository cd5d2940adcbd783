"""A file that somebody has, stored as a loss network: `import_weights` of the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lossbench import loss_networks, plugins
from lossbench.assets import contents, embedded
from lossbench.errors import placed, shown
from lossbench.files import sha256, write_text
from lossbench.formats.settings import assigned
from lossbench.measuring.progress import progress
from lossbench.weights import released
from lossbench.weights.importing import STEPS, check_importing, imported

SEED = 0
"""Of what a released file leaves out of its network, such as a decoder."""


@dataclass(frozen=True)
class Request:
    """What is to be imported, as it is typed."""

    file: Path
    kind: str
    settings: Sequence[str] = ()
    """Arguments of the loss network, `key=value`."""
    digest: str | None = None
    licence: str | None = None
    source: str | None = None


def stored_by_hand(request: Request, output: Path) -> dict[str, Any]:
    """Store the file of `request` as a loss network in `output`, its card beside it; return what was made of what.

    Of a public file, known by its name, what is left out is taken from the table of these: its digest, licence, source
    and the arguments of its loss network. Without any digest the file's own is kept and named as not compared.

    Raises UserError for a loss network that takes no released file, an argument that it has not, and a file that is
    missing, damaged, another than its digest says, or that does not fit.
    """
    check_importing(request.kind)
    file, asset = _located(request.file), embedded.catalogue().get(str(request.file))
    public = released.by_file(file.name)
    usual = next((each for each in public.loss_networks if each.kind == request.kind), None) if public else None
    settings = assigned(request.settings, "--set", "image_size=224")
    architecture = {**(usual.architecture if usual else {}), **settings}
    with placed("--set"):
        plugins.check_build_arguments(loss_networks.FOLDER, request.kind, architecture)
    known = request.digest or (public.digest if public else f"sha256:{asset.sha256}" if asset else None)
    done = progress(STEPS, "import_weights", "steps")
    module, found = imported(request.kind, architecture, SEED, file, known or f"sha256:{sha256(file)}", done)
    card = {
        "source": request.source or (public.source if public else f"{file.name}, imported by hand"),
        "licence": request.licence or (public.licence if public else asset.licence if asset else None),
        "file": file.name,
        "weights_digest": found,
        "checked": known,
    }
    loss_networks.save(module, output, card)
    write_text(output.with_suffix(".json"), json.dumps(card, indent=1) + "\n")
    told = {"licence": card["licence"], "source": card["source"], "digest": found, "compared_with": known}
    return {"name": request.kind, "file": shown(str(output)), **told}


def _located(file: Path) -> Path:
    """Return where the file lies; raises UserError where it is missing, a folder or closed."""
    if str(file) in embedded.catalogue() and not file.exists():
        return embedded.locate(str(file))
    with placed("FILE"):
        contents.check_readable(file)
    return file
