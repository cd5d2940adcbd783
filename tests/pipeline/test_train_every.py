"""Stage train under a loss whose learned term is in every k-th step alone: history, strength, resume to the bit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from _runs import assert_same_run, card, cut_off, history, run_of

from lossbench.networks import load_network
from pipeline import train
from pipeline.specs.train import TrainSpec

TERM, RATIO = "ccmae", "ccmae_gradient_ratio"
Train = Callable[..., Path]


def load(path: Path) -> tuple[Any, dict[str, Any]]:
    return load_network(path), {}


@pytest.fixture
def trained(
    targets: Path, pairs: Path, loss_network: Path, train_spec: Callable[..., TrainSpec], tmp_path: Path
) -> Train:
    """Train under `ccmae` of every k-th step, or with no word on it where k is None, and return the folder."""

    def run(name: str, every: int | None, loss: str = "ccmae", saved: float = 300.0, **changes: Any) -> Path:
        spec = train_spec(loss, **{"steps": 12, "history": 1, **changes})
        added = {} if every is None else {"every": every}
        chosen = spec.loss.model_copy(update={"arguments": {**spec.loss.arguments, **added}})
        place = run_of(tmp_path / name, "train/toy", {"checkpoint_seconds": saved})
        train.main(
            spec.model_copy(update={"loss": chosen}), "code", place, targets=targets, pairs=pairs, weights=loss_network
        )
        return tmp_path / name

    return run


def test_rows_of_steps_without_the_term_leave_it_empty(trained: Train) -> None:
    folder = trained("run", 4)
    rows = history(folder)
    assert [int(row["step"]) for row in rows if row[TERM]] == [0, 4, 8]
    assert [int(row["step"]) for row in rows if row[RATIO]] == [0, 4, 8]
    for row in rows:
        learned = float(row[TERM]) if row[TERM] else 0.0
        assert float(row["total"]) == pytest.approx(float(row["pixel"]) + 4 * learned, rel=1e-5)
    # the strength is that of the mean over all steps, of the rows that have the term
    ratios = [float(row[RATIO]) for row in rows if row[RATIO]]
    assert card(folder)["strength"] == {TERM: pytest.approx(sum(ratios) / 3, rel=1e-3)}
    assert card(folder)["loss_weights"] == {"pixel": 1.0, TERM: 1.0}
    plain = trained("plain", None)
    assert list(rows[0]) == list(history(plain)[0])
    # both begin with the same weights
    assert rows[0][TERM] == history(plain)[0][TERM] and rows[0][RATIO] == history(plain)[0][RATIO]
    assert card(folder)["strength"][TERM] == pytest.approx(card(plain)["strength"][TERM], rel=0.3)


@pytest.mark.parametrize("loss", ["ccmae", "p_ccmae"])
@pytest.mark.parametrize("steps", [6, 8])
def test_a_run_cut_off_within_a_cycle_or_between_two_ends_as_if_nothing_had_been(
    loss: str, steps: int, trained: Train
) -> None:
    whole = trained("whole", 4, loss)
    # low quality and target of each step
    with cut_off(train, "to_tensor", 2 * steps):
        trained("cut", 4, loss, saved=0.0)
    assert not (whole.with_name("cut") / "card.json").exists()
    resumed = trained("cut", 4, loss)
    assert card(resumed)["resumed_at"] == steps
    assert_same_run(resumed, whole, "model.safetensors", load)


def test_every_step_is_the_training_as_it_was_bit_for_bit(trained: Train) -> None:
    plain, one = trained("plain", None, steps=6), trained("one", 1, steps=6)
    for file in ("history.csv", "model.safetensors"):
        assert (plain / file).read_bytes() == (one / file).read_bytes()
    other = trained("other", 2, steps=6)
    assert (plain / "model.safetensors").read_bytes() != (other / "model.safetensors").read_bytes()
