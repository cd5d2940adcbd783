"""What the two steps of the stage prepare depend on."""

from typing import Any

from lossbench.records import Strict


class PrepareSpec(Strict):
    """One data set, decoded into arrays."""

    dataset: str
    root: str | None
    """Folder of a data set that the user keeps; None for embedded ones."""
    files: str | None = None
    """Changes with the files below `root`."""


class DegradeSpec(Strict):
    """The degraded inputs of one task for one data set."""

    dataset: str
    root: str | None
    files: str | None = None
    """Changes with the files below `root`."""
    task: str
    """File name in `lossbench/tasks`."""
    settings: dict[str, Any]
    """The task's own settings, such as `scale`."""
