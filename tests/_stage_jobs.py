"""Small jobs of four stages, as functions from the folder that they write to."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from _evaluated import NETWORK, spec, stored
from _forked import Job
from _tables import small_spec

from lossbench.images import write_png
from pipeline.specs.prepare import PrepareSpec

Made = Callable[[Path], Job]
"""From a folder to the job that writes there."""
Stage = Callable[[Path, Path, Path], Made]
"""From a folder for further inputs and the cards of targets and pairs."""


def job(stage: str, text: str, output: Path, *arguments: Any) -> Job:
    return Job(f"pipeline.{stage}", ["--code", "code", *map(str, arguments)], text, str(output))


def training(text: str, targets: Path, pairs: Path) -> Made:
    """Return a training by the spec `text` that saves itself after every step."""
    read = ("--targets", targets, "--pairs", pairs)

    def made(output: Path) -> Job:
        own = ("--output", output, "--label", "toy", "--checkpoint-seconds", 0)
        return job("train", text, output, *read, *own, "--record", output / "record.json", "digest")

    return made


def evaluation(folder: Path, targets: Path, pairs: Path) -> Made:
    model, text = stored(folder / "model.safetensors"), spec(network=NETWORK, keep_pictures=2).canonical()
    read = ("--targets", targets, "--pairs", pairs, "--model", model)
    return lambda output: job(
        "evaluate", text, output, *read, "--scores", output / "toy.csv", "--pictures", output / "toy_pictures"
    )


def preparation(folder: Path, targets: Path, pairs: Path) -> Made:
    from conftest import picture

    for split in ("train", "test"):
        for number in range(4):
            write_png(folder / "pictures" / split / "target" / f"{number}.png", picture(40, 32, number))
    text = PrepareSpec(dataset="folder", root=str(folder / "pictures")).canonical()
    return lambda output: job("prepare", text, output, "--output", output)


def table(folder: Path, targets: Path, pairs: Path) -> Made:
    text = small_spec(folder / "runs").canonical()
    return lambda output: job("tabulate", text, output, "--output", output / "table.csv")


STAGES: tuple[Stage, ...] = (evaluation, preparation, table)


def visible(files: dict[str, str]) -> dict[str, str]:
    """Return those of the files of a job that others see."""
    return {name: digest for name, digest in files.items() if Path(name).name[0] != "." and name != "run.lock"}
