"""An edit reruns the jobs whose result it can change, and no others."""

import ast
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml
from _repository import copied, edited, keep_tables, planned_jobs, snakemake

CI = ("--config", "scale=ci")
TASKS = ("super_resolution_x2", "super_resolution_x4")
NETWORKS = ("edsr", "rfdn")
LOSSES = ("original", "vgg", "kmae", "ctmae", "ccmae", "original_again")
SEEDS = (0, 1)
TABLE = "Tabulate mae_loss table3"
ANSWERS = {"original_sharpened": {"original"}, "original_vgg_mix": {"original", "vgg"}}
"""Rows that are made of the pictures of losses without a training."""
TRIVIAL = {f"Evaluate trivial under bicubic: {task}, photographs, seed 0" for task in TASKS}
TRUTH = {job.replace("bicubic", "ground_truth") for job in TRIVIAL}
# one a seed of the runs that learn by it
MAE_PRETRAINING = {
    f"Pretrain the loss network {name}{seed} on {data}"
    for name, data in (("mae_public", "generic_photographs"), ("mae_task", "photographs"))
    for seed in ("", "_seed1")
}
CNN_PRETRAINING = {f"Pretrain the loss network cnn_mae_task{seed} on photographs" for seed in ("", "_seed1")}


def runs(networks: Iterable[str] = NETWORKS, losses: Iterable[str] = LOSSES) -> set[str]:
    """Name every training of these networks and losses, and every evaluation of what they restore."""
    evaluated = {job.replace("Train", "Evaluate") for job in training(networks, losses)}
    return training(networks, losses) | evaluated | answers(networks, losses)


def answers(networks: Iterable[str] = NETWORKS, losses: Iterable[str] = LOSSES) -> set[str]:
    """Name every evaluation of what is made of the pictures of these losses."""
    made = [name for name, of in ANSWERS.items() if of & {*losses}]
    return {job.replace("Train", "Evaluate") for job in training(networks, made)}


def training(networks: Iterable[str] = NETWORKS, losses: Iterable[str] = LOSSES) -> set[str]:
    """Name every training of these networks and losses."""
    return {
        f"Train {network} under {loss}: {task}, photographs, seed {seed}"
        for network in networks
        for loss in losses
        for task in TASKS
        for seed in SEEDS
    }


def comparisons(networks: Iterable[str] = NETWORKS) -> set[str]:
    """Name every side-by-side picture of these networks."""
    return {
        f"Compare the losses of {network} side by side: {task}, photographs" for network in networks for task in TASKS
    }


def outputs(folder: Path) -> list[Path]:
    """List every file and folder that the workflow makes, in the order of Snakemake's summary."""
    code, text = snakemake(folder, "--summary", *CI)
    assert code == 0, text
    rows = [line.split("\t") for line in text.splitlines()]
    return [folder / row[0] for row in rows if len(row) == 6 and row[0] != "output_file"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository that holds a finished run: empty outputs, blessed as up to date."""
    folder = copied(tmp_path_factory.mktemp("finished"))
    keep_tables(folder, "mae_loss/table3")
    scale = folder / "config/scale/ci.yaml"
    text = scale.read_text(encoding="utf-8")
    scale.write_text(swap("control_tables: [mae_loss/table3]", "control_tables: []")(text), encoding="utf-8")
    made = outputs(folder)
    assert len(made) == 2 * 2 + 2 * 2 + 2 + 6 * 5 + 48 * 3 + 68 * 2 + 4 + 5
    for output in made:
        output.parent.mkdir(parents=True, exist_ok=True)
        if output.name.endswith("_pictures"):
            output.mkdir()
        else:
            output.touch()
    code, text = snakemake(folder, "--touch", "--forceall", "--quiet", "all", *CI)
    assert code == 0, text
    return folder


def jobs(folder: Path) -> set[str]:
    """Return what a dry-run would start."""
    planned = planned_jobs(folder, *CI)
    assert len(planned) == len(set(planned))
    return set(planned)


def swap(old: str, new: str) -> Callable[[str], str]:
    """Return the edit that puts `new` in place of `old`."""
    return lambda text: text.replace(old, new)


def test_a_finished_run_has_nothing_left_to_do(finished: Path) -> None:
    assert jobs(finished) == set()


def test_an_edit_of_a_loss_reruns_the_runs_under_that_loss(finished: Path) -> None:
    with edited(finished / "lossbench/losses/vgg.py", swap("maps[layer]", "maps[layer] * 1.0")):
        planned = jobs(finished)
    assert planned == runs(losses=["vgg"]) | comparisons() | {TABLE}
    assert len(planned) == 8 + 8 + 8 + 4 + 1


def test_an_edit_of_a_loss_network_reruns_its_pretraining_and_the_runs_under_it(finished: Path) -> None:
    with edited(finished / "lossbench/loss_networks/cnn_mae.py", swap("EPSILON = 1e-6", "EPSILON = 1e-5")):
        assert jobs(finished) == CNN_PRETRAINING | runs(losses=["ccmae"]) | comparisons() | {TABLE}


def test_an_edit_of_the_transformer_reruns_both_of_its_pretrainings(finished: Path) -> None:
    with edited(finished / "lossbench/loss_networks/mae.py", swap("EPSILON = 1e-6", "EPSILON = 1e-5")):
        assert jobs(finished) == MAE_PRETRAINING | runs(losses=["kmae", "ctmae"]) | comparisons() | {TABLE}


def test_an_edit_of_the_import_reruns_the_imported_loss_network_alone(finished: Path) -> None:
    with edited(finished / "pipeline/import_weights.py", swap('"weights_digest"', '"digest"')):
        planned = jobs(finished)
    assert planned == {"Import the loss network vgg"} | runs(losses=["vgg"]) | comparisons() | {TABLE}


def test_an_edit_of_a_metric_trains_nothing(finished: Path) -> None:
    with edited(finished / "lossbench/metrics/niqe.py", swap("BLOCK = 96", "BLOCK = 80 + 16")):
        planned = jobs(finished)
    assert planned == TRIVIAL | TRUTH | (runs() - training()) | comparisons() | {TABLE}
    assert len(planned) == 68 + 4 + 1


def test_an_edit_of_the_training_loop_prepares_and_imports_nothing(finished: Path) -> None:
    with edited(finished / "pipeline/learning/loop.py", swap("state.step += 1", "state.step += 2 - 1")):
        assert jobs(finished) == MAE_PRETRAINING | CNN_PRETRAINING | runs() | comparisons() | {TABLE}


def test_an_edit_of_how_tables_look_makes_tables_only(finished: Path) -> None:
    with edited(finished / "pipeline/pages/formats.py", swap("DIGITS = 4", "DIGITS = 3")):
        assert jobs(finished) == {TABLE}


def test_an_edit_of_the_planning_that_leaves_the_specs_reruns_nothing(finished: Path) -> None:
    with ExitStack() as stack:
        for name in ("planning/plan.py", "planning/words.py", "config/read.py", "config/losses.py"):
            stack.enter_context(edited(finished / "pipeline" / name, lambda text: f"{text}\nNEW = 1\n"))
        assert jobs(finished) == set()


def test_another_number_of_steps_reruns_that_networks_runs(finished: Path) -> None:
    def longer(text: str) -> str:
        scale = yaml.safe_load(text)
        network = scale["networks"]["rfdn"]
        network["recipe"] = {**network["recipe"], "steps": 7}
        return yaml.safe_dump(scale, sort_keys=False)

    with edited(finished / "config/scale/ci.yaml", longer):
        assert jobs(finished) == runs(networks=["rfdn"]) | comparisons(["rfdn"]) | {TABLE}


def test_a_new_loss_runs_beside_the_finished_ones(finished: Path) -> None:
    original = (finished / "lossbench/losses/ctmae.py").read_text(encoding="utf-8")
    with ExitStack() as stack:
        stack.callback((finished / "lossbench/losses/new_loss.py").unlink)
        (finished / "lossbench/losses/new_loss.py").write_text(original.replace("ctmae", "new_loss"), encoding="utf-8")
        for file, listed, added in (
            ("config/tables/mae_loss/table3.yaml", "ctmae, ccmae]", "ctmae, ccmae, new_loss]"),
            ("config/scale/ci.yaml", "\nevaluation:", "  new_loss: {loss_network: mae_task}\n\nevaluation:"),
        ):
            stack.enter_context(edited(finished / file, swap(listed, added)))
        assert jobs(finished) == runs(losses=["new_loss"]) | comparisons() | {TABLE}


def test_another_place_or_pace_of_the_jobs_reruns_nothing(finished: Path) -> None:
    def elsewhere(text: str) -> str:
        config = yaml.safe_load(text)
        return yaml.safe_dump({**config, "weights_root": "elsewhere", "threads": 2, "checkpoint_minutes": 0.5})

    with edited(finished / "config/config.yaml", elsewhere):
        assert jobs(finished) == set()


def commented(text: str) -> str:
    """Put a comment before and after `text`, and other words into its first docstring."""
    return f"# a comment\n{text.replace(chr(34) * 3, chr(34) * 3 + 'In other words: ', 1)}\n# another comment\n"


def laid_out(text: str) -> str:
    """Write `text` anew without comments and with the layout of the standard library."""
    return ast.unparse(ast.parse(text)) + "\n\n\n"


@pytest.mark.parametrize("change", [commented, laid_out])
def test_comments_docstrings_and_layout_rerun_nothing(finished: Path, change: Callable[[str], str]) -> None:
    files = sorted(file for name in ("lossbench", "pipeline") for file in (finished / name).rglob("*.py"))
    files = [file for file in files if file.stat().st_size]
    assert {"loop.py", "terms.py", "plan.py", "train.py"} < {file.name for file in files}
    with ExitStack() as stack:
        for file in files:
            stack.enter_context(edited(file, change))
        assert jobs(finished) == set()


def test_a_comment_in_the_rules_reruns_nothing(finished: Path) -> None:
    with ExitStack() as stack:
        for file in [finished / "Snakefile", *(finished / "workflow/rules").glob("*.smk")]:
            stack.enter_context(edited(file, lambda text: f"{text}\n# a comment\n"))
        assert jobs(finished) == set()
