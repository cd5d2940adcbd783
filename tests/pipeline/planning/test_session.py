"""What the Snakefile asks of Snakemake's state, with that state made up."""

import gc
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from _plans import planned
from _repository import ROOT

from pipeline.outputs import fingerprint
from pipeline.outputs.layout import FILES
from pipeline.outputs.remedies import MORE_MEMORY
from pipeline.planning import session


def workflow(**changes: Any) -> Any:
    """Return the state of a run on this machine, with `changes`."""
    state: dict[str, Any] = {
        "execution_settings": object(),
        "dryrun": False,
        "touch": False,
        "is_main_process": True,
        "rerun_triggers": set(),
        "resource_settings": SimpleNamespace(nodes=None),
        "global_resources": {},
        "deployment_settings": SimpleNamespace(deployment_method=frozenset()),
    }
    made = SimpleNamespace(**{**state, **changes})
    made.register_resource = made.global_resources.__setitem__
    return made


def run(prefix: str, command: str, path: Path) -> str:
    """Return what a command prints behind the prefix, as Snakemake formats it, with `path` alone searched first."""
    environment = {**os.environ, "PATH": f"{path}{os.pathsep}/usr/bin:/bin"}
    text = prefix.format() + command
    return subprocess.run(["bash", "-c", text], env=environment, capture_output=True, text=True, check=True).stdout


def test_python_is_the_interpreter_that_runs_snakemake(tmp_path: Path) -> None:
    (tmp_path / "python").write_text("#!/bin/sh\necho another\n", encoding="utf-8")
    (tmp_path / "python").chmod(0o755)
    command = (
        "python -c 'import sys; print(sys.executable, sys.argv[1], sys.stdin.read())' 'a b' <<< spec 2>&1 | tee log"
    )
    command = command.replace("log", str(tmp_path / "log"))
    assert run(session.prefix(workflow()), command, tmp_path).split() == [sys.executable, "a", "b", "spec"]
    conda = workflow(deployment_settings=SimpleNamespace(deployment_method={"conda"}))
    assert run(session.prefix(conda), command, tmp_path).split() == ["another"]


def test_an_interpreter_in_a_folder_of_an_odd_name_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "my {env}'s"
    folder.mkdir()
    (folder / "python3.99").write_text("#!/bin/sh\necho odd\n", encoding="utf-8")
    (folder / "python3.99").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python3.99"))
    assert run(session.prefix(workflow()), "python -m pipeline.train", tmp_path).split() == ["odd"]


def test_a_failing_command_still_ends_the_job(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        run(session.prefix(workflow()), "python -c 'raise SystemExit(3)' | tee /dev/null", tmp_path)


def test_a_process_that_is_killed_is_told_with_what_to_do_about_memory(tmp_path: Path) -> None:
    log = tmp_path / "log"
    kill = "import os, signal; print(1, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run(session.prefix(workflow()), f'python -c "{kill}" 2>&1 | tee {log}', tmp_path)
    assert caught.value.returncode == 137
    told = log.read_text(encoding="utf-8").splitlines()
    assert told[-1].startswith("error: killed by the system or a person") and MORE_MEMORY in told[-1]


SAVES = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.5), print("saved", flush=True), sys.exit(143)))
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("deployed", [frozenset(), frozenset({"conda"})], ids=["here", "conda"])
def test_a_job_whose_time_is_up_waits_until_its_stage_has_saved(deployed: frozenset[str], tmp_path: Path) -> None:
    prefix = session.prefix(workflow(deployment_settings=SimpleNamespace(deployment_method=deployed))).format()
    log = tmp_path / "log"
    command = f"python -c {shlex.quote(SAVES)} 2>&1 | tee {log}"
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    job = subprocess.Popen(
        ["bash", "-c", prefix + command], env=environment, stdout=subprocess.PIPE, start_new_session=True
    )
    assert job.stdout is not None and job.stdout.readline() == b"ready\n"
    os.killpg(job.pid, signal.SIGTERM)
    assert job.wait(20) == 143
    assert log.read_text(encoding="utf-8") == "ready\nsaved\n"


def test_jobs_share_the_memory_of_the_machine_where_no_limit_is_given() -> None:
    local = workflow()
    session.share_memory(local)
    assert local.global_resources == {"mem_mb": session.machine_memory_mb()}
    assert 100 < session.machine_memory_mb() < 10**8
    given = workflow(global_resources={"mem_mb": 7})
    cluster, job = workflow(resource_settings=SimpleNamespace(nodes=100)), workflow(is_main_process=False)
    for other in (given, cluster, job):
        session.share_memory(other)
    assert (given.global_resources, cluster.global_resources, job.global_resources) == ({"mem_mb": 7}, {}, {})


def test_a_container_has_the_memory_that_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = (tmp_path / "memory.max", tmp_path / "absent")
    monkeypatch.setattr(session, "LIMITS", limits)
    whole = session.machine_memory_mb()
    limits[0].write_text("300000000\n", encoding="ascii")
    assert session.machine_memory_mb() == 300
    limits[0].write_text("max\n", encoding="ascii")
    assert session.machine_memory_mb() == whole


def test_every_stage_asks_for_memory_and_a_scale_may_ask_for_more() -> None:
    assert session.MEMORY_MB.keys() == FILES.keys()
    # the largest that the demo's jobs of these stages took
    assert session.MEMORY_MB["train"] > 1082 * 1.048 and session.MEMORY_MB["evaluate"] > 1207 * 1.048
    local = workflow(resource_settings=SimpleNamespace(nodes=None), is_main_process=True)
    for scale, asked in (("demo", session.MEMORY_MB["train"]), ("paper", 32000)):
        plan = planned(scale)
        wildcards = next(iter(plan.jobs["train"].values())).wildcards
        memory = session.memory_mb(local, plan, "train")
        # every try asks for more, and a chain of many tries still finds a machine
        assert [memory(wildcards, attempt) / asked for attempt in (1, 2, 3, 20)] == [1, 2, 3, 3]
    rules = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "workflow/rules").glob("*.smk"))
    for stage in FILES:
        assert f'mem_mb=session.memory_mb(workflow, plan, "{stage}")' in rules


@pytest.mark.parametrize(
    "looking", [{"execution_settings": None}, {"dryrun": True}, {"touch": True}], ids=["list", "dry-run", "touch"]
)
def test_what_rests_on_missing_cells_is_deleted_by_a_run_alone(
    looking: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned("ci")
    key = {"paper": "mae_loss", "table": "table3"}
    monkeypatch.chdir(tmp_path)
    partial, mark = Path(plan.root) / "tables/x.csv", Path(plan.root) / "report/partial.json"
    for file, text in ((partial, "partial"), (mark, '["tables/x.csv"]')):
        file.parent.mkdir(parents=True)
        file.write_text(text, encoding="utf-8")
    assert session.inputs(workflow(**looking), plan, "tabulate", key) == plan.of("tabulate", key).inputs
    assert partial.exists() and mark.exists()
    session.inputs(workflow(), plan, "tabulate", key)
    assert not partial.exists() and not mark.exists()


def test_the_collector_rests_while_planning_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fingerprint, "_reader", fingerprint.read)
    assert gc.isenabled()
    try:
        session.hasten()
        assert not gc.isenabled() and fingerprint._reader is not fingerprint.read
        session.begin()
        assert gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()


SNAKEFILE = """\
from pipeline.planning import session

onstart:
    session.look_when_jobs_end(workflow)

rule all:
    input: expand("{number}.txt", number=range(30))

rule one:
    output: "{number}.txt"
    shell: "ls /proc/$PPID/task | wc -l > {output}"
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone lists the threads of a process as files")
def test_snakemake_waits_with_no_more_threads_for_each_job_that_has_ended(tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--snakefile", "Snakefile"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    threads = [int(file.read_text()) for file in tmp_path.glob("*.txt")]
    assert len(threads) == 30 and max(threads) < min(threads) + 10
