"""config/config.yaml: what is reproduced."""

import os

from pydantic import Field, PositiveFloat, PositiveInt, field_validator, model_validator

from lossbench.records import Strict, refuse_twice
from pipeline.specs.train import TaskSpec


class Config(Strict):
    """config/config.yaml."""

    scale: str
    """A file of config/scale."""
    tables: tuple[str, ...] = Field(min_length=1)
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

    @field_validator("data_root", "weights_root")
    @classmethod
    def _of_the_home(cls, folder: str) -> str:
        if not folder.strip():
            raise ValueError("no folder is named; write one, such as data")
        expanded = os.path.expanduser(folder)
        if expanded.startswith("~"):
            raise ValueError(f"'{folder}' names no user's home on this machine; write the whole path")
        return expanded

    @model_validator(mode="after")
    def _each_table_once(self) -> "Config":
        refuse_twice("tables", self.tables)
        return self
