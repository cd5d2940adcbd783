"""config/config.yaml: what is reproduced."""

from pydantic import PositiveFloat, PositiveInt

from lossbench.records import Strict
from pipeline.specs.train import TaskSpec


class Config(Strict):
    """config/config.yaml."""

    scale: str
    """A file of config/scale."""
    tables: tuple[str, ...]
    """Files of config/tables, as `paper/table`."""
    data_root: str
    """Folder in which the user keeps published data sets, one folder each."""
    weights_root: str
    """Folder in which the user keeps public weight files."""
    datasets: dict[str, str | None] = {}
    """Files of lossbench/datasets of published data sets that have another name; None for one without a file."""
    tasks: dict[str, TaskSpec]
    """Named tasks: a task file with its settings."""
    threads: PositiveInt
    """CPU threads a job."""
    checkpoint_minutes: PositiveFloat
    """Time between two checkpoints of a run."""
