"""Stage train_distance: the heads of an R-LPIPS trained on judgements, and how often its distances agree with them."""

import re
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import nn

from lossbench import datasets, loss_networks, storage
from lossbench.datasets import Judged
from lossbench.errors import UserError
from lossbench.loss_networks import HeadedDistance
from lossbench.loss_networks._vgg import VGG
from pipeline import command
from pipeline.dividing.division import Batch
from pipeline.learning.judgements import HumanJudgements, PseudoJudgements
from pipeline.learning.loop import StepLoss
from pipeline.learning.ranking import Ranker, agreement, perturb_triplets, score, triplets
from pipeline.learning.run import Run, training
from pipeline.learning.sampling import own_generator
from pipeline.outputs.arrays import Arrays
from pipeline.specs.distance import DistanceSpec

NETWORK, TRUNK, RELEASED = "robust_lpips", "vgg16", ("lpips", "vgg")
"""The loss network that is made, that of the trunk, and the one (with its net) that it is compared with."""


def main(
    spec: DistanceSpec,
    code: str,
    run: Run,
    *,
    trunk: Path,
    targets: Path | None = None,
    initial: Path | None = None,
    released: Path | None = None,
) -> None:
    """Train and write `network.safetensors` (a `robust_lpips`), `card.json` and `history.csv`.

    `trunk` is a stored loss network vgg16, which stays as it is. Triplets come from the spec's `root`, or are made of
    the prepared pictures whose card is `targets`. `initial` is the stored `robust_lpips` that the spec's `initial`
    speaks of, and `released` a stored `lpips` of the net vgg, whose scores on the same triplets are put beside. Raises
    UserError when another process works on the same network, for files that do not fit the spec, bad data or values,
    and a full disk.
    """
    with training(spec, code, run, spec.recipe.precision, (trunk, targets, initial, released)) as begun:
        recipe, chosen = spec.recipe, begun.device
        judged = _judgements(spec, run, targets)
        model = chosen.place(_built(spec, run.label, trunk, initial))
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

        result = begun.fit(model, recipe, judged.draw, loss)
        model.clamp_heads()
        trained = begun.card(result)
        found = score(model, judged.held_out(spec.held_out), spec.attack, chosen, run.label, compared)
        card = {**trained, "judgements": judged.kind, "two_afc": found}
        loss_networks.save(model.distance, run.output / "network.safetensors", card)
        begun.write_card(card)


def _judgements(spec: DistanceSpec, run: Run, targets: Path | None) -> HumanJudgements | PseudoJudgements:
    recipe = spec.recipe
    sizes: dict[str, Any] = {"side": spec.side, "batch": recipe.batch, "seed": spec.seed, "augment": recipe.augment}
    if spec.root is None:
        if targets is None:
            raise UserError(f"{run.label}: the spec has no root; give prepared pictures as `targets`")
        return PseudoJudgements(Arrays(targets), **sizes)
    if targets is not None:
        raise UserError(f"{run.label}: the spec reads '{spec.root}'; leave out `targets` or the spec's root")
    dataset = datasets.load(spec.dataset)
    if not isinstance(dataset, Judged):
        raise UserError(f"dataset: '{spec.dataset}' holds no judgements; take one that does, or leave out root")
    splits = datasets.located(dataset, Path(spec.root))
    return HumanJudgements(splits["train"], splits["test"], dataset.read_triplet, workers=run.threads, **sizes)


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
    layers = {name: re.fullmatch(r"features\.(\d+)\.(weight|bias)", name) for name in state}
    places = sorted({int(layer[1]) for layer in layers.values() if layer})
    names = dict(zip(places, (name for name in trunk.names if name.startswith("conv")), strict=False))
    renamed = {
        f"trunk.{names.get(int(layer[1]), layer[1])}.{layer[2]}" if layer else name: state[name]
        for name, layer in layers.items()
    }
    storage.fill(network, renamed, path)
    return Ranker(network)


if __name__ == "__main__":
    command.run(main)
