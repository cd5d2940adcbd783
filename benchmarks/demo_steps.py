"""What steps of the demo cost: `python benchmarks/demo_steps.py every` or `precision`.

`every`: a learned loss in each step, or k times as heavy in every k-th one, over the step without it. `precision`:
float32 over bfloat16, each training of the plan under its plain loss. The steps are those that the stages hand to the
training loop, on random pictures, on one thread of one process, in turn.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from in_turn import processor, shortest
from stage_steps import plan, step

from lossbench.errors import UserError
from pipeline.planning.job import Job
from pipeline.planning.measured_steps import loss_network_of
from pipeline.planning.plan import Plan

EVERY = (1, 2, 4, 8)
RUNS = (("edsr", 4, "ctmae"), ("rfdn", 2, "ctmae"), ("rfdn", 4, "vgg"))
"""Network, scale and loss."""
PLAIN = "original"
ROUNDS = 8
HEADINGS = {
    "every": """\
| training | every step | every 2nd | every 4th | every 8th |
| --- | --- | --- | --- | --- |""",
    "precision": """\
| training | float32 / bfloat16 |
| --- | --- |""",
}


def changed(spec: Any, part: str, **values: Any) -> Any:
    """Return `spec` with other `values` in its `part`."""
    old = getattr(spec, part)
    return spec.model_copy(update={part: type(old).model_validate({**old.model_dump(), **values})})


def run_of(found: Plan, network: str, scale: int, loss: str) -> Job:
    """Return the first run of super-resolution of a network under a loss."""
    task = f"super_resolution_x{scale}"
    return next(job for key, job in found.jobs["train"].items() if (key[0], *key[2:4]) == (task, network, loss))


def every(found: Plan, stored: Path) -> Iterator[str]:
    """Give the rows of steps with a learned loss."""
    for network, scale, loss in RUNS:
        plain, learned = (run_of(found, network, scale, name) for name in (PLAIN, loss))
        blocks = {0: step("train", plain.spec, None, stored, each=4)}
        for k in EVERY:
            spec = changed(learned.spec, "loss", arguments={**learned.spec.loss.arguments, "every": k})
            blocks[k] = step("train", spec, loss_network_of(learned), stored, each=4)
        seconds = shortest(blocks, ROUNDS)
        ratios = " | ".join(f"{seconds[k] / seconds[0]:.2f}" for k in EVERY)
        yield f"| {network} x{scale}, `{loss}` | {ratios} |"


def plain_trainings(found: Plan) -> Iterator[tuple[str, str, Job]]:
    """Give the first training of each network and loss network: its name, its stage and its job."""
    seen = set()
    for stage in ("train", "pretrain"):
        for key, job in found.jobs[stage].items():
            name = f"{key[2]}, {key[0]}" if stage == "train" else f"pre-training of {key[0]}"
            what = key[2] if stage == "train" else job.spec.loss_network
            if job.spec.recipe is not None and (stage, what) not in seen and (stage != "train" or key[3] == PLAIN):
                seen.add((stage, what))
                yield name, stage, job


def precision(found: Plan, stored: Path) -> Iterator[str]:
    """Give the rows of trainings in both arithmetics; those that bfloat16 can't do on this device are left out."""
    for name, stage, job in plain_trainings(found):
        try:
            blocks = {
                kind: step(stage, changed(job.spec, "recipe", precision=kind), None, stored, each=3)
                for kind in ("float32", "bfloat16")
            }
        except UserError as error:
            print(f"left out: {name}: {error}", file=sys.stderr)
            continue
        seconds = shortest(blocks, ROUNDS)
        yield f"| {name} | {seconds['float32'] / seconds['bfloat16']:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=HEADINGS)
    what = parser.parse_args().what
    torch.set_num_threads(1)
    print(HEADINGS[what], flush=True)
    with tempfile.TemporaryDirectory() as stored:
        for row in {"every": every, "precision": precision}[what](plan("demo"), Path(stored)):
            print(row, flush=True)
    print(f"\n{processor()}")


if __name__ == "__main__":
    main()
