"""The jobs that prepare data: decoded pictures, and their degraded versions for a task."""

from lossbench import plugins, tasks
from lossbench.tasks import NoisyTask
from pipeline.config.once import once
from pipeline.config.read import Configuration
from pipeline.planning.job import File, Job, plugin_module
from pipeline.specs.prepare import DegradeSpec, PrepareSpec


@once
def prepared(configuration: Configuration, dataset: str) -> Job:
    """Return the decoding of `dataset`; raises UserError for an unknown one."""
    plugins.check("datasets", dataset)
    root, files = configuration.data_root(dataset), configuration.files(dataset)
    spec = PrepareSpec(dataset=dataset, root=root, files=files)
    modules = ("pipeline.prepare", plugin_module("datasets", dataset))
    return Job(configuration.root, "prepare", (dataset,), spec, modules)


@once
def degraded(configuration: Configuration, dataset: str, task: str) -> Job:
    """Return the making of the low-quality versions of `dataset` for the named task."""
    named, root = configuration.config.tasks[task], configuration.data_root(dataset)
    plugins.check("tasks", named.name)
    files = configuration.files(dataset)
    spec = DegradeSpec(dataset=dataset, root=root, files=files, task=named.name, settings=named.settings)
    modules = ("pipeline.degrade", plugin_module("datasets", dataset), plugin_module("tasks", named.name))
    reads = {"targets": prepared(configuration, dataset).writes("card")}
    return Job(configuration.root, "degrade", (dataset, task), spec, modules, reads)


def pairs(configuration: Configuration, dataset: str, task: str) -> dict[str, File | list[File]]:
    """Return what a job reads of the pairs of `dataset` for the named task: `targets` and, where stored, `pairs`."""
    targets = prepared(configuration, dataset).writes("card")
    if isinstance(tasks.load(configuration.config.tasks[task].name), NoisyTask):
        return {"targets": targets}
    return {"targets": targets, "pairs": degraded(configuration, dataset, task).writes("card")}
