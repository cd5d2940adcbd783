"""Weights of timm's hub: fetched by timm itself, stored as a loss network, found again without a network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lossbench import loss_networks, plugins
from lossbench.errors import UserError, tell
from lossbench.files import write_text
from lossbench.weights import finding, places
from lossbench.weights.finding import Found
from lossbench.weights.stored import Stored, described

LOSS = KIND = "timm"
"""The loss and the loss network whose models are those of the package timm."""
PREFIX = f"{LOSS}:"


def found(arguments: Mapping[str, Any]) -> Found:
    """Return the stored loss network for the loss `timm` with `arguments`, off the hub where there is none.

    Raises UserError for an unknown model or layer, where several stored ones fit, where the hub can't be reached, and
    for a licence that its user has to accept first.
    """
    model, layer = arguments.get("model"), arguments.get("layer")
    if model is None:
        if (stored := finding.find(LOSS)) is None:
            raise UserError("loss 'timm': name a model and a layer, such as 'timm:resnet50.a1_in1k@layer2'")
        return stored
    full = full_name(str(model))
    if (stored := finding.find(LOSS, lambda each: _is_of(each, full))) is not None:
        return stored
    path = fetched(full, None if layer is None else str(layer), places.fetched(), accepted=False)
    return Found(f"loss '{LOSS}'", path, f"{described(path).words}; fetched to {path.parent}")


def asked(name: str) -> tuple[str, str | None]:
    """Return model and layer of `timm:MODEL@LAYER` or `timm:MODEL`."""
    model, _, layer = name.removeprefix(PREFIX).partition("@")
    if not model:
        raise UserError(f"{name}: not of the form 'timm:MODEL@LAYER'; write it as 'timm:resnet50@layer2'")
    return model, layer or None


def full_name(model: str) -> str:
    """Return the name of `model` with the tag of its weights, timm's usual one where it has none.

    Raises UserError with the nearest match for a model or a tag that timm has not, and for one without weights.
    """
    return str(plugins.load(loss_networks.FOLDER, KIND).full_name(model))


def origin(model: str) -> Any:
    """Return whose the weights of `model`, a full name, are: their `source`, `licence` and `non_commercial`."""
    return plugins.load(loss_networks.FOLDER, KIND).origin(model)


def target(model: str, folder: Path) -> Path:
    """Return the file in `folder` that the loss network of `model`, a full name, is stored in."""
    return folder / f"{KIND}-{model.replace('/', '_')}.safetensors"


def fetched(model: str, layer: str | None, folder: Path, accepted: bool) -> Path:
    """Store the loss network of `model`, a full name, with the weights of timm's hub in `folder`; return its file.

    `layer` is the usual one of the plugin where None. Raises UserError where the hub can't be reached, and unless
    `accepted` for weights whose licence is non-commercial.
    """
    architecture = {"model": model, **({} if layer is None else {"layer": layer})}
    whose = origin(model)
    if whose.non_commercial and not accepted:
        raise UserError(
            f"{PREFIX}{model}: its licence is {whose.licence}; to accept it run: "
            f"lossbench fetch weights {PREFIX}{model} --accept-licence"
        )
    network = loss_networks.build(KIND, **architecture)
    tell(f"fetch {PREFIX}{model} from timm's hub ({whose.source}; licence: {whose.licence})")
    plugins.load(loss_networks.FOLDER, KIND).fill_from_hub(network)
    path = target(model, folder)
    # no digest is published that could be compared: the card says so
    card = {"source": whose.source, "licence": whose.licence, "weights_digest": None, "checked": None}
    loss_networks.save(network, path, card)
    write_text(path.with_suffix(".json"), json.dumps(card, indent=1) + "\n")
    return path


def _is_of(stored: Stored, full: str) -> bool:
    return stored.architecture.get("model") in (full, full.partition(".")[0])
