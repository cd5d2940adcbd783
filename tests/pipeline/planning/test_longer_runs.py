"""How long a control is that lasts as long as another run: decided at planning, by costs that were measured."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from _plans import FOLDER, planned, train_spec
from _repository import ROOT

from lossbench.errors import UserError
from pipeline.config.read import Configuration, values
from pipeline.planning.job import Job, closure
from pipeline.planning.measured_steps import CPU_FILE, FILE, cost_words, key_of, loss_network_of, read, write
from pipeline.planning.plan import Plan
from pipeline.planning.report import described, report
from pipeline.specs.tabulate import TabulateSpec
from pipeline.specs.train import TrainSpec

TABLES = ["mae_loss/table3", "mae_loss/table7"]
PAID = ["original_longer_paid", "p_original_longer_paid"]
EDSR = ("super_resolution_x2", "photographs", "edsr")
SFINET = ("pan_sharpening", "landsat7", "sfinet")
Copy = Callable[..., Path]


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """Return a function that copies the configuration, without those measured steps whose words hold `lost`."""

    def copied(name: str = "clone", lost: str | None = None) -> Path:
        folder = tmp_path / name / "config"
        shutil.copytree(FOLDER, folder)
        if lost is not None:
            found = read(folder / CPU_FILE)
            write(folder / CPU_FILE, {key: one for key, one in found.items() if lost not in one.what})
        return folder

    return copied


def demo(folder: Path) -> Plan:
    return Plan.from_config({**values(folder), "scale": "demo", "tables": TABLES}, folder)


def seconds(job: Job, file: str) -> float:
    """Return the measured cost of a step of `job`."""
    one = read(FOLDER / file)[key_of(str(cost_words(job.spec, loss_network_of(job))))]
    assert one.seconds is not None
    return one.seconds


def runs(plan: Plan, place: tuple[str, ...], *losses: str) -> list[Any]:
    return [plan.job("train", (*place, loss, "0")) for loss in losses]


@pytest.mark.parametrize(
    ("place", "dear", "longer"), [(EDSR, "ctmae", "original_longer"), (SFINET, "p_ctmae", "p_original_longer")]
)
def test_it_takes_as_many_steps_as_cost_what_the_other_run_costs(
    place: tuple[str, ...], dear: str, longer: str
) -> None:
    plain, other, control = runs(planned("demo"), place, "original", dear, longer)
    # never fewer than its own
    factor = max(1.0, seconds(other, CPU_FILE) / seconds(plain, CPU_FILE))
    assert control.spec.recipe.steps == round(plain.spec.recipe.steps * factor)
    # nothing else differs from the original
    assert control.spec.model_copy(update={"recipe": plain.spec.recipe}) == plain.spec
    assert control.spec.recipe.model_copy(update={"steps": plain.spec.recipe.steps}) == plain.spec.recipe


def test_no_card_and_no_clock_of_another_run_is_read(copy: Copy) -> None:
    folders = [copy("one"), copy("two")]
    plans = [demo(folder) for folder in folders]
    for place, longer in ((EDSR, "original_longer"), (SFINET, "p_original_longer")):
        controls = [plan.job("train", (*place, longer, "0")) for plan in plans]
        assert all(set(control.reads) == {"targets", "pairs"} for control in controls)
        assert [job for job in closure(controls[0]) if job.stage == "train"] == [controls[0]]
        assert controls[0].spec == controls[1].spec and controls[0].digest == controls[1].digest
    for name in TABLES:
        tables = [plan.job("tabulate", name.split("/")) for plan in plans]
        assert tables[0].spec.canonical() == tables[1].spec.canonical()
        assert tables[0].digest == tables[1].digest


def test_milestones_move_with_the_end_and_no_run_is_shorter_than_its_recipe() -> None:
    plan = planned("paper")
    place = ("super_resolution_x4", "div2k", "edsr")
    plain, other, control = runs(plan, place, "original", "ctmae", "original_longer")
    factor = seconds(other, FILE) / seconds(plain, FILE)
    assert control.spec.recipe.steps == round(300_000 * factor) > 700_000
    assert control.spec.recipe.schedule.milestones == (round(200_000 * factor),)
    # a step under p_ctmae was measured to cost less than one under the original loss
    cheap, dear = runs(plan, ("pan_sharpening", "worldview2", "sfinet"), "p_original_longer", "original")
    assert cheap.spec.recipe == dear.spec.recipe


@pytest.mark.parametrize("place", [("super_resolution_x2", "div2k", "rfdn"), ("enhancement_lol", "lol", "sid")])
def test_one_that_pays_for_the_pretraining_takes_its_cost_in_steps_too(place: tuple[str, ...]) -> None:
    plan = planned("paper")
    plain, other, longer, paid = runs(plan, place, "original", "ctmae", "original_longer", "original_longer_paid")
    made = other.reads["weights"].job
    own = seconds(plain, FILE)
    both = plain.spec.recipe.steps * seconds(other, FILE) + made.spec.recipe.steps * seconds(made, FILE)
    assert paid.spec.recipe.steps == pytest.approx(both / own, abs=1)
    assert paid.spec.recipe.steps > longer.spec.recipe.steps
    assert set(paid.reads) == {"targets", "pairs"}


def test_it_is_a_control_where_the_scale_trains_it() -> None:
    for scale, there in (("paper", True), ("demo", False), ("ci", False)):
        plan = planned(scale)
        for number in (1, 2, 3, 4, 7):
            spec = plan.job("tabulate", ("mae_loss", f"table{number}")).spec
            assert isinstance(spec, TabulateSpec)
            name = "p_original_longer_paid" if number == 7 else "original_longer_paid"
            assert (name in spec.controls) == (name in spec.losses) == there
            left_out = [line for line in spec.settings if line.startswith("control rows ") and name in line]
            assert bool(left_out) == (not there)
    assert "control rows original_longer_paid: not trained at this scale" in settings("demo", "table3")


def settings(scale: str, table: str) -> tuple[str, ...]:
    spec = planned(scale).job("tabulate", ("mae_loss", table)).spec
    assert isinstance(spec, TabulateSpec)
    return spec.settings


def test_the_table_says_how_many_steps_it_takes_and_why() -> None:
    plan = planned("demo")
    rfdn, edsr = (
        [train_spec(plan, *EDSR[:2], network, loss, "0").recipe.steps for loss in ("original_longer", "original")]
        for network in ("rfdn", "edsr")
    )
    (line,) = (line for line in settings("demo", "table3") if line.startswith("original_longer: "))
    assert line.startswith(
        "original_longer: original with as many more steps as cost what the run of ctmae costs, by the costs in "
        f"config/cpu_seconds.csv: rfdn x2 {rfdn[0]} for {rfdn[1]}, edsr x2 {edsr[0]} for {edsr[1]}, rfdn x4 "
    )
    (line,) = (line for line in settings("paper", "table7") if line.startswith("p_original_longer_paid: "))
    assert "costs, its loss network's training included, by the costs in config/gpu_seconds.csv: sfinet wv2 " in line
    assert "original_longer: original with 2 times the steps, as its steps_factor states: rfdn x2 12 for 6, " in (
        " ".join(settings("ci", "table3"))
    )


def test_a_cost_that_was_not_measured_is_refused_with_the_command_that_measures_it(copy: Copy) -> None:
    folder = copy(lost="edsr (blocks 4, channels 24, scale 2) under ctmae")
    with pytest.raises(UserError) as refused:
        demo(folder)
    text = str(refused.value)
    assert "\n" not in text
    assert text.startswith(f"{folder / CPU_FILE}: the steps of original_longer follow from what a step costs, which")
    assert "is not measured for 'edsr (blocks 4, channels 24, scale 2) under ctmae (pixel l1) on mae (" in text
    assert "run `python benchmarks/gpu_hours.py --scale demo --cpu --tables mae_loss/table3`, " in text
    assert text.endswith(
        "state their steps_factor in config/scale/demo.yaml, or leave them out by absent_controls there"
    )


def test_all_that_is_not_measured_is_counted(copy: Copy) -> None:
    folder = copy()
    (folder / CPU_FILE).unlink()
    with pytest.raises(UserError, match=r"steps of original_longer, p_original_longer follow .* and 9 more; run .*7`"):
        demo(folder)


@pytest.mark.parametrize(
    "change",
    [{"losses": {"original_longer": {"steps_factor": 1.5}}}, {"absent_controls": ["original_longer", *PAID]}],
    ids=["factor", "no control"],
)
def test_who_changes_a_network_may_state_the_steps_or_leave_the_control_out(copy: Copy, change: dict[str, Any]) -> None:
    folder = copy()
    file = folder / "scale/demo.yaml"
    scale = yaml.safe_load(file.read_text(encoding="utf-8"))
    scale["networks"]["edsr"]["arguments"]["channels"] = 20
    file.write_text(yaml.safe_dump(scale), encoding="utf-8")
    with pytest.raises(UserError, match="channels 20, scale 4"):
        demo(folder)
    scale |= {**change, "losses": {**scale["losses"], **change.get("losses", {})}}
    file.write_text(yaml.safe_dump(scale), encoding="utf-8")
    plan = demo(folder)
    if "losses" in change:
        plain, longer = (train_spec(plan, *EDSR, loss, "0").recipe.steps for loss in ("original", "original_longer"))
        assert longer == 1.5 * plain


def test_the_plan_in_words_says_what_is_not_measured_and_goes_on(
    copy: Copy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(copy(lost="rfdn").parent)
    report("demo", Path("config"), as_json=False)
    said = capsys.readouterr().out
    assert "can't be run yet: config/cpu_seconds.csv: the steps of original_longer follow" in said
    assert "nothing is missing" in said


def test_runs_of_unknown_length_are_in_no_number_of_hours() -> None:
    read_ = Configuration.read({**values(FOLDER), "scale": "paper", "tables": TABLES[:1]}, FOLDER)
    known, unknown = Plan(read_), Plan(replace(read_, folder=Path("nowhere")), unmeasured=True)
    measured = read(FOLDER / FILE)
    hours = [described(plan, measured)["gpu_hours"] for plan in (known, unknown)]
    # 2 controls of 2 networks and columns under 3 seeds
    assert sum(hours[1]["unmeasured"].values()) - sum(hours[0]["unmeasured"].values()) == 24
    assert hours[1]["total"] < hours[0]["total"]


def test_a_damaged_file_of_costs_is_named_with_its_line(copy: Copy) -> None:
    folder = copy()
    file = folder / CPU_FILE
    file.write_text(file.read_text(encoding="utf-8").replace(",0.0", ",-0.0", 1), encoding="utf-8")
    with pytest.raises(UserError, match=rf"{CPU_FILE}, line 2: .*seconds are no time"):
        demo(folder)


@pytest.mark.parametrize("scale", ["demo", "paper"])
def test_every_control_of_a_shipped_scale_can_be_switched_on(scale: str) -> None:
    found = Configuration.read({**values(FOLDER), "scale": scale}, FOLDER, every_control=True)
    plan = Plan(found)
    longer = [job for job in plan.jobs["train"].values() if "longer" in job.wildcards["loss"]]
    assert {job.wildcards["loss"] for job in longer} == {
        "original_longer", "original_longer_paid", "p_original_longer", "p_original_longer_paid"
    }  # fmt: skip
    assert all(isinstance(job.spec, TrainSpec) and not job.undecided for job in longer)
    assert (ROOT / "config" / CPU_FILE).is_file()
