"""What a profile says of a cluster: taken as written, refused where it is wrong."""

import pytest

from lossbench.errors import UserError
from pipeline.cluster.settings import Cluster


def test_a_profile_that_says_nothing_takes_the_cluster_as_it_is() -> None:
    assert Cluster.of({"tmpdir": "/tmp", "slurm_account": "me"}) == Cluster()
    assert Cluster().longest_minutes is None


def test_entries_are_read_as_they_are_written() -> None:
    given = {"slurm_partition": "'cpu'", "gpu_partition": "gpu", "times_slower": "1.5", "longest_job_hours": 24}
    read = Cluster.of({**given, "gpu_model": "h100", "mem_mb": "1000"})
    assert (read.slurm_partition, read.gpu_partition, read.gpu_model) == ("cpu", "gpu", "h100")
    assert read.times_slower == 1.5 and read.longest_minutes == 1440


@pytest.mark.parametrize(
    ("name", "value"),
    [("times_slower", "0"), ("times_slower", "half"), ("longest_job_hours", "-1"), ("longest_job_hours", "1e9"),
     ("times_slower", "nan"), ("longest_job_hours", "24h"), ("gpu_model", "two words"), ("gpu_partition", "")],
)  # fmt: skip
def test_a_value_that_is_none_is_refused_with_its_entry(name: str, value: str) -> None:
    with pytest.raises(UserError, match=f"^default-resources of the profile: {name}"):
        Cluster.of({name: value})


@pytest.mark.parametrize("name", ["gpu_partiton", "slurm_partitions", "time_slower", "longest_job_hour", "gpu_modle"])
def test_a_slip_in_a_name_is_told(name: str) -> None:
    with pytest.raises(UserError, match=f"unknown entry '{name}'; did you mean '"):
        Cluster.of({name: "x"})
