"""The configuration files, read and checked as a whole: config.yaml, the losses, one scale, the chosen tables."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from lossbench import datasets, tasks
from lossbench.errors import UserError, as_written, nearest, placed
from lossbench.files import sha256
from lossbench.losses import split
from lossbench.plugins import check
from pipeline.config import losses, pairs, places
from pipeline.config.circles import circular
from pipeline.config.config import Config
from pipeline.config.extending import read_scale
from pipeline.config.files import read_yaml
from pipeline.config.losses import Loss
from pipeline.config.manifest import manifest
from pipeline.config.papers import claims, published
from pipeline.config.rows import at_scale
from pipeline.config.scale import Classifier, LossNetwork, Network, Scale
from pipeline.config.table import Table
from pipeline.specs.judge import Claim

Entry = TypeVar("Entry")


@dataclass(frozen=True)
class Configuration:
    """What is reproduced and how big, checked key by key."""

    config: Config
    scale: Scale
    losses: dict[str, Loss]
    """Of config/losses.yaml, as they are at the scale."""
    tables: dict[str, Table]
    published: tuple[dict[str, str], ...]
    """Rows of config/tables/published.csv."""
    claims: dict[str, tuple[Claim, ...]]
    """Of each table the rows of config/claims/<paper>.csv that speak of it."""
    manifests: dict[str, str | None] = field(default_factory=dict)
    """Of the user's folders and files that were looked at, what lies in them."""
    folder: Path = Path("config")
    scale_file: str = "config/scale/<scale>.yaml"
    """What messages call the file of the scale."""
    table_files: dict[str, str] = field(default_factory=dict)
    """What messages call the file of each table."""
    made: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What was planned of it and is to be found again; see `pipeline.config.once`."""

    @classmethod
    def read(
        cls, values: Mapping[str, Any], folder: Path, given: Iterable[str] = (), every_control: bool = False
    ) -> Configuration:
        """Read the files named by `values` (the content of config.yaml) in `folder`.

        `given` names those entries of `values` that a command line has set. `every_control` keeps the controls that the
        scale does not train. Raises UserError naming the file or the command line, the key and the nearest known one.
        """
        given = list(given)
        _check_given(given)
        place = str(folder / "config.yaml") + (f" with --config {' '.join(given)}" if given else "")
        config = Config.parse(dict(values), place)
        scale, scale_file = read_scale(folder, config.scale)
        if scale.tables is not None and "tables" not in given:
            config = config.model_copy(update={"tables": scale.tables})
        given_losses = losses.parse(read_yaml(folder / losses.FILE), str(folder / losses.FILE))
        with placed(f"{folder / losses.FILE} and {scale_file}"):
            named = losses.at_scale(given_losses, scale.losses)
        known = places.names(folder, "tables")
        for name in scale.control_tables or ():
            _require(f"{scale_file}: control_tables", name, known)
        for name in scale.table_seeds:
            _require(f"{scale_file}: table_seeds", name, known)
        for name in scale.absent_controls:
            _require(f"{scale_file}: absent_controls", name, named)
        if every_control:
            scale = scale.model_copy(update={"control_tables": None, "absent_controls": ()})
        files = {name: places.table_file(folder, name) for name in config.tables}
        whole = {name: Table.parse(read_yaml(file), str(file)) for name, file in files.items()}
        tables = {name: at_scale(name, table, scale) for name, table in whole.items()}
        numbers = tuple(published(folder / "tables/published.csv"))
        spoken = {name: claims(folder, name, scale, known, table, named) for name, table in whole.items()}
        said = {name: tuple(rows) for name, rows in spoken.items()}
        called = {name: str(Path("config", file.relative_to(folder))) for name, file in files.items()}
        configuration = cls(config, scale, named, tables, numbers, said, {}, folder, scale_file, called)
        configuration._check()
        columns = [column for table in tables.values() for column in table.columns.values()]
        scaled = pairs.with_scales(config.tasks, columns, configuration.dataset, configuration.data_root)
        return replace(configuration, config=config.model_copy(update={"tasks": scaled}))

    @property
    def root(self) -> str:
        """Return the results folder of the scale."""
        return f"results/{self.config.scale}"

    def dataset(self, name: str) -> str:
        """Return the data set that stands for the published one called `name` at this scale: itself, or a stand-in."""
        found = self.scale.stand_in(name) or self.config.datasets.get(name, name)
        if found is None or name in self.scale.absent:
            raise UserError(f"{self.scale_file}: nothing stands for data set '{name}'; name it in stand_ins")
        return found

    def data_root(self, dataset: str) -> str | None:
        """Return the user's folder of `dataset`; None for one that ships inside packages."""
        if not datasets.card(dataset).needs_root:
            return None
        # some read a part of another one's files
        folder = datasets.card(dataset).folder_of or dataset
        return self.scale.data_folders.get(folder) or str(places.data_folder(Path(self.config.data_root), folder))

    def files(self, dataset: str) -> str | None:
        """Return what changes with the files of `dataset` in the user's folder; None where there is no folder."""
        root = self.data_root(dataset)
        if root is None:
            return None
        if root not in self.manifests:
            self.manifests[root] = manifest(Path(root))
        return self.manifests[root]

    def digest_of(self, file: Path) -> str:
        """Return the SHA-256 of a file of the user as `sha256:...`; it is read once."""
        if str(file) not in self.manifests:
            self.manifests[str(file)] = f"sha256:{sha256(file)}"
        return str(self.manifests[str(file)])

    def network(self, name: str) -> Network:
        """Return the restoration network `name` at this scale."""
        return self._known("networks", name, self.scale.networks)

    def network_file(self, name: str) -> str:
        """Return the file of lossbench/networks of the restoration network `name`."""
        return self.network(name).network or name

    def classifier(self, name: str) -> Classifier:
        """Return the classifier `name` at this scale."""
        return self._known("classifiers", name, self.scale.classifiers)

    def loss_network(self, name: str) -> LossNetwork:
        """Return the loss network `name` at this scale."""
        return self._known("loss_networks", name, self.scale.loss_networks)

    def loss(self, name: str) -> Loss:
        """Return the loss `name` at this scale."""
        if name not in self.losses:
            raise UserError(f"config/{losses.FILE}: no loss '{name}', nor at this scale; {nearest(name, self.losses)}")
        return self.losses[name]

    def loss_place(self, name: str, key: str, argument: str | None = None) -> str:
        """Name the file and the entry where `key` of the loss `name`, or an argument in it, stands, as messages do."""
        own = self.scale.losses.get(name)
        given = () if own is None else own.model_fields_set if argument is None else own.arguments
        if own and ((argument or key) in given or own is self.losses[name]):
            return f"{self.scale_file}: losses.{name}.{key}"
        return f"config/{losses.FILE}: {name}.{key}"

    def _check(self) -> None:
        """Raise UserError for a name in one section or file that another one does not define."""
        for name, table in self.tables.items():
            file = self.table_files[name]
            for place, one, known in table.names():
                _require(f"{file}: {place}", one, known)
            self._check_again(f"{file}: again", table)
            for label, column in table.columns.items():
                if table.compares != "classifiers":
                    _require(f"{file}: columns.{label}.task", column.task, self.config.tasks)
                for metric, entry in table.metrics.items():
                    if isinstance(entry.crop, dict):
                        _require(f"{file}: metrics.{metric}.crop", label, entry.crop)
            for metric, entry in table.metrics.items():
                for label in entry.columns:
                    _require(f"{file}: metrics.{metric}.columns", label, table.columns)
        self._check_data()
        for name, chosen in self.config.tasks.items():
            with placed(f"config/config.yaml: tasks.{name}"):
                # every function of a task refuses settings that are unknown or wrong
                known = {pairs.SCALE: 1} if pairs.is_found(chosen) else {}
                tasks.load(chosen.name).scale({**chosen.settings, **known})
        for name, loss in self.losses.items():
            with placed(self.loss_place(name, "loss")):
                check("losses", split(loss.loss or name)[0])
            if loss.of_clips is not None:
                with placed(self.loss_place(name, "of_clips")):
                    check("losses", loss.of_clips.loss)
            if loss.as_long_as is not None:
                _require(self.loss_place(name, "as_long_as"), loss.as_long_as, self.losses)
            elif loss.pays_pretraining:
                raise UserError(f"{self.loss_place(name, 'pays_pretraining')}: name the loss in 'as_long_as'")
            for task in loss.per_task:
                _require(self.loss_place(name, "per_task"), task, self.config.tasks)
        if (circle := circular(self.losses, self.scale)) is not None:
            kind, name, words = circle
            place = self.loss_place(name, "as_long_as") if kind == "losses" else f"{self.scale_file}: {kind}.{name}"
            raise UserError(f"{place}: {words}")
        for task in self.scale.evaluation.clips.per_task:
            _require(f"{self.scale_file}: evaluation.clips.per_task", task, self.config.tasks)
        for name, network in self.scale.networks.items():
            own = {"": [*network.per_task], "arguments_": [*network.arguments_per_task]}
            for part, special in {**own, "start_": [*network.start_per_task]}.items():
                for task in special:
                    _require(f"{self.scale_file}: networks.{name}.{part}per_task", task, self.config.tasks)
            if network.initial is not None:
                _require(f"{self.scale_file}: networks.{name}.initial", network.initial, self.scale.networks)

    def _check_again(self, where: str, table: Table) -> None:
        """Raise UserError for an A/A row that is not the table's reference loss under other seeds."""
        if table.again is None:
            return
        _require(where, table.again, self.losses)
        if self.loss(table.again).again_of != table.reference_loss:
            raise UserError(f"{where}: '{table.again}' is not '{table.reference_loss}' again (again_of in losses.yaml)")

    def _check_data(self) -> None:
        """Raise UserError for the name of a data set that has no file and is none of `config.datasets`."""
        for name, file in self.config.datasets.items():
            if file is not None:
                _require_file(f"config/config.yaml: datasets.{name}", file)
        for entry in ("stand_ins", "data_folders"):
            for ours in getattr(self.scale, entry):
                _require_file(f"{self.scale_file}: {entry}", ours)
        named = {f"{self.scale_file}: stand_ins.{ours}": names for ours, names in self.scale.stand_ins.items()}
        named[f"{self.scale_file}: absent"] = self.scale.absent
        for table, content in self.tables.items():
            for label, column in content.columns.items():
                where = f"{self.table_files[table]}: columns.{label}"
                named[f"{where}.dataset"] = (column.dataset,)
                named[f"{where}.test_set"] = tuple(one.dataset for one in (column.test_set, *column.also))
        for section in ("loss_networks", "classifiers"):
            for name, entry in getattr(self.scale, section).items():
                own = (entry.dataset,) if entry.dataset not in (None, "task") else ()
                named[f"{self.scale_file}: {section}.{name}.dataset"] = own
        for where, names in named.items():
            for name in names:
                if name not in self.config.datasets:
                    _require_file(where, name)

    def _known(self, section: str, name: str, entries: Mapping[str, Entry]) -> Entry:
        if name not in entries:
            raise UserError(f"{self.scale_file}: {section} has no '{name}'; {nearest(name, entries)}")
        return entries[name]


def _require(where: str, name: str, known: Iterable[str]) -> None:
    if name not in (names := list(known)):
        raise UserError(f"{where}: '{name}' is not defined; {nearest(name, names)}")


def _require_file(where: str, dataset: str) -> None:
    with placed(where):
        check("datasets", dataset)


def check_files(folder: Path, others: Iterable[Path | str]) -> None:
    """Raise UserError when config.yaml in `folder` is missing, or when it or one of `others` can't be read strictly."""
    values(folder)
    for file in others:
        read_yaml(Path(file))


def _check_given(given: Iterable[str]) -> None:
    """Raise UserError for an entry of a command line that config.yaml has not."""
    for name in given:
        if name in Config.model_fields:
            continue
        if name in Scale.model_fields:
            raise UserError(f"--config {name}: it stands in config/scale/<scale>.yaml; write a scale of your own there")
        known = nearest(name, Config.model_fields)
        raise UserError(
            f"--config {name}: no such entry; {known}; targets stand before --config, or behind it after --"
        )


def values(folder: Path) -> dict[str, Any]:
    """Return the content of config.yaml in `folder`; raises UserError when it is not there."""
    file = folder / "config.yaml"
    if not file.is_file():
        raise UserError(f"{file} is missing; run from the folder of the Snakefile")
    content: dict[str, Any] = read_yaml(file)
    if not isinstance(content, dict):
        raise UserError(f"{file}: a mapping of entries is expected (got {as_written(content)})")
    return content


def tables(folder: Path) -> list[dict[str, Any]]:
    """List the tables of `folder` with what they compare; raises UserError when there is no configuration."""
    values(folder)
    found = []
    for name in places.names(folder, "tables"):
        file = places.named_file(folder, "tables", name, "table")
        table = Table.parse(read_yaml(file), str(file))
        lists = {key: list(getattr(table, key)) for key in ("networks", "losses", "metrics")}
        found.append({"name": name.replace("/", "_"), "title": table.title, **lists})
    return found
