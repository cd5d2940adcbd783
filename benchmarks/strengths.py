"""Weights of the leaderboard's losses at equal strengths, by the trained networks of its reference loss.

How strong a term is, is the norm of its gradient over that of the pixel term's, at what the trained network of the
reference loss makes of the pictures of `val`: crops of the size that is trained on, mean over the pictures. The weight
at which that is 0.25, 1 or 4 is written into the losses of the scale, between the two lines that name this file, and
the table's list of losses beside it. With `--write` once the losses that need no weight are trained:

    uv run snakemake bench_super_resolution bench_denoising beyond_losses --config scale=bench data_root=DATA
    uv run python benchmarks/strengths.py --data-root DATA --write
"""

import argparse
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any, cast

import torch
from torch import Tensor

from lossbench import losses, networks, plugins, tasks
from lossbench.errors import UserError, exit_with_one_line
from lossbench.files import write_text
from lossbench.networks._padding import restore
from lossbench.terms import WeightedTerms, l1
from pipeline.config.read import Configuration, values
from pipeline.config.table import Column
from pipeline.outputs.arrays import Arrays
from pipeline.planning.job import Job
from pipeline.planning.loss_networks import loss_network
from pipeline.planning.plan import Plan
from pipeline.specs.train import TrainSpec

CONFIG = Path("config")
SCALE = "bench"
TABLE = "beyond/losses"
STRENGTHS = {"quarter": 0.25, "equal": 1.0, "fourfold": 4.0}
"""By what ends a loss's name."""


@dataclass(frozen=True)
class Base:
    """A loss with a term beside the pixels, whose weight is to be found."""

    loss: str
    loss_network: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)


PIQ = {"clamp": True, "data_range": 1.0}
BASES = {
    "ssim": Base("ssim"),
    # a coarser one does not fit the crops of denoising
    "ms_ssim": Base("ms_ssim", None, {"scales": 2}),
    "fft": Base("fft", None, {"norm": "ortho"}),
    "focal_frequency": Base("focal_frequency"),
    "gradient": Base("gradient"),
    "laplacian": Base("laplacian"),
    "vgg_shallow": Base("vgg", "vgg", {"layer": "conv2_2"}),
    "vgg_deep": Base("vgg", "vgg", {"layer": "conv4_3"}),
    "judged": Base("lpips", "standard_2afc"),
    "kmae": Base("kmae", "mae_public"),
    "ctmae": Base("ctmae", "mae_task"),
    "ctmae_every_4": Base("ctmae", "mae_task", {"every": 4}),
    "ccmae": Base("ccmae", "cnn_mae_task"),
    "p_ccmae": Base("p_ccmae", "cnn_mae_task"),
    "random_tmae": Base("random_tmae", "mae_task"),
    "random_cmae": Base("random_cmae", "cnn_mae_task"),
    "gmsd": Base("piq:GMSDLoss", None, PIQ),
    "haarpsi": Base("piq:HaarPSILoss", None, PIQ),
}
"""Of the leaderboard, by name."""
PLAIN = ("l1", "l2", "charbonnier", "log_cosh_50", "p", "ept")
"""Losses without such a weight: distances of pixels, and sums whose weights are their paper's."""


def pairs(job: Job) -> Iterator[tuple[Tensor, Tensor]]:
    """Give what the network of the training `job` makes of each picture of val, and its target, crops (1, 3, S, S)."""
    spec = job.spec
    assert isinstance(spec, TrainSpec)
    task, settings = tasks.load(spec.task.name), spec.task.settings
    targets, low = (Arrays(Path(str(job.inputs[name]))) for name in ("targets", "pairs"))
    network = cast(networks.Network, networks.load_network(Path(job.writes("model").path)).eval())
    # of several noisy versions of a picture any one will do
    inputs = {item.target or item.name: item for item in low.split("val")}
    side = spec.recipe.patch * task.scale(settings)
    for item in targets.split("val"):
        target = torch.from_numpy(task.reference(targets.read(item), settings).copy()).permute(2, 0, 1)[None] / 255
        picture = torch.from_numpy(low.read(inputs[item.name]).copy()).permute(2, 0, 1)[None] / 255
        with torch.no_grad():
            prediction = restore(network, picture)
        top, left = ((length - side) // 2 for length in target.shape[-2:])
        middle = (..., slice(top, top + side), slice(left, left + side))
        yield prediction[middle], target[middle]


def strength(loss: WeightedTerms, prediction: Tensor, target: Tensor) -> float:
    """Return the norm of the gradient of all that `loss` has beside the pixels over that of L1."""
    given = prediction.clone().requires_grad_()
    terms = loss.terms(given, target, step=0)
    own = sum((loss.weights[name] * value for name, value in terms.items() if name != "pixel"), torch.zeros(()))
    (gradient,) = torch.autograd.grad(own, given)
    (pixel,) = torch.autograd.grad(l1(given, target), given)
    return float(gradient.norm() / pixel.norm())


def weights(configuration: Configuration, plan: Plan, column: Column) -> dict[str, float]:
    """Return the weight of each of BASES at which its term is as strong as the pixel term in the task of `column`."""
    task, dataset = column.task, configuration.dataset(column.dataset)
    reference = configuration.tables[TABLE].reference_loss
    job = plan.jobs["train"][(task, dataset, column.networks[0], reference, str(configuration.scale.seeds[0]))]
    measured = list(pairs(job))
    found = {}
    for name, base in BASES.items():
        arguments = dict(base.arguments)
        if base.loss_network is not None:
            file = loss_network(configuration, base.loss_network, dataset, task)
            if "architecture" in plugins.build_arguments("losses", base.loss):
                arguments["architecture"] = file.job.spec.model_dump()["architecture"]
            else:
                arguments["weights"] = Path(file.path)
        # what draws patches draws the same ones in each run of this file
        torch.manual_seed(0)
        loss = losses.build(base.loss, pixel="l1", weight=1.0, **arguments)
        # of a term in every k-th step this is the mean over steps: it is k times as strong there
        found[name] = 1 / fmean(strength(loss, *pair) for pair in measured)
        print(f"{task}  {name}  {found[name]:.3g}", flush=True)
    return found


def _number(value: float) -> str:
    """Return three digits of `value` as YAML takes them for a number: with a point before an exponent."""
    mantissa, exponent, power = f"{value:.3g}".partition("e")
    return mantissa + (".0" if exponent and "." not in mantissa else "") + exponent + power


def entries(found: dict[str, dict[str, float]]) -> str:
    """Return the lines of the losses, a line for each loss and strength."""
    lines = []
    for name, base in BASES.items():
        words = ", ".join(f"{key}: {str(value).lower()}" for key, value in base.arguments.items())
        arguments = f", arguments: {{{words}}}" if words else ""
        network = f", loss_network: {base.loss_network}" if base.loss_network else ""
        for ending, times in STRENGTHS.items():
            each = ", ".join(f"{task}: {{weight: {_number(found[task][name] * times)}}}" for task in found)
            lines.append(
                f'  {name}_{ending}: {{loss: "{base.loss}"{network}{arguments}, per_task: {{{each}}}, '
                f"source: {times:g} times as strong as the pixel term}}"
            )
    return "\n".join(lines)


def written(text: str, regions: dict[str, str]) -> str:
    """Return `text` with the lines of each region between the comments that name it and this file."""
    for name, lines in regions.items():
        mark = rf"( *# {name} by: python benchmarks/strengths.py --write\n).*?( *# /{name}\n)"
        text, count = re.subn(mark, rf"\g<1>{lines}\n\g<2>", text, flags=re.DOTALL)
        if count != 1:
            raise UserError(f"there are {count} regions '{name}' between '# {name} by: ...' and '# /{name}'; write one")
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write them into the files of the scale and of the table")
    parser.add_argument("--data-root", help="where the data sets lie; left out, as the configuration says")
    given = parser.parse_args()
    roots = {} if given.data_root is None else {"data_root": given.data_root}
    configuration = Configuration.read({**values(CONFIG), "scale": SCALE, **roots}, CONFIG, given=["scale", *roots])
    plan = Plan(configuration)
    by_task = {column.task: column for column in configuration.tables[TABLE].columns.values()}
    found = {task: weights(configuration, plan, column) for task, column in by_task.items()}
    print(entries(found))
    if given.write:
        scale, table = CONFIG / f"scale/{SCALE}.yaml", CONFIG / f"tables/{TABLE}.yaml"
        write_text(scale, written(scale.read_text(encoding="utf-8"), {"losses": entries(found)}))
        curves = {**{name: {"1": name} for name in PLAIN}, **{name: named(name) for name in BASES}}
        lines = {
            "losses": "\n".join(f"  - {loss}" for losses in curves.values() for loss in losses.values()),
            "curves": "\n".join(f"    {name}: {json.dumps(losses)}" for name, losses in curves.items()),
        }
        write_text(table, written(table.read_text(encoding="utf-8"), lines))


def named(base: str) -> dict[str, str]:
    """Return the losses of `base` by their strength."""
    return {f"{times:g}": f"{base}_{ending}" for ending, times in STRENGTHS.items()}


if __name__ == "__main__":
    exit_with_one_line(main)
