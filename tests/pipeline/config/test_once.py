"""What many jobs rest on is one object for a configuration, and none of another's."""

from pathlib import Path

from pipeline.config.read import Configuration, values
from pipeline.planning.data import degraded, prepared
from pipeline.planning.loss_networks import loss_network

FOLDER = Path("config")


def test_a_job_is_made_once_for_a_configuration_and_arguments() -> None:
    first, second = (Configuration.read(values(FOLDER), FOLDER) for _ in range(2))
    job = degraded(first, "photographs", "super_resolution_x4")
    assert degraded(first, "photographs", "super_resolution_x4") is job
    assert degraded(first, dataset="photographs", task="super_resolution_x4").name == job.name
    assert next(iter(job.files_read())).job is prepared(first, "photographs")
    assert degraded(first, "photographs", "super_resolution_x2") is not job
    assert degraded(second, "photographs", "super_resolution_x4") is not job


def test_seeds_of_a_loss_network_are_jobs_of_their_own() -> None:
    configuration = Configuration.read(values(FOLDER), FOLDER)
    made = [
        loss_network(configuration, "mae_task", "photographs", "super_resolution_x4", seed).job for seed in (0, 1, 1)
    ]
    assert made[0] is not made[1]
    assert made[1] is made[2]
