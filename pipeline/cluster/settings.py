"""What a profile says of the machines of a cluster: entries of its `default-resources`. Imports no torch."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat

from lossbench.errors import UserError, one_line
from lossbench.records import Strict

WHERE = "default-resources of the profile"
ALIKE = 0.8
"""How alike two names are, from 0 to 1, of which one is taken for a slip of the other."""
KNOWN = frozenset({"slurm_account", "gpu_manufacturer"})
"""Names of Snakemake's plugins that are no slips of ours."""

Name = Annotated[str, Field(pattern=r"^[\w.,-]+$")]
"""As Slurm names its partitions, several with commas between, and its GPUs, and clouds their types of machine."""


class Cluster(Strict):
    """The machines that jobs are sent to."""

    slurm_partition: Name | None = None
    """Of jobs without a GPU, and of all where no other one has the GPUs; None is the cluster's default."""
    gpu_partition: Name | None = None
    """Of jobs with a GPU."""
    gpu_model: Name | None = None
    """What the cluster calls the type of GPU that jobs ask for; None takes any."""
    machine_type: Name | None = None
    """Type of the machines of Kubernetes for jobs without a GPU, and for all where no other one is named."""
    gpu_machine_type: Name | None = None
    """The same of jobs with a GPU."""
    cloud: Literal["aws_batch"] | None = None
    """Whose plugin jobs go through, where it has words of its own for what they ask for."""
    times_slower: PositiveFloat = 1.0
    """How much longer a step takes there than on the device on which it was measured."""
    longest_job_hours: Annotated[PositiveFloat, Field(le=24 * 365)] | None = None
    """What a job may ask for at most, no more than the partitions allow; longer trainings go on in the next try."""

    @property
    def longest_minutes(self) -> int | None:
        """Return the minutes of the longest job, at least one."""
        return None if self.longest_job_hours is None else max(1, int(self.longest_job_hours * 60))

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Cluster:
        """Read those of the entries `given` that are ours; Snakemake and its plugins read the others.

        Raises UserError for a value that is none, and for a name that is nearly one of ours.
        """
        names = cls.model_fields
        for name in given.keys() - names.keys() - KNOWN:
            if near := difflib.get_close_matches(name, [*names, *KNOWN], n=1, cutoff=ALIKE):
                raise UserError(f"{WHERE}: unknown entry '{one_line(name)}'; did you mean '{near[0]}'?")
        numbers = ("times_slower", "longest_job_hours")
        values = {name: str(one).strip("'\"") for name, one in given.items() if name in names}
        return cls.parse({name: _number(one) if name in numbers else one for name, one in values.items()}, WHERE)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
