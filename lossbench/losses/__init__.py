"""Losses by name: `build("kmae", pixel="l1", weight=1.0, weights=PATH)`.

Their contract, which a loss of your own keeps by subclassing it, is `lossbench.terms.WeightedTerms`.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossbench.assets import pyiqa_models
from lossbench.errors import UserError, quoted
from lossbench.plugins import (
    build_arguments,
    check_arguments,
    check_name,
    constant,
    is_outside,
    known,
    load,
    names,
    offered_rows,
    source,
    wrong_types_named,
)

if TYPE_CHECKING:
    from lossbench.terms import WeightedTerms


def build(name: str, *, check_range: bool = True, **arguments: Any) -> WeightedTerms:
    """Build the loss `name`; raises UserError naming the nearest loss or argument on a miss, and a value of no use.

    `timm:resnet50@layer2` is short for `timm` with the arguments `model` and `layer`, `pyiqa:topiq_fr` for `pyiqa` with
    the argument `metric`. Any other `package.module:Name`, or name that an installed package offers, is a module of
    torch of prediction and target, taken with `pixel`, `weight`, `every` and `clamp` (`losses/_outside.py`) beside its
    own arguments. The loss looks at its first target and refuses one that is not in [0, 1], unless `check_range` is
    False. What a loss network gives may be in every k-th step alone, k times as heavy there:
    `every=4`; the loss is then told the step of the optimiser, `loss(prediction, target, step=step)`.
    """
    # a loss must be no other for what surrounds its making; imported here, since listing losses needs no torch
    from lossbench.losses._call import call
    from lossbench.storage import fresh_defaults

    file, named = split(name)
    make = _maker(file)
    if twice := sorted(named.keys() & arguments.keys()):
        raise UserError(f"loss '{name}': {', '.join(twice)} is given twice; write it in the name or as an argument")
    if "weights" in arguments and not is_outside("losses", file) and "weights" not in build_arguments("losses", file):
        raise UserError(f"loss '{file}' has no loss network, and takes no weights; leave them out")
    check_arguments(f"loss '{file}'", make, [*named, *arguments], also=["check_range"])
    if not isinstance(check_range, bool):
        raise UserError(
            f"loss '{name}': check_range = {quoted(check_range)} is neither True nor False; write one of them"
        )
    with fresh_defaults(), wrong_types_named(f"loss '{name}'", make, arguments):
        loss: WeightedTerms = make(**named, **arguments)
    loss.check_range = check_range
    loss.made_by = call(name, make, arguments, loss, named)
    return loss


OUTSIDE = "lossbench.losses._outside"
"""Imported by its name, as plugins are: what makes losses from outside fit is no part of ours."""


def _maker(file: str) -> Callable[..., WeightedTerms]:
    if is_outside("losses", file):
        make: Callable[..., WeightedTerms] = importlib.import_module(OUTSIDE).maker(file)
        return make
    build: Callable[..., WeightedTerms] = load("losses", file).build
    return build


def split(name: str) -> tuple[str, dict[str, str]]:
    """Return the file of the loss `name` and the arguments that the name itself holds.

    These are as in `timm:MODEL@LAYER` or `pyiqa:NAME`; `package.module:Name` is a file from outside. Raises UserError
    when a name with one of ours before the colon is written otherwise, for a model that pyiqa has not, and for what is
    no name.
    """
    check_name("losses", name)
    if model := pyiqa_models.named(name):
        return "pyiqa", {"metric": model.name}
    file, colon, rest = name.partition(":")
    if colon and file and file not in names("losses"):
        return name, {}
    if colon and not file:
        raise UserError(f"loss '{name}': not of the form 'package.module:Name'; write it so, as 'piq:SSIMLoss'")
    network, _, layer = rest.partition("@")
    if colon and not (network and layer):
        raise UserError(f"loss '{name}': not of the form 'timm:MODEL@LAYER'; write it as 'timm:resnet50@layer2'")
    return file, {"model": network, "layer": layer} if colon else {}


def list_losses() -> list[str]:
    """List the names of all losses, then those that installed packages offer, each sorted; nothing is imported."""
    return known("losses")


def listing(folder: Path | None = None) -> list[dict[str, Any]]:
    """List every loss with what it rewards, its source, the loss networks that it can use and the stored files of each.

    Keys: `name`, `rewards` (one sentence), `source`, `loss_networks`, and `weights`: for each of these a list of files
    below `folder`, empty where there is none or no folder is given; of what an installed package offers, `package` too,
    its name and version. Nothing is imported.
    """
    found = stored(folder)
    entries = []
    for name in names("losses"):
        kinds = list(constant("losses", name, "LOSS_NETWORKS"))
        words = {key: constant("losses", name, key.upper()) for key in ("rewards", "source")}
        entry = {"name": name, **words, "loss_networks": kinds}
        entries.append({**entry, "weights": {kind: found.get(kind, []) for kind in kinds}})
    return [*entries, *offered_rows("losses", _as_read)]


def _as_read(name: str) -> dict[str, Any]:
    kinds = list(constant("losses", name, "LOSS_NETWORKS"))
    said = source("losses", name)
    words = {"rewards": constant("losses", name, "REWARDS", said), "source": said}
    return {**words, "loss_networks": kinds, "weights": {kind: [] for kind in kinds}}


def stored(folder: Path | None) -> dict[str, list[str]]:
    """Return the loss network files below `folder` by the name of the loss network that they hold.

    Files that are damaged or hold something else are left out; without a folder there are none.
    """
    if folder is None:
        return {}
    from safetensors import SafetensorError, safe_open

    found: dict[str, list[str]] = {}
    for file in sorted(folder.rglob("*.safetensors")):
        try:
            with safe_open(file, framework="numpy") as opened:
                kind = json.loads(opened.metadata()["loss_network"])["name"]
        except (OSError, SafetensorError, KeyError, TypeError, ValueError):
            continue
        found.setdefault(kind, []).append(str(file))
    return found
