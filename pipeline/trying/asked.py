"""What a trial compares, made whole: two losses, a network, data, a task, seeds and a time."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lossbench import datasets, plugins
from lossbench.errors import UserError, nearest, one_line, placed
from lossbench.files import check_readable_folder
from lossbench.formats.listing import is_there
from lossbench.losses import split
from lossbench.names import counted
from pipeline.config import places, read
from pipeline.config.extending import read_scale
from pipeline.config.files import read_yaml
from pipeline.config.losses import FILE as LOSSES
from pipeline.config.losses import Loss, at_scale, parse
from pipeline.config.scale import Network, Scale
from pipeline.config.table import Table

FOLDER = "folder"
"""The data set of a user's own pictures."""
EMBEDDED = "photographs"
"""What is taken where no data are named: they need no folder."""
PAIRED = "paired"
"""The task of a folder that holds low quality beside its targets."""
OTHERWISE = {True: "super_resolution_x2", False: "denoising_sidd"}
"""The task of a network that no table has, by whether it takes a scale."""
MOST_SEEDS = 20
LONGEST = 24
"""Characters of a folder's name in that of a trial."""
DIGITS = 4
"""Of the digest by which two folders of one name are told apart."""


@dataclass(frozen=True)
class Asked:
    """A trial; its name is that of its scale and of its table."""

    loss: str
    """Name of an entry of the configuration's losses, or of the scale's own."""
    against: str
    own_losses: Mapping[str, str]
    """Losses of these that config/losses.yaml has no entry of, by the file that each is."""
    network: str
    """A name of the scale's networks."""
    dataset: str
    """File of lossbench/datasets."""
    folder: str | None
    """Where the data set `folder` lies."""
    task: str
    """A name of the configuration's tasks."""
    seeds: int
    minutes: float
    extends: str
    """The scale that says all else."""

    @property
    def name(self) -> str:
        """Return a name that is another one where anything else is asked for."""
        data = self.dataset
        if self.folder:
            digest = hashlib.sha256(self.folder.encode(errors="surrogateescape")).hexdigest()[:DIGITS]
            data = f"{Path(self.folder).name[:LONGEST]}_{digest}"
        words = [self.loss, "against", self.against, self.network, self.task, data]
        words += [f"{self.seeds}_seeds", f"{self.minutes:g}_minutes", self.extends]
        return re.sub(r"\W+", "_", "_".join(words), flags=re.ASCII)

    @property
    def command(self) -> str:
        """Return the command that asks for it."""
        loss, against = (self.own_losses.get(name, name) for name in (self.loss, self.against))
        words = ["python", "-m", "pipeline", "try", loss, "--network", self.network, "--against", against]
        words += ["--data", self.folder or self.dataset, "--seeds", str(self.seeds), "--minutes", f"{self.minutes:g}"]
        return one_line(shlex.join([*words, "--task", self.task, "--extends", self.extends]))

    @property
    def time(self) -> str:
        """Return the minutes in words."""
        return counted(self.minutes, "minute", "g")

    @property
    def table(self) -> str:
        """Return the name of its table, as `paper/table`."""
        return f"{places.MINE}/{self.name}"


def asked_for(given: Mapping[str, Any], config: Path) -> Asked:
    """Return the trial that a command line asks for, of the configuration in `config`.

    Raises UserError naming the option whose value is not known, with the nearest one.
    """
    if not 1 <= given["seeds"] <= MOST_SEEDS:
        raise UserError(f"--seeds {given['seeds']}: give 1 to {MOST_SEEDS}")
    if not 0 < given["minutes"] < float("inf"):
        raise UserError(f"--minutes {given['minutes']:g}: give minutes above 0, such as 20")
    folder, dataset = _data(given["data"])
    values = read.values(config)
    scale, _ = read_scale(config, given["extends"])
    entries = at_scale(parse(read_yaml(config / LOSSES), str(config / LOSSES)), scale.losses)
    (loss, own), (against, other) = _loss(given["loss"], "LOSS", entries), _loss(given["against"], "--against", entries)
    if loss == against:
        raise UserError(f"--against {against}: a loss is not tried against itself; name another")
    network = _network(given["network"], scale)
    task = given["task"]
    if task is None and folder and _has_pairs(Path(folder)):
        task = PAIRED
    elif task is None:
        task = _usual_task(network, scale.networks[network].network or network, values, config)
    if task not in values["tasks"]:
        raise UserError(f"--task {task}: no such task in config/config.yaml; {nearest(task, values['tasks'])}")
    return Asked(
        loss, against, {**own, **other}, network, dataset, folder, task, given["seeds"], given["minutes"],
        given["extends"],
    )  # fmt: skip


def _loss(name: str, option: str, entries: Mapping[str, Loss]) -> tuple[str, dict[str, str]]:
    """Return what a trial calls the loss `name`, and its file where the configuration has no entry of it."""
    if name in entries:
        return name, {}
    file = split(name)[0]
    if ":" in file:
        # of a package that is not this one
        with placed(f"{option} {name}"):
            plugins.check("losses", file)
    elif file not in plugins.known("losses"):
        known = nearest(name, [*entries, *plugins.known("losses")])
        raise UserError(f"{option} {name}: no entry of config/{LOSSES} and no file of lossbench/losses; {known}")
    if kinds := plugins.constant("losses", file, "LOSS_NETWORKS"):
        raise UserError(
            f"{option} {name}: it takes a loss network of kind {' or '.join(kinds)}; write an entry in "
            f"config/{LOSSES} that names one, as that of ctmae does"
        )
    return re.sub(r"\W+", "_", name, flags=re.ASCII), {re.sub(r"\W+", "_", name, flags=re.ASCII): name}


def _network(name: str, scale: Scale) -> str:
    if name not in scale.networks:
        raise UserError(f"--network {name}: the scale has no such network; {nearest(name, scale.networks)}")
    entry: Network = scale.networks[name]
    if entry.recipe.frames is not None or plugins.constant("networks", entry.network or name, "AUTOENCODER", False):
        raise UserError(f"--network {name}: a trial restores pictures; name a network that does, such as edsr")
    return name


def _data(given: str | None) -> tuple[str | None, str]:
    """Return folder and data set that `given` stands for: a folder of pictures, or the name of a data set."""
    if given is None:
        return None, EMBEDDED
    if not Path(given).exists() and given in plugins.names("datasets"):
        return None, given
    folder = Path(given).expanduser()
    check_readable_folder(folder, "--data")
    return str(folder.resolve()), FOLDER


def check_pictures(asked: Asked) -> None:
    """Raise UserError where the folder of a trial is no tree of pictures, or lacks a partner of one."""
    if asked.folder:
        pictures, folder = datasets.load(FOLDER), Path(asked.folder)
        with placed("--data"):
            pictures.locate(folder)
            pictures.locate_low_quality(folder, asked.task, 1)


def _has_pairs(folder: Path) -> bool:
    undivided = is_there(folder / "target") and is_there(folder / "low_quality")
    return undivided or is_there(folder / "train" / "low_quality")


def _usual_task(network: str, file: str, values: Mapping[str, Any], config: Path) -> str:
    """Return the task of the first column of the configured tables that `network`, or one of its `file`, is in.

    One that is in none enlarges by two where it takes a scale, and else takes noise away.
    """
    for name in values["tables"]:
        place = places.table_file(config, name)
        table = Table.parse(read_yaml(place), str(place))
        if table.compares != "restorations":
            continue
        for column in table.columns.values():
            if {network, file} & set(column.of(table.networks)):
                return column.task
    return OTHERWISE["scale" in plugins.build_arguments("networks", file)]
