"""What a table's spec says in words of what stands in for what, and of doubtful numbers."""

from dataclasses import replace

from _plans import at_ci, planned

from pipeline.planning.plan import Plan
from pipeline.specs.tabulate import TabulateSpec


def test_a_column_over_two_test_sets_has_a_cell_and_a_comparison_of_each() -> None:
    read = at_ci()
    table = read.tables["mae_loss/table3"]
    column = table.columns["x2"]
    other = column.test_set.model_copy(update={"dataset": "imagenet"})
    whole = column.model_copy(update={"also": (other,)})
    plan = Plan(replace(read, tables={"mae_loss/table3": table.model_copy(update={"columns": {"x2": whole}})}))
    spec = plan.job("tabulate", ("mae_loss", "table3")).spec
    assert isinstance(spec, TabulateSpec)
    for loss in table.losses:
        sets = [cell.test_set for cell in spec.cells if (cell.network, cell.loss, cell.seed) == ("edsr", loss, 0)]
        assert sets == ["photographs", "generic_photographs"]
    assert len(plan.jobs["train"]) == 2 * 2 * len([loss for loss in table.losses if loss not in table.answers])
    assert {key[-1] for key in plan.jobs["compare"]} == {"photographs", "generic_photographs"}
    assert "data set generic_photographs stands in for imagenet" in spec.stand_ins


def test_the_table_names_all_that_stands_in_for_something() -> None:
    spec = planned("ci").job("tabulate", ("mae_loss", "table3")).spec
    assert isinstance(spec, TabulateSpec)
    assert spec.stand_ins == (
        "data set photographs stands in for div2k",
        "data set generic_photographs stands in for imagenet",
        "loss network mae_public (mae) stands in for the public ImageNet MAE ViT-B/16 "
        "(here trained on generic imagery that is not the task's)",
        "loss network vgg (vgg16) stands in for VGG-19 (here the real ImageNet VGG-16 trunk)",
    )
    paper = planned("paper").job("tabulate", ("mae_loss", "table3")).spec
    assert isinstance(paper, TabulateSpec)
    assert paper.stand_ins == ()
    assert len(paper.published) == 40
    doubtful = [value for value in paper.published if value.warning]
    assert [(value.column, value.network, value.loss, value.metric) for value in doubtful] == [
        ("x2", "edsr", "vgg", "niqe")
    ]
    assert doubtful[0].value == 4.2712


def test_clipping_is_printed_with_what_it_does_between_losses() -> None:
    said = {scale: {} for scale in ("paper", "demo")}
    for scale, found in said.items():
        spec = planned(scale).job("tabulate", ("mae_loss", "table4")).spec
        assert isinstance(spec, TabulateSpec)
        found |= {line.split(":")[0]: line for line in spec.settings}
    unequal = "clipping acts in more steps under losses of larger gradients"
    assert f"schedule steps, gradients clipped at 40; {unequal}; " in said["paper"]["sfinet"]
    assert not any("clip" in line for line in said["demo"].values())
    assert "clip" not in said["paper"]["innformer"]
