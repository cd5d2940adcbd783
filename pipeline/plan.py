"""Config to jobs: the only code that knows both every job's spec and every file's path. Imports no torch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

from pipeline import plugins
from pipeline.configuration import Configuration
from pipeline.errors import UserError, nearest
from pipeline.missing import missing
from pipeline.planned_chart import chart_spec
from pipeline.planned_classifier_table import CHANCE, classifier_cells
from pipeline.planned_comparison import plan_comparison
from pipeline.planned_job import TRIVIAL, WILDCARDS, Job, Key
from pipeline.planned_loss_network import plan_loss_network
from pipeline.planned_metric import metric_modules, plan_metrics
from pipeline.planned_run import loss_spec, network_spec, recipe
from pipeline.planned_submission import plan_submissions
from pipeline.planned_table import tabulate_spec
from pipeline.specs.config import Column, Table
from pipeline.specs.evaluate import EvaluateSpec
from pipeline.specs.harness import HarnessSpec
from pipeline.specs.judge import JudgeSpec
from pipeline.specs.prepare import DegradeSpec, PrepareSpec
from pipeline.specs.report import ReportSpec
from pipeline.specs.tabulate import Cell, TabulateSpec
from pipeline.specs.train import TaskSpec, TrainSpec

GOLDEN = Path(__file__).with_name("golden_metrics.csv")
TEMPLATES = Path(__file__).parents[1] / "workflow/report"


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
        self._add_report()

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
        """List the files of all tables."""
        return [file for files in self.tables().values() for file in files]

    def tables(self) -> dict[str, list[str]]:
        """Return what is to be made of every table, its CSV first, by the name of its target: `mae_loss_table3`."""
        return {
            name.replace("/", "_"): [
                f"{self.root}/tables/{name}.csv",
                *([f"{self.root}/charts/{name}.png"] if self.configuration.tables[name].chart else []),
            ]
            for name in self.table_names
        }

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
        classifiers = [name for name, _ in self.jobs.get("train_classifier", {})]
        read = {key[-1] for key in self.jobs.get("submit", {})}
        # data sets that are read as they are needed
        read |= {key[-1] for stage in ("train_classifier", "train_distance") for key in self.jobs.get(stage, {})}
        datasets = [*prepared, *sorted(read - set(prepared))]
        return missing(self.configuration, datasets, imported, classifiers)

    def require_data(self) -> None:
        """Raise UserError listing all that `missing` finds."""
        if texts := self.missing():
            raise UserError("\n  ".join(["these are missing; nothing was started:", *texts]))

    def add(self, stage: str, key: Key, job: Job) -> None:
        """Add a job; raises UserError when another table asks for a different one under the same name."""
        known = self.jobs.setdefault(stage, {}).setdefault(key, job)
        if known.spec != job.spec:
            raise UserError(f"two tables ask for different {stage} jobs '{'/'.join(key)}'; give one another name")

    def _add_table(self, name: str, table: Table) -> None:
        cells: list[Cell] = []
        pictures: list[str] = []
        submissions: list[str] = []
        trivials = self._trivials(table)
        for label, whole in table.columns.items():
            if table.compares == "classifiers":
                cells += classifier_cells(self, table, label, whole)
                continue
            for column in self._by_test_set(whole):
                if column.server_only:
                    submissions += plan_submissions(self, table, column)
                    continue
                own = [self._cell(table, label, column, TRIVIAL, trivial, 0) for trivial in trivials]
                for network, loss, seed in product(table.networks, table.losses, self.scale.seeds):
                    own.append(self._cell(table, label, column, network, loss, seed))
                for network in table.networks:
                    pictures += plan_comparison(self, name, column, trivials[0], network, own)
                cells += own
        spec = tabulate_spec(self.configuration, name, table, cells, trivials)
        inputs: dict[str, str | list[str]] = {
            "scores": [cell.scores for cell in cells],
            "cards": [cell.card for cell in cells if cell.card],
            "pictures": pictures,
            "submissions": submissions,
        }
        self.table_names.append(name)
        self.add("tabulate", tuple(name.split("/")), Job(spec, ("pipeline.tabulate",), inputs))
        self._add_verdicts(name, table, spec)
        if table.chart:
            chart = chart_spec(table, table.chart, spec)
            drawn: dict[str, str | list[str]] = {"table": self.tables()[name.replace("/", "_")][0]}
            self.add("chart", tuple(name.split("/")), Job(chart, ("pipeline.chart",), drawn))

    def _add_verdicts(self, name: str, table: Table, tabulated: TabulateSpec) -> None:
        spec = JudgeSpec(
            table=tabulated,
            claims=self.configuration.claims[name],
            full_scale=self.scale.full and not tabulated.stand_ins,
            published_runs=table.published_runs,
        )
        inputs: dict[str, str | list[str]] = {
            "harness": f"{self.root}/harness.json",
            "scores": [cell.scores for cell in spec.table.cells],
        }
        self.add("judge", tuple(name.split("/")), Job(spec, ("pipeline.judge",), inputs))

    def _add_report(self) -> None:
        evaluated = [job.spec for job in self.jobs.get("evaluate", {}).values()]
        files = {metric.file for spec in evaluated if isinstance(spec, EvaluateSpec) for metric in spec.metrics}
        modules = ("pipeline.harness", *(f"pipeline.metrics.{file}" for file in sorted(files)))
        self.add("harness", (), Job(HarnessSpec(golden=_digest(GOLDEN), metrics=tuple(sorted(files))), modules))
        inputs: dict[str, str | list[str]] = {
            "verdicts": [f"{self.root}/verdicts/{name}.json" for name in self.table_names],
            "tables": [files[0] for files in self.tables().values()],
        }
        spec = ReportSpec(page=_digest(*sorted(TEMPLATES.iterdir())), title=self.scale.title)
        tasks = {task.name for task in self.config.tasks.values()}
        modules = ("pipeline.report", *(f"pipeline.tasks.{name}" for name in sorted(tasks)))
        self.add("report", (), Job(spec, modules, inputs))

    def task(self, column: Column) -> TaskSpec:
        """Return the task of a column."""
        return self.config.tasks[column.task]

    def _by_test_set(self, column: Column) -> list[Column]:
        """Return the column once a test set; those that one stand-in stands for are one."""
        if column.server_only:
            return [column]
        found = {self.configuration.dataset(one.test_set.dataset): one for one in reversed(column.by_test_set())}
        return list(reversed(found.values()))

    def _trivials(self, table: Table) -> tuple[str, ...]:
        if table.compares == "classifiers":
            return (CHANCE,)
        # a task's module may import heavy libraries, so its constants are read without importing it
        task = self.task(next(iter(table.columns.values()))).name
        return (plugins.constant("tasks", task, "TRIVIAL"), *plugins.constant("tasks", task, "ALSO_TRIVIAL", ()))

    def prepare(self, dataset: str) -> str:
        """Add the decoding of `dataset`; return the card of the prepared data."""
        plugins.check("datasets", dataset)
        spec = PrepareSpec(dataset=dataset, root=self.configuration.data_root(dataset))
        self.add("prepare", (dataset,), Job(spec, ("pipeline.prepare", f"pipeline.datasets.{dataset}")))
        return f"{self.root}/prepare/{dataset}/target.json"

    def degrade(self, dataset: str, task: str) -> dict[str, str | list[str]]:
        """Add the degraded inputs of `dataset` for the named task; return them and the targets as a job's inputs."""
        targets = self.prepare(dataset)
        named = self.config.tasks[task]
        spec = DegradeSpec(
            dataset=dataset,
            root=self.configuration.data_root(dataset),
            task=plugins.check("tasks", named.name),
            settings=named.settings,
        )
        modules = ("pipeline.degrade", f"pipeline.datasets.{dataset}", f"pipeline.tasks.{named.name}")
        self.add("degrade", (dataset, task), Job(spec, modules, {"targets": targets}))
        return {"targets": targets, "pairs": f"{self.root}/prepare/{dataset}/{task}/low_quality.json"}

    def train(self, table: Table, column: Column, network: str, loss: str, seed: int) -> str:
        """Add one training and all that it needs; return its folder."""
        dataset = self.configuration.dataset(column.dataset)
        inputs = self.degrade(dataset, column.task)
        task = self.task(column)
        spec = TrainSpec(
            task=task,
            dataset=dataset,
            network=network_spec(self.configuration, network, task),
            loss=loss_spec(self.configuration, loss, table.pixel, column.task),
            own_loss=self._own_loss(network),
            recipe=recipe(self.configuration, network, column.task),
            as_long_as=self.configuration.loss(loss).as_long_as,
            seed=seed,
        )
        modules = ["pipeline.train", f"pipeline.networks.{network}", f"pipeline.losses.{spec.loss.name}"]
        modules += [f"pipeline.tasks.{task.name}"]
        if loss_network := self.configuration.loss(loss).loss_network:
            inputs["weights"] = plan_loss_network(self, loss_network, dataset, column.task)
            modules.append(f"pipeline.loss_networks.{spec.loss.loss_network}")
        if spec.as_long_as:
            runs = [self.train(table, column, network, name, seed) for name in (table.reference_loss, spec.as_long_as)]
            inputs["cards"] = [f"{run}/card.json" for run in runs]
        self.add("train", (column.task, dataset, network, loss, str(seed)), Job(spec, tuple(modules), inputs))
        return f"{self.root}/train/{column.task}/{dataset}/{network}/{loss}/{seed}"

    def _own_loss(self, network: str) -> bool:
        wanted = self.configuration.network(network).own_loss
        if wanted:
            # refused here when the network has none
            plugins.constant("networks", network, "OWN_LOSS")
        return wanted

    def _evaluate(self, table: Table, label: str, column: Column, run: Key, model: str | None) -> str:
        test_set = self.configuration.dataset(column.test_set.dataset)
        inputs = self.degrade(test_set, column.task)
        metrics, files = plan_metrics(self, table, label, column)
        spec = EvaluateSpec(
            task=self.task(column),
            test_set=test_set,
            split=column.test_set.split,
            network=network_spec(self.configuration, run[0], self.task(column)) if model else None,
            trivial=None if model else run[1],
            metrics=metrics,
            keep_pictures=self.pictures(test_set),
            tile=self.scale.evaluation.tile,
        )
        modules = ["pipeline.evaluate", f"pipeline.tasks.{spec.task.name}"]
        modules += metric_modules(self, table, metrics, test_set)
        if files:
            inputs["metric_weights"] = files
        if model:
            inputs["model"] = f"{model}/model.safetensors"
            modules.append(f"pipeline.networks.{run[0]}")
        dataset = self.configuration.dataset(column.dataset)
        key = (column.task, dataset, *run, test_set)
        self.add("evaluate", key, Job(spec, tuple(dict.fromkeys(modules)), inputs))
        return f"{self.root}/evaluate/{'/'.join(key)}.csv"

    def _cell(self, table: Table, label: str, column: Column, network: str, loss: str, seed: int) -> Cell:
        run = None if network == TRIVIAL else self.train(table, column, network, loss, seed)
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

    def pictures(self, test_set: str) -> int:
        """Return how many restored pictures of `test_set` are kept."""
        # some licences allow numbers only
        return self.scale.evaluation.keep_pictures if plugins.constant("datasets", test_set, "PICTURES", True) else 0


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
