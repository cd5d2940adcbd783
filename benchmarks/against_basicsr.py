"""A training step of EDSR-baseline x4 beside BasicSR's: `python benchmarks/against_basicsr.py`.

Ours is what the stage hands to the training loop, BasicSR's is `SRModel.optimize_parameters`; both with Adam, L1 and a
running mean of the weights, on one thread of one process, in turn, on a batch that is drawn. Learned losses have random
weights: the published ViT-B/16 and the default CNN-MAE.
"""

import argparse
import copy
import tempfile
from pathlib import Path
from typing import Any

import torch
from in_turn import Block, processor, shortest, timed
from stage_steps import step

from pipeline.specs.pretrain import PretrainSpec, PublicWeights
from pipeline.specs.train import TrainSpec

SIDE, SCALE, DECAY = 48, 4, 0.999
PLAIN, OTHER = "L1", "BasicSR, L1"
EVERY = 4
LOSSES = {
    "MAE ViT-B/16, exact": ("kmae", "mae", "exact"),
    "MAE ViT-B/16, difference": ("kmae", "mae", "difference"),
    "MAE ViT-B/16, fast": ("kmae", "mae", "fast"),
    "CNN-MAE, exact": ("ccmae", "cnn_mae", "exact"),
    "CNN-MAE, difference": ("ccmae", "cnn_mae", "difference"),
}
HEADING = """\
| step | over BasicSR's | over our plain step | in every 4th step, over BasicSR's | over our plain step |
| --- | --- | --- | --- | --- |"""


def basicsr(batch: int) -> Block:
    """Return a block that runs BasicSR's own step on random pictures."""
    from basicsr.models.sr_model import SRModel

    network = {"type": "EDSR", "num_in_ch": 3, "num_out_ch": 3, "num_feat": 64, "num_block": 16, "upscale": SCALE}
    options: dict[str, Any] = {
        "num_gpu": 0,
        "dist": False,
        "is_train": True,
        "path": {},
        "network_g": {**network, "res_scale": 1, "img_range": 255.0, "rgb_mean": [0.4488, 0.4371, 0.4040]},
        "train": {
            "ema_decay": DECAY,
            "optim_g": {"type": "Adam", "lr": 1e-4, "betas": [0.9, 0.99]},
            "scheduler": {"type": "MultiStepLR", "milestones": [200000], "gamma": 0.5},
            "pixel_opt": {"type": "L1Loss", "loss_weight": 1.0, "reduction": "mean"},
        },
    }
    model = SRModel(copy.deepcopy(options))
    large = SIDE * SCALE
    model.feed_data({"lq": torch.rand(batch, 3, SIDE, SIDE), "gt": torch.rand(batch, 3, large, large)})
    return timed(lambda: model.optimize_parameters(1))


def ours(batch: int, precision: str, loss: tuple[str, str, str] | None, stored: Path) -> Block:
    """Return a block of our step; a loss is its name, its loss network, and the precision of that."""
    name, kind, exactness = loss or ("original", None, None)
    spec = TrainSpec.model_validate(
        {
            "task": {"name": "super_resolution", "settings": {"scale": SCALE}},
            "dataset": "div2k",
            "network": {"name": "edsr", "arguments": {"scale": SCALE}},
            "loss": {"name": name, "arguments": {"precision": exactness} if loss else {}, "loss_network": kind},
            "recipe": {
                "steps": 9,
                "batch": batch,
                "patch": SIDE,
                "learning_rate": 1e-4,
                "ema": DECAY,
                "precision": precision,
            },
            "seed": 0,
        }
    )
    public = PublicWeights(file="none", digest="sha256:0")
    made = PretrainSpec(loss_network=kind, architecture={}, dataset="public", seed=0, weights=public) if kind else None
    return step("train", spec, made, stored, each=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        blocks = {
            OTHER: basicsr(given.batch),
            f"{PLAIN}, float32": ours(given.batch, "float32", None, Path(folder)),
            PLAIN: ours(given.batch, "auto", None, Path(folder)),
            **{label: ours(given.batch, "auto", loss, Path(folder)) for label, loss in LOSSES.items()},
        }
        seconds = shortest(blocks, given.rounds)
    other, plain = seconds[OTHER], seconds[PLAIN]
    print(HEADING)
    for label, taken in seconds.items():
        mean = (taken + (EVERY - 1) * plain) / EVERY
        rare = f"{mean / other:.2f} | {mean / plain:.2f}" if label in LOSSES else " | "
        print(f"| {label} | {taken / other:.2f} | {taken / plain:.2f} | {rare} |")
    print(f"\n{processor()}")


if __name__ == "__main__":
    main()
