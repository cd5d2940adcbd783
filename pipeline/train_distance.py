"""Stage train_distance: the heads of an R-LPIPS trained on judgements, and how often its distances agree with them."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import nn

from lossbench import datasets, loss_networks, storage
from lossbench import device as devices
from lossbench.errors import UserError, exit_with_one_line
from lossbench.files import write_text
from lossbench.loss_networks import HeadedDistance
from lossbench.loss_networks._vgg import VGG
from pipeline.learning.judgements import HumanJudgements, PseudoJudgements
from pipeline.learning.lock import exclusive
from pipeline.learning.loop import Batch, Job, StepLoss, fit
from pipeline.learning.outcome import run_card, write_history
from pipeline.learning.ranking import Ranker, agreement, perturb_triplets, score, triplets
from pipeline.learning.sampling import Ahead, own_generator
from pipeline.outputs.arrays import Arrays
from pipeline.outputs.provenance import provenance
from pipeline.specs.distance import DistanceSpec

NETWORK, TRUNK, RELEASED = "robust_lpips", "vgg16", ("lpips", "vgg")
"""The loss network that is made, that of the trunk, and the one (with its net) that it is compared with."""


def main(
    spec: DistanceSpec,
    code: str,
    *,
    output: Path,
    label: str,
    trunk: Path,
    targets: Path | None = None,
    initial: Path | None = None,
    released: Path | None = None,
    threads: int = 1,
    checkpoint_seconds: float = 300.0,
) -> None:
    """Train and write `network.safetensors` (a `robust_lpips`), `card.json` and `history.csv`.

    `trunk` is a stored loss network vgg16, which stays as it is. Triplets come from the spec's `root`, or are made of
    the prepared pictures in `targets`. `initial` is the stored `robust_lpips` that the spec's `initial` speaks of, and
    `released` a stored `lpips` of the net vgg, whose scores on the same triplets are put beside. Raises UserError when
    another process works on the same network, for files that do not fit the spec, bad data or values, and a full disk.
    """
    with exclusive(output):
        recipe = spec.recipe
        chosen = devices.choose(recipe.precision, threads)
        torch.manual_seed(spec.seed)
        judged = _judgements(spec, label, targets, threads)
        model = chosen.place(_built(spec, label, trunk, initial))
        compared = chosen.place(_released(released)) if released else None

        def loss(step: int, data: Batch) -> StepLoss:
            model.clamp_heads()
            # dropout's random numbers
            torch.manual_seed(int(own_generator(spec.seed, step).integers(2**63)))
            images, judge = triplets(data, chosen.device)
            with chosen.autocast():
                if (attack := spec.attack) is not None:
                    radius, length = attack.at(step, recipe.steps)
                    images = perturb_triplets(model, images, judge, radius, attack.steps, length)
                first, second = model.distances(images)
                error = F.binary_cross_entropy_with_logits(model.logits(first, second).float(), judge)
            return StepLoss(error, {"ranking": error, "agreement": agreement(first, second, judge).mean()})

        job = Job(label, {"spec": spec.canonical(), "code": code}, output / "last.ckpt", checkpoint_seconds)
        result = fit(model, recipe, job, Ahead(judged.draw), loss, chosen.device)
        model.clamp_heads()
        trained = run_card(result, chosen)
        found = score(model, judged.held_out(spec.held_out), spec.attack, chosen, label, compared)
        card = {**provenance(spec, code), **trained, "judgements": judged.kind, "two_afc": found}
        write_history(output / "history.csv", result.history)
        loss_networks.save(model.distance, output / "network.safetensors", card)
        write_text(output / "card.json", json.dumps(card, indent=1) + "\n")
        job.checkpoint.unlink(missing_ok=True)


def _judgements(
    spec: DistanceSpec, label: str, targets: Path | None, threads: int
) -> HumanJudgements | PseudoJudgements:
    recipe = spec.recipe
    sizes: dict[str, Any] = {"side": spec.side, "batch": recipe.batch, "seed": spec.seed, "augment": recipe.augment}
    if spec.root is None:
        if targets is None:
            raise UserError(f"{label}: the spec has no root; give prepared pictures as `targets`")
        return PseudoJudgements(Arrays(targets), **sizes)
    if targets is not None:
        raise UserError(f"{label}: the spec reads '{spec.root}'; leave out `targets` or the spec's root")
    module = datasets.load(spec.dataset)
    if not hasattr(module, "read_triplet"):
        raise UserError(f"dataset: '{spec.dataset}' holds no judgements; take one that does, or leave out root")
    splits = module.locate(Path(spec.root))
    return HumanJudgements(splits["train"], splits["test"], module.read_triplet, workers=threads, **sizes)


def _built(spec: DistanceSpec, label: str, trunk: Path, initial: Path | None) -> Ranker:
    network = loss_networks.build(NETWORK, **spec.architecture)
    given = _loaded(trunk, TRUNK)
    layout, expected = (loss_networks.described(each).architecture["layout"] for each in (given, network))
    if layout != expected:
        raise UserError(f"{trunk}: a trunk of layout '{layout}', the spec's architecture says '{expected}'")
    own = cast(HeadedDistance, network)
    storage.fill(own.trunk, given.state_dict(), trunk)
    if spec.initial != (initial is not None):
        raise UserError(f"{label}: `initial` goes with a spec that says so; give both or neither")
    if initial is not None:
        storage.fill(own.heads, cast(HeadedDistance, _loaded(initial, NETWORK)).heads.state_dict(), initial)
    return Ranker(network)


def _loaded(path: Path, kind: str) -> nn.Module:
    network, _ = loss_networks.load(path)
    if (found := loss_networks.described(network).name) != kind:
        raise UserError(f"{path} holds the loss network '{found}'; give a '{kind}'")
    return network


def _released(path: Path) -> Ranker:
    """Return the trunk and heads of a stored `lpips` in the form of the trained ones, which gives equal distances."""
    state, description = storage.read(path, loss_networks.KIND)
    found = description["name"], description.get("architecture", {}).get("net")
    if found != RELEASED:
        raise UserError(f"{path} holds the loss network '{found[0]}' (net {found[1]}); give an 'lpips' of net 'vgg'")
    with torch.device("meta"):
        network = loss_networks.build(NETWORK, layout="torchvision")
    trunk = cast(HeadedDistance, network).trunk
    assert isinstance(trunk, VGG)
    layers = {name: re.fullmatch(r"model\.net\.slice\d\.(\d+)\.(weight|bias)", name) for name in state}
    places = sorted({int(layer[1]) for layer in layers.values() if layer})
    names = dict(zip(places, (name for name in trunk.names if name.startswith("conv")), strict=False))
    renamed = {}
    for name, layer in layers.items():
        if layer:
            place = int(layer[1])
            renamed[f"trunk.{names.get(place, place)}.{layer[2]}"] = state[name]
        elif not name.startswith("model.scaling_layer."):
            # that one's constants are the trunk's own mean and deviation, said of [-1, 1]
            renamed[re.sub(r"model\.lins\.(\d)\.model\.1\.", r"heads.\1.", name)] = state[name]
    storage.fill(network, renamed, path)
    return Ranker(network)


def _arguments() -> None:
    parser = argparse.ArgumentParser(prog="python -m pipeline.train_distance", description=__doc__)
    parser.add_argument("spec", help="DistanceSpec as JSON")
    parser.add_argument("--code", required=True, help="fingerprint of the code")
    parser.add_argument("--output", type=Path, required=True, help="folder of the loss network")
    parser.add_argument("--label", required=True, help="name of the run in progress lines")
    parser.add_argument("--trunk", type=Path, required=True, help="stored loss network vgg16")
    parser.add_argument("--targets", type=Path, help="folder of the prepared data set, where the spec has no root")
    parser.add_argument("--initial", type=Path, help="stored robust_lpips whose heads are trained further")
    parser.add_argument("--released", type=Path, help="stored lpips of net vgg, scored on the same triplets")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--checkpoint-seconds", type=float, default=300.0, help="time between two checkpoints")
    given = vars(parser.parse_args())
    main(DistanceSpec.from_json(given.pop("spec")), given.pop("code"), **given)


if __name__ == "__main__":
    exit_with_one_line(_arguments)
