"""The matrix of losses by tasks: what stands in its cells, in which order, and on the page."""

import json
import re
from pathlib import Path

from _pages import made, words
from _report_inputs import results, rewrite

from pipeline.pages import again
from pipeline.pages.inputs import Gaps, Table, read_table
from pipeline.pages.matrix import Matrix, matrices


def matrix_of(verdicts: list[Path]) -> Matrix:
    """Return the only matrix of these tables."""
    tables = [read_table(path, Gaps()) for path in verdicts]
    (found,) = matrices(tables, again.withheld(tables))
    return found


def row(page: str, loss: str) -> str:
    """Return the text of a row of the matrix."""
    (table,) = re.findall(r'<table class="matrix">.*?</table>', page, re.DOTALL)
    rows = {words(part).split()[0]: words(part) for part in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)[1:]}
    return rows[loss]


def test_a_cell_shows_both_axes_with_intervals_marks_and_the_cost_of_a_step(tmp_path: Path) -> None:
    page = made(results(tmp_path))
    # cards: 40 steps in 20 s under vgg, in 10 s under original
    assert row(page, "vgg") == "vgg −1.00 ▼ worse [−1.90, −0.10] −2.00 ▲ better ‡ [−2.90, −1.10] 2.0 ×"
    assert row(page, "ctmae") == "ctmae +0.50 [−0.40, +1.40] −1.00 [−1.90, −0.10] 3.0 ×"
    assert 'title="no better than random_tmae">‡' in page and "vgg in perception (Super-resolution, table3)" in page
    assert "distortion PSNR, dB ↑ perception NIQE ↓ step" in words(page)


def test_losses_keep_their_order_and_controls_and_the_self_test_stand_apart(tmp_path: Path) -> None:
    losses = ("original", "vgg", "ctmae", "random_tmae", "original_again")
    found = matrix_of(results(tmp_path, losses=losses, again="original_again"))
    assert [[one.loss for one in rows] for rows in (found.losses, found.controls, found.again)] == [
        ["vgg", "ctmae"], ["random_tmae"], ["original_again"]
    ]  # fmt: skip
    # it has no scores of its own here
    assert [figure.text for figure in found.again[0].cells[0][0]] == ["missing"] * 2  # type: ignore[index]


def test_a_loss_that_a_table_does_not_have_is_blank_there(tmp_path: Path) -> None:
    first, second = results(tmp_path, ("table3", "table4"))
    content = json.loads(second.read_text())
    left = [one for one in content["spec"]["losses"] if one != "vgg"]
    summary = [each for each in content["summary"] if each["loss"] != "vgg"]
    rewrite(second, spec={**content["spec"], "losses": [*left, "p_ctmae"], "title": "Other"}, summary=summary)
    found = matrix_of([first, second])
    assert [(one.loss, [cell is None for cell in one.cells]) for one in found.losses] == [
        ("vgg", [False, True]), ("ctmae", [False, False]), ("p_ctmae", [True, False])
    ]  # fmt: skip


def test_a_paper_has_a_matrix_of_its_own_and_a_table_without_the_axes_none(tmp_path: Path) -> None:
    first, second, third = results(tmp_path, ("table3", "table4", "table5"))
    spec = json.loads(second.read_text())["spec"]
    rewrite(second, spec={**spec, "paper": "robust_perceptual"})
    rewrite(third, summary=[])
    tables = [read_table(path, Gaps()) for path in (first, second, third)]
    found = matrices(tables, again.withheld(tables))
    assert [(one.paper, len(one.columns)) for one in found] == [("mae loss", 1), ("robust perceptual", 1)]


def test_one_run_has_intervals_and_no_marks(tmp_path: Path) -> None:
    (verdict,) = results(tmp_path)
    alone = {"p_value": None, "p_holm": None, "detectable": None, "direction": "", "as_well": []}
    rewrite(verdict, again=[], summary=[{**each, **alone} for each in json.loads(verdict.read_text())["summary"]])
    page = made([verdict])
    assert "One run a loss tells no direction: no loss can be called better or worse than original." in words(page)
    assert "one run: no direction" in words(page) and "worse" not in row(page, "vgg")
    assert "A/A test none: no reference loss is held against itself" in words(page)


def test_too_many_directions_of_the_reference_against_itself_withhold_everything(tmp_path: Path) -> None:
    first, second = results(tmp_path, ("table3", "table4"))
    (place,) = json.loads(first.read_text())["again"]
    # neither table alone is beyond chance
    rewrite(first, again=[{**place, "direction": True}] * 2 + [place] * 4)
    rewrite(second, again=[{**place, "direction": True}] * 2 + [place] * 4)
    page = made([first, second])
    why = "the reference loss against itself gets a direction in 4 of 12 A/A comparisons"
    assert f"No conclusion is drawn: {why}." in page and f"Verdicts are withheld: {why}." in page
    assert set(re.findall(r'data-verdict="([^"]*)"', page)) == {"withheld"}
    claims = json.loads((first.parents[2] / "report/claims.json").read_text())
    assert {(claim["verdict"], claim["reason"]) for claim in claims} == {("withheld", why)}
    assert "worse" not in row(page, "vgg") and "‡" not in row(page, "vgg")
    assert "a direction in 4 of 12 comparisons, more than chance gives (at most 5% are meant" in words(page)


def test_a_table_beyond_chance_is_withheld_alone_where_the_scale_is_not(tmp_path: Path) -> None:
    first, second = results(tmp_path, ("table3", "table4"))
    (place,) = json.loads(first.read_text())["again"]
    rewrite(first, again=[{**place, "direction": True}] * 2)
    rewrite(second, again=[place] * 28)
    tables: list[Table] = [read_table(path, Gaps()) for path in (first, second)]
    reasons = again.withheld(tables)
    assert again.counted(tables) == (2, 30) and not again.false_directions(tables)
    assert reasons["mae_loss/table3"].endswith("2 of 2 A/A comparisons") and reasons["mae_loss/table4"] == ""
    found = matrix_of([first, second])
    assert [column.note for column in found.columns] == ["withheld", ""]
    assert "2 of 2 A/A comparisons. mae_loss/table3" in words(made([first, second]))


def test_self_tests_are_counted_apart_from_the_claims_of_papers(tmp_path: Path) -> None:
    (verdict,) = results(tmp_path)
    claims = json.loads(verdict.read_text())["claims"]
    self_test = {**claims[2], "id": "again_psnr", "kind": "again", "text": "original is better than itself"}
    rewrite(verdict, claims=[*claims, {**self_test, "verdict": "undecided"}])
    page = made([verdict])
    papers, apart = page.split("A/A tests, which no paper claims")
    assert "original is better than itself" not in papers and "original is better than itself" in apart
    assert 'value="undecided"' not in papers
    assert "again the reference loss against itself: a direction is a false one 1: 1 undecided" in words(apart)
