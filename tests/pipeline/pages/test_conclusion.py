"""The sentence of conclusion and the line on power, made of rows that are made up."""

from typing import Any

from pipeline.pages.conclusion import conclusion, power
from pipeline.pages.matrix import Answer


def answer(loss: str, axis: str = "distortion", direction: str = "", **changes: Any) -> Answer:
    """Return what a table of super-resolution says of a loss."""
    metric, better = {"distortion": ("psnr", "up"), "perception": ("lpips", "down")}[axis]
    fields: dict[str, Any] = {
        "paper": "mae_loss", "task": "Image super-resolution", "reference": "original", "kind": "loss",
        "better": better, "tested": True, "direction": direction, "controlled": True, "detectable": 0.5,
    }  # fmt: skip
    return Answer(**{**fields, "loss": loss, "axis": axis, "metric": metric, **changes})


def test_a_loss_that_is_better_is_named_with_task_and_axis() -> None:
    rows = [answer("vgg"), answer("ctmae", direction="better"), answer("kmae", "perception", "worse")]
    assert conclusion(rows) == (
        "Beyond the noise of pictures and seeds, ctmae is better than original in distortion (image super-resolution); "
        "no control does as well."
    )


def test_what_a_control_does_as_well_is_marked_and_explained() -> None:
    rows = [
        answer("vgg", "perception", "better", as_well=("sharpened",)),
        answer("ctmae", "perception", "better"),
        answer("ctmae", "perception", "better", task="EnhanceNet on photographs"),
    ]
    assert conclusion(rows) == (
        "Beyond the noise of pictures and seeds, vgg‡ and ctmae are better than original in perception "
        "(image super-resolution), ctmae in perception (EnhanceNet on photographs); "
        "‡ a control or an answer without training does as well."
    )
    assert conclusion(rows[:1]).endswith("; ‡ in each case a control or an answer without training does as well.")


def test_perception_at_the_price_of_distortion_says_so() -> None:
    rows = [answer("vgg", direction="worse"), answer("vgg", "perception", "better", controlled=False)]
    assert conclusion(rows) == (
        "Beyond the noise of pictures and seeds, vgg is better than original in perception and worse in distortion "
        "(image super-resolution)."
    )


def test_the_same_losses_in_two_tasks_are_named_once() -> None:
    rows = [answer(loss, direction="better", task=task) for task in ("Denoising", "Deblurring") for loss in ("a", "b")]
    assert "a and b are better than original in distortion (denoising and deblurring); no control" in conclusion(rows)


def test_without_a_control_nothing_is_said_of_controls() -> None:
    assert "control" not in conclusion([answer("ctmae", direction="better", controlled=False)])


def test_no_better_loss_is_said_with_the_number_of_worse_ones() -> None:
    rows = [answer("vgg", direction="worse"), answer("vgg", "perception"), answer("kmae", task="Denoising")]
    assert conclusion(rows) == (
        "Beyond the noise of pictures and seeds, no loss is better than original in any of the 2 tasks, "
        "and 1 of 3 differences are worse."
    )
    assert conclusion(rows[1:2]).endswith(", no loss is better than original in image super-resolution.")


def test_controls_and_the_reference_itself_are_never_the_better_loss() -> None:
    rows = [
        answer("random_tmae", direction="better", kind="control"),
        answer("again", direction="better", kind="again"),
    ]
    assert conclusion([*rows, answer("vgg")]).endswith("no loss is better than original in image super-resolution.")
    assert conclusion(rows).startswith("No conclusion is drawn: no table has")


def test_one_run_gives_no_direction() -> None:
    rows = [answer("vgg", tested=False, detectable=None), answer("p", tested=False, reference="e", detectable=None)]
    said = "One run a loss tells no direction: no loss can be called better or worse than original or e."
    assert conclusion(rows) == said
    assert power(rows) == "unknown, since one run a loss does not tell how far two runs lie apart"


def test_a_task_of_one_run_is_left_out_and_named() -> None:
    rows = [answer("vgg"), answer("vgg", task="Denoising", tested=False, detectable=None)]
    assert conclusion(rows).endswith(
        "in image super-resolution; nothing is said of denoising, which has one run a loss or withheld verdicts."
    )
    assert power(rows).endswith("image super-resolution 0.50 dB PSNR; unknown of denoising, of one run a loss")


def test_two_papers_are_one_sentence() -> None:
    rows = [answer("ctmae", direction="better"), answer("p", paper="robust", reference="e", task="EnhanceNet")]
    rows += [answer("p", paper="robust", reference="e", task="More")]
    assert conclusion(rows) == (
        "Beyond the noise of pictures and seeds, ctmae is better than original in distortion (image super-resolution); "
        "no control does as well; no loss is better than e in any of the 2 tasks of robust."
    )


def test_withheld_verdicts_give_no_conclusion() -> None:
    rows = [answer("ctmae", direction="better")]
    assert conclusion(rows, "the metrics failed") == "No conclusion is drawn: the metrics failed."


def test_power_is_the_median_over_the_losses_in_the_unit_of_the_metric() -> None:
    sizes = {"a": 0.1, "b": 0.31, "c": 4.0}
    rows = [answer(loss, detectable=size) for loss, size in sizes.items()]
    rows += [answer("a", "perception", detectable=0.0123), answer("x", kind="control", detectable=99.0)]
    assert power(rows) == (
        "what these seeds and pictures show in four of five such runs, median over the losses: "
        "image super-resolution 0.31 dB PSNR and 0.012 LPIPS"
    )
