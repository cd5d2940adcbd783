"""Train the loss networks that ship with the library, and write them, their cards and probes to its assets.

`uv run python -m pipeline.shipping.loss_networks`, from the folder of the Snakefile: the stages prepare and pretrain
with the demo's recipes on openly licensed photographs, then the same weights as float16, which is what a user gets and
what is probed. After a change that makes other weights, or of the card, run it again and commit what it wrote.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossbench import loss_networks
from lossbench.device import to_tensor
from lossbench.errors import UserError, exit_with_one_line
from lossbench.files import sha256, write_rows, write_text
from lossbench.loss_networks import Encoder
from lossbench.probe.degradations import noisy, to_psnr
from lossbench.probe.encoder import PSNR, probe
from lossbench.terms import l1
from pipeline import prepare, pretrain
from pipeline.config.read import Configuration, values
from pipeline.learning.run import Run
from pipeline.learning.sampling import HELD_OUT_SEED, Crops
from pipeline.outputs.arrays import Arrays
from pipeline.outputs.fingerprint import fingerprint
from pipeline.planning.parts import pretrain_spec
from pipeline.specs.prepare import PrepareSpec
from pipeline.specs.pretrain import PretrainSpec

COMMAND = "uv run python -m pipeline.shipping.loss_networks"
CONFIG, RESULTS = Path("config"), Path("results/shipped")
SCALE, DATASET, SEED = "demo", "open_photographs", 0
FOLDER = Path("lossbench/assets/loss_networks")
"""Three files a network, which is named as in config/losses.yaml: weights, card and probe."""
SHIPPED: dict[str, tuple[str, ...]] = {"mae_task": ("ctmae", "p_ctmae"), "cnn_mae_task": ("ccmae", "p_ccmae")}
"""Loss networks by their names in the scale, and the losses that they are meant for."""
LARGEST = 3_000_000
"""Bytes of a file."""
ENDINGS = (".safetensors", ".json", "_probe.csv")
"""Of the weights, the card and the probe."""
SOURCE = "small, trained on nine openly licensed photographs by the demo's recipe: to begin with"
LICENCE = "MIT"


def main() -> None:
    """Train, then write what ships; raises UserError as the stages, and where a file is too large."""
    read = Configuration.read({**values(CONFIG), "scale": SCALE}, CONFIG)
    prepared = RESULTS / "prepare" / DATASET
    prepare.main(PrepareSpec(dataset=DATASET, root=None), fingerprint("pipeline.prepare"), prepared)
    for name in SHIPPED:
        spec = spec_of(read, name)
        code = fingerprint("pipeline.pretrain", f"lossbench.loss_networks.{spec.loss_network}")
        folder = RESULTS / "pretrain" / name / DATASET
        run = Run(folder, f"pretrain/{name}/{DATASET}", threads=read.config.threads)
        pretrain.main(spec, code, run, targets=prepared / "target.json")
        ship(name, folder, prepared / "target.json", FOLDER)


def spec_of(read: Configuration, name: str) -> PretrainSpec:
    """Return what the loss network `name` of the configuration is when it is trained on what ships."""
    entry = read.loss_network(name).model_copy(update={"dataset": DATASET})
    scale = read.scale.model_copy(update={"loss_networks": {**read.scale.loss_networks, name: entry}})
    return pretrain_spec(replace(read, scale=scale), name, DATASET, None, SEED)


def ship(name: str, trained: Path, prepared: Path, output: Path) -> None:
    """Write the loss network `name` of the folder `trained`, as float16, its card and its probe to the folder `output`.

    `prepared` is the card of the data that it was trained on. Raises UserError for a file of more than `LARGEST` bytes.
    """
    weights, told, seen = (output / f"{name}{ending}" for ending in ENDINGS)
    network, own = loss_networks.load(trained / "network.safetensors")
    arrays = Arrays(prepared)
    held_out = crops(arrays, own["spec"]["recipe"]["patch"])
    # what whoever loads the file gets
    halved = copy.deepcopy(network).half().float()
    found = probe(cast(Encoder, halved).encode, held_out)
    card = {
        "source": SOURCE,
        "licence": LICENCE,
        "command": COMMAND,
        "losses": list(SHIPPED[name]),
        "spec": own["spec"],
        "pictures": [{"name": item.name, "licence": item.licence} for item in arrays.split("train")],
        "stored": {"type": "float16", **rounding(network, halved, held_out)},
        "held_out": [item.name for item in arrays.split("test")],
        "held_out_masked_error": own["held_out_masked_error"],
        "probe_accuracy": round(found.accuracy, 4),
        "probe_chance": round(found.chance, 4),
        "seconds": own["seconds"],
        "device": own["device"],
        "precision": own["precision"],
        "versions": own["versions"],
    }
    loss_networks.save(network, weights, card, halved=True)
    if (size := weights.stat().st_size) > LARGEST:
        weights.unlink()
        raise UserError(f"{weights}: {size:,} bytes, {LARGEST:,} at most ship; take a narrower architecture")
    columns = ("degradation", "psnr", "feature_distance", "recognised")
    write_rows(seen, columns, [dict(zip(columns, row, strict=True)) for row in found.rows])
    write_text(told, json.dumps({**card, "sha256": sha256(weights)}, indent=1) + "\n")
    print(f"{weights}: {size:,} bytes, probe {found.accuracy:.2f} (chance {found.chance:.2f})")


def crops(arrays: Arrays, patch: int) -> Tensor:
    """Return the crops (N, 3, patch, patch) in [0, 1] of the `test` pictures by which the stage pretrain judges."""
    drawn = Crops([(arrays, 1)], "test", patch=patch, batch=pretrain.HELD_OUT_CROPS, seed=HELD_OUT_SEED, augment=False)
    return to_tensor(drawn.draw(0)[0], torch.device("cpu"))


def rounding(network: nn.Module, halved: nn.Module, image: Tensor) -> dict[str, float]:
    """Return what the rounding of the weights does to the loss of noisy crops: its relative change, and its gradient's.

    The second is the cosine of both gradients at the prediction.
    """
    version = to_psnr(image, noisy(image), PSNR)

    def looked(encode: Callable[[Tensor], Tensor]) -> tuple[float, Tensor]:
        prediction = version.clone().requires_grad_()
        with torch.no_grad():
            target = encode(image)
        loss = l1(encode(prediction), target)
        return loss.item(), torch.autograd.grad(loss, prediction)[0].flatten()

    (before, exact), (after, rounded) = (looked(cast(Encoder, each).encode) for each in (network, halved))
    cosine = float(F.cosine_similarity(exact.double(), rounded.double(), dim=0))
    return {"loss_error": float(f"{abs(after / before - 1):.1e}"), "gradient_cosine": round(cosine, 6)}


if __name__ == "__main__":
    exit_with_one_line(main)
