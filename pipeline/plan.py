"""Config to jobs: the only code that knows both every job's spec and every file's path. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

from pipeline import plugins
from pipeline.configuration import Configuration
from pipeline.errors import UserError, nearest
from pipeline.missing import missing
from pipeline.planned_job import PUBLIC, TRIVIAL, WILDCARDS, Job, Key
from pipeline.planned_run import loss_spec, network_spec, pretrain_spec, recipe
from pipeline.planned_table import tabulate_spec
from pipeline.specs.config import Column, Table
from pipeline.specs.evaluate import CompareSpec, EvaluateSpec, MetricSpec, SubmitSpec
from pipeline.specs.prepare import DegradeSpec, PrepareSpec
from pipeline.specs.pretrain import PretrainSpec, PublicWeights
from pipeline.specs.tabulate import Cell
from pipeline.specs.train import TaskSpec, TrainSpec


class Plan:
    """Every job of the chosen tables at the chosen scale."""

    def __init__(self, configuration: Configuration) -> None:
        """Resolve all jobs; raises UserError for a name that nothing is known of."""
        self.configuration = configuration
        self.config, self.scale = configuration.config, configuration.scale
        self.jobs: dict[str, dict[Key, Job]] = {}
        self.table_names: list[str] = []
        for name, table in configuration.tables.items():
            self._add_table(name, table)

    @classmethod
    def from_config(cls, values: Mapping[str, Any], folder: Path = Path("config")) -> Plan:
        """Read the files that `values` (config.yaml, perhaps overridden) names, and plan."""
        return cls(Configuration.read(values, folder))

    def job(self, stage: str, key: Iterable[str]) -> Job:
        """Return one job; raises UserError when no chosen table asks for it."""
        key = tuple(key)
        try:
            return self.jobs[stage][key]
        except KeyError:
            known = ["/".join(entry) for entry in self.jobs.get(stage, {})]
            raise UserError(f"no table asks for {stage} '{'/'.join(key)}'; {nearest('/'.join(key), known)}") from None

    def of(self, stage: str, wildcards: Any) -> Job:
        """Return the job that a rule makes, by the rule's wildcards."""
        return self.job(stage, [wildcards[name] for name in WILDCARDS[stage]])

    def targets(self) -> list[str]:
        """List the table files to make."""
        return list(self.tables().values())

    def tables(self) -> dict[str, str]:
        """Return the file of every table by the name of its target, such as `mae_loss_table3`."""
        return {name.replace("/", "_"): f"{self.root}/tables/{name}.csv" for name in self.table_names}

    @property
    def root(self) -> str:
        """Return the results folder of the scale."""
        return f"results/{self.config.scale}"

    @property
    def checkpoint_seconds(self) -> str:
        """Return the time between two checkpoints of a run; text, since a resource is an integer or text."""
        return f"{60 * self.config.checkpoint_minutes:g}"

    def missing(self) -> list[str]:
        """Describe every data set and weight file that is not on this machine, with licence, size and source."""
        prepared, imported = ([name for (name,) in self.jobs.get(stage, {})] for stage in ("prepare", "import_weights"))
        submitted = {key[-1] for key in self.jobs.get("submit", {})}
        return missing(self.configuration, [*prepared, *sorted(submitted)], imported)

    def require_data(self) -> None:
        """Raise UserError listing all that `missing` finds."""
        if texts := self.missing():
            raise UserError("\n  ".join(["these are missing; nothing was started:", *texts]))

    def _add(self, stage: str, key: Key, job: Job) -> None:
        known = self.jobs.setdefault(stage, {}).setdefault(key, job)
        if known.spec != job.spec:
            raise UserError(f"two tables ask for different {stage} jobs '{'/'.join(key)}'; give one another name")

    def _add_table(self, name: str, table: Table) -> None:
        cells: list[Cell] = []
        pictures: list[str] = []
        submissions: list[str] = []
        trivials = self._trivials(table)
        for label, column in table.columns.items():
            if column.server_only:
                submissions += self._submissions(table, column)
                continue
            cells += [self._cell(table, label, column, TRIVIAL, trivial, 0) for trivial in trivials]
            for network in table.networks:
                for loss in table.losses:
                    cells += [self._cell(table, label, column, network, loss, seed) for seed in self.scale.seeds]
                pictures += self._comparison(name, table, label, network, cells)
        spec = tabulate_spec(self.configuration, name, table, cells, trivials)
        inputs: dict[str, str | list[str]] = {
            "scores": [cell.scores for cell in cells],
            "cards": [cell.card for cell in cells if cell.card],
            "pictures": pictures,
            "submissions": submissions,
        }
        self.table_names.append(name)
        self._add("tabulate", tuple(name.split("/")), Job(spec, ("pipeline.tabulate",), inputs))

    def _task(self, column: Column) -> TaskSpec:
        return self.config.tasks[column.task]

    def _trivials(self, table: Table) -> tuple[str, ...]:
        # a task's module may import heavy libraries, so its constants are read without importing it
        task = self._task(next(iter(table.columns.values()))).name
        return (plugins.constant("tasks", task, "TRIVIAL"), *plugins.constant("tasks", task, "ALSO_TRIVIAL", ()))

    def _prepare(self, dataset: str) -> str:
        plugins.check("datasets", dataset)
        spec = PrepareSpec(dataset=dataset, root=self.configuration.data_root(dataset))
        self._add("prepare", (dataset,), Job(spec, ("pipeline.prepare", f"pipeline.datasets.{dataset}")))
        return f"{self.root}/prepare/{dataset}/target.json"

    def _degrade(self, dataset: str, task: str) -> dict[str, str | list[str]]:
        targets = self._prepare(dataset)
        named = self.config.tasks[task]
        spec = DegradeSpec(
            dataset=dataset,
            root=self.configuration.data_root(dataset),
            task=plugins.check("tasks", named.name),
            settings=named.settings,
        )
        modules = ("pipeline.degrade", f"pipeline.datasets.{dataset}", f"pipeline.tasks.{named.name}")
        self._add("degrade", (dataset, task), Job(spec, modules, {"targets": targets}))
        return {"targets": targets, "pairs": f"{self.root}/prepare/{dataset}/{task}/low_quality.json"}

    def _pretrain(self, name: str, task_dataset: str, task: str) -> str:
        chosen = self.configuration.loss_network(name)
        plugin = f"pipeline.loss_networks.{plugins.check('loss_networks', chosen.network)}"
        if chosen.weights:
            plugins.check_build_arguments("loss_networks", chosen.network, chosen.architecture)
            imported = PretrainSpec(
                loss_network=chosen.network,
                architecture=chosen.architecture,
                dataset=PUBLIC,
                seed=0,
                weights=PublicWeights(file=chosen.weights.file, digest=chosen.weights.digest),
            )
            self._add("import_weights", (name,), Job(imported, ("pipeline.import_weights", plugin)))
            return f"{self.root}/pretrain/{name}/{PUBLIC}/network.safetensors"
        assert chosen.dataset is not None, name
        dataset = task_dataset if chosen.dataset == "task" else self.configuration.dataset(chosen.dataset)
        spec = pretrain_spec(self.configuration, name, dataset, task)
        job = Job(spec, ("pipeline.pretrain", plugin), {"targets": self._prepare(dataset)})
        self._add("pretrain", (name, dataset), job)
        return f"{self.root}/pretrain/{name}/{dataset}/network.safetensors"

    def _train(self, table: Table, column: Column, network: str, loss: str, seed: int) -> str:
        dataset = self.configuration.dataset(column.dataset)
        inputs = self._degrade(dataset, column.task)
        task = self._task(column)
        spec = TrainSpec(
            task=task,
            dataset=dataset,
            network=network_spec(self.configuration, network, task),
            loss=loss_spec(self.configuration, loss, table.pixel, column.task),
            own_loss=self._own_loss(network),
            recipe=recipe(self.configuration, network, column.task),
            seed=seed,
        )
        modules = ["pipeline.train", f"pipeline.networks.{network}", f"pipeline.losses.{spec.loss.name}"]
        modules += [f"pipeline.tasks.{task.name}"]
        if loss_network := self.configuration.loss(loss).loss_network:
            inputs["weights"] = self._pretrain(loss_network, dataset, column.task)
            modules.append(f"pipeline.loss_networks.{spec.loss.loss_network}")
        self._add("train", (column.task, dataset, network, loss, str(seed)), Job(spec, tuple(modules), inputs))
        return f"{self.root}/train/{column.task}/{dataset}/{network}/{loss}/{seed}"

    def _own_loss(self, network: str) -> bool:
        wanted = self.configuration.network(network).own_loss
        if wanted:
            # refused here when the network has none
            plugins.constant("networks", network, "OWN_LOSS")
        return wanted

    def _evaluate(self, table: Table, label: str, column: Column, run: Key, model: str | None) -> str:
        test_set = self.configuration.dataset(column.test_set.dataset)
        inputs = self._degrade(test_set, column.task)
        network = network_spec(self.configuration, run[0], self._task(column)) if model else None
        spec = EvaluateSpec(
            task=self._task(column),
            test_set=test_set,
            split=column.test_set.split,
            network=network,
            trivial=None if model else run[1],
            metrics=tuple(_metric(name, table, label) for name in table.metrics),
            keep_pictures=self._pictures(test_set),
            tile=self.scale.evaluation.tile,
        )
        modules = ["pipeline.evaluate", f"pipeline.tasks.{spec.task.name}"]
        modules += [f"pipeline.metrics.{metric.file}" for metric in spec.metrics]
        if model:
            inputs["model"] = f"{model}/model.safetensors"
            modules.append(f"pipeline.networks.{run[0]}")
        dataset = self.configuration.dataset(column.dataset)
        key = (column.task, dataset, *run, test_set)
        self._add("evaluate", key, Job(spec, tuple(modules), inputs))
        return f"{self.root}/evaluate/{'/'.join(key)}.csv"

    def _cell(self, table: Table, label: str, column: Column, network: str, loss: str, seed: int) -> Cell:
        run = None if network == TRIVIAL else self._train(table, column, network, loss, seed)
        return Cell(
            column=label,
            task=column.task,
            dataset=self.configuration.dataset(column.dataset),
            test_set=self.configuration.dataset(column.test_set.dataset),
            network=network,
            loss=loss,
            seed=seed,
            scores=self._evaluate(table, label, column, (network, loss, str(seed)), run),
            card=f"{run}/card.json" if run else None,
        )

    def _pictures(self, test_set: str) -> int:
        # some licences allow numbers only
        return self.scale.evaluation.keep_pictures if plugins.constant("datasets", test_set, "PICTURES", True) else 0

    def _submissions(self, table: Table, column: Column) -> list[str]:
        """Add what is sent to the server for every run; nothing where the scale has no such test set."""
        if column.test_set.dataset not in self.scale.data:
            return []
        test_set = self.configuration.dataset(column.test_set.dataset)
        dataset = self.configuration.dataset(column.dataset)
        made = []
        for network, loss, seed in product(table.networks, table.losses, self.scale.seeds):
            run = self._train(table, column, network, loss, seed)
            spec = SubmitSpec(
                test_set=test_set,
                root=str(self.configuration.data_root(test_set)),
                network=network_spec(self.configuration, network, self._task(column)),
                tile=self.scale.evaluation.tile,
            )
            modules = ("pipeline.submit", f"pipeline.datasets.{test_set}", f"pipeline.networks.{network}")
            key = (column.task, dataset, network, loss, str(seed), test_set)
            self._add("submit", key, Job(spec, modules, {"model": f"{run}/model.safetensors"}))
            made.append(f"{self.root}/submit/{'/'.join(key)}/submission.json")
        return made

    def _comparison(self, name: str, table: Table, label: str, network: str, cells: list[Cell]) -> list[str]:
        """Add the side-by-side picture of one network on one test set, first seed; none where none may be shown."""
        column = table.columns[label]
        test_set = self.configuration.dataset(column.test_set.dataset)
        if not self._pictures(test_set):
            return []
        dataset = self.configuration.dataset(column.dataset)
        own = [(TRIVIAL, 0), (network, self.scale.seeds[0])]
        shown = [cell for cell in cells if cell.column == label and (cell.network, cell.seed) in own]
        spec = CompareSpec(
            task=self._task(column),
            test_set=test_set,
            split=column.test_set.split,
            network=network,
            trivial=self._trivials(table)[0],
            labels=tuple(cell.loss for cell in shown),
            pictures=self._pictures(test_set),
            crop=self.scale.evaluation.crop,
        )
        inputs = self._degrade(test_set, column.task)
        inputs["scores"] = [cell.scores for cell in shown]
        key = (*name.split("/"), column.task, dataset, network, test_set)
        modules = ("pipeline.compare", f"pipeline.tasks.{spec.task.name}")
        self._add("compare", key, Job(spec, modules, inputs))
        return [f"{self.root}/compare/{'/'.join(key)}.png"]


def _metric(name: str, table: Table, label: str) -> MetricSpec:
    metric = table.metrics[name]
    file = plugins.check("metrics", metric.file or name)
    crop = metric.crop[label] if isinstance(metric.crop, dict) else metric.crop
    return MetricSpec(name=name, file=file, colour=metric.colour, crop=crop, rounding=metric.rounding)
