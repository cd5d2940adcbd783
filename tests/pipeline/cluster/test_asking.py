"""What rules ask of a cluster, with Snakemake's state made up."""

from dataclasses import replace

import pytest
from _asking import asked, first, tries, workflow
from _plans import planned
from _repository import ROOT, copied, snakemake

from lossbench.errors import UserError
from pipeline.cluster.resources import MINUTES, START_MINUTES
from pipeline.planning import session
from pipeline.planning.plan import Plan


@pytest.fixture(scope="module")
def paper() -> Plan:
    return planned("paper")


def test_a_run_on_this_machine_asks_for_its_gpu_alone(paper: Plan) -> None:
    state = workflow(nodes=None)
    assert asked(state, paper, "train", first(paper, "train")) == {"gpu": 1}
    assert session.asks(state, paper, "prepare") == {}
    session.join_cluster(state)
    assert state.global_resources == {} == state.resource_scopes


def test_trainings_ask_for_several_gpus_and_what_does_not_share_its_batch_for_one(paper: Plan) -> None:
    # those of batches that can't be divided have one of their own
    networks = {
        name: one.model_copy(update={"gpus": 1 if one.recipe.batch % 2 else None})
        for name, one in paper.scale.networks.items()
    }
    scale = paper.scale.model_copy(update={"gpus": 2, "networks": networks})
    several = Plan(replace(paper.configuration, scale=scale))
    for state in (workflow(nodes=None), workflow(gpu_partition="gpu")):
        assert asked(state, several, "train", first(several, "train", "edsr"))["gpu"] == 2
        assert asked(state, several, "train", first(several, "train", "mbllven"))["gpu"] == 1
        assert asked(state, several, "evaluate", first(several, "evaluate", "edsr"))["gpu"] == 1
        assert asked(state, several, "train_classifier", first(several, "train_classifier"))["gpu"] == 1


def test_jobs_go_to_the_partition_of_what_they_need(paper: Plan) -> None:
    state = workflow(slurm_partition="cpu", gpu_partition="gpu", gpu_model="h100", longest_job_hours="24")
    train = asked(state, paper, "train", first(paper, "train"))
    assert (train["gpu"], train["slurm_partition"], train["gpu_model"]) == (1, "gpu", "h100")
    trivial = asked(state, paper, "evaluate", first(paper, "evaluate", "trivial"))
    assert (trivial["gpu"], trivial["slurm_partition"], trivial["gpu_model"]) == (None, "cpu", None)
    values = session.asks(state, paper, "prepare")
    wildcards = paper.job("prepare", first(paper, "prepare")).wildcards
    assert (values["gpu"](wildcards), values["slurm_partition"](wildcards)) == (None, "cpu")
    # without partitions of its own the cluster's default, or the profile's, stays
    assert asked(workflow(), paper, "train", first(paper, "train")).keys() == {"gpu", "runtime"}


def test_a_job_asks_for_minutes_and_for_more_at_every_try(paper: Plan) -> None:
    state = workflow(longest_job_hours="24")
    key = first(paper, "evaluate", "edsr")
    assert [asked(state, paper, "evaluate", key, attempt)["runtime"] for attempt in (1, 2)] == [60, 120]
    assert asked(state, paper, "harness", ())["runtime"] == MINUTES["harness"]
    runtime = session.asks(state, paper, "train", paper.scale.gpus)["runtime"]
    times = [runtime(job.wildcards, 1) for job in paper.jobs["train"].values()]
    assert max(times) == 1440 and START_MINUTES < min(times) < 600


def test_a_longer_training_is_tried_as_often_as_it_takes(paper: Plan) -> None:
    few = tries(paper, "train", longest_job_hours="24")
    many = tries(paper, "train", longest_job_hours="12", times_slower="2")
    assert 3 < few < many
    assert tries(paper, "train") == 3
    # a job of the cluster is tried again by who sent it, and on this machine no time limit ends it
    assert tries(paper, "train", longest_job_hours="12", main=False) == 3
    assert tries(paper, "train", longest_job_hours="12", nodes=None) == 3


def test_short_jobs_of_one_job_take_turns(paper: Plan) -> None:
    for state in (workflow(), workflow(nodes=None, main=False)):
        session.join_cluster(state)
        assert state.global_resources == {session.TURN: 1} and state.resource_scopes == {session.TURN: "local"}
    assert asked(workflow(), paper, "evaluate", first(paper, "evaluate"))[session.TURN] == 1
    assert session.TURN not in asked(workflow(), paper, "train", first(paper, "train"))


def test_a_wrong_entry_stops_before_anything_is_sent() -> None:
    with pytest.raises(UserError, match="times_slower"):
        session.join_cluster(workflow(times_slower="fast"))


def test_a_wrong_entry_of_the_profile_is_one_line_of_snakemake(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = copied(tmp_path_factory.mktemp("profile"))
    assert (ROOT / "profiles/slurm/config.yaml").is_file()
    given = ("--jobs", "2", "--default-resources", "gpu_partiton=gpu")
    code, printed = snakemake(folder, "--dry-run", "--executor", "dryrun", *given, "--config", "scale=ci")
    assert code != 0 and "Traceback" not in printed
    assert "unknown entry 'gpu_partiton'; did you mean 'gpu_partition'?" in printed
