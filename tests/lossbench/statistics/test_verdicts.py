"""Verdicts on claims and on values: each row of their tables, what overlaps, and effects planted in simulations."""

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
import yaml
from _repository import ROOT
from scipy import stats

from lossbench import plugins
from lossbench.statistics.intervals import equivalent, interval
from lossbench.statistics.sizes import Place
from lossbench.statistics.verdicts import FLOORS, slight_verdict, value_verdict, verdict


@dataclass(frozen=True)
class Between:
    low: float
    high: float
    covers_seeds: bool = True


@pytest.mark.parametrize(
    ("low", "high", "published", "tost_p", "name", "words"),
    [
        (-0.3, -0.1, 0.2, 0.9, "contradicted", "below 0"),
        (-0.3, -0.1, None, None, "contradicted", "no published size"),
        (0.15, 0.3, 0.2, 0.9, "confirmed in size", "is shorter than it"),
        (0.1, 0.35, 0.2, 0.9, "confirmed", "is not shorter than it"),
        (0.1, 0.2, 0.3, 0.9, "confirmed, smaller", "below the published size"),
        (0.3, 0.5, 0.2, 0.9, "confirmed", "above the published size"),
        (0.1, 0.3, None, None, "confirmed", "no published size"),
        (-0.05, 0.05, 0.2, 0.01, "equivalent", "within half"),
        (-0.05, 0.18, 0.2, 0.3, "open, below the claim", "leaves the direction open"),
        (-0.3, 0.4, 0.2, 0.5, "underpowered", "half of its width"),
        (-0.05, 0.25, 0.2, 0.5, "undecided", "holds 0; and the published size"),
        (-0.05, 0.25, None, None, "undecided", "no published size"),
    ],
)
def test_each_row_of_the_table(
    low: float, high: float, published: float | None, tost_p: float | None, name: str, words: str
) -> None:
    found = verdict(Between(low, high), published, tost_p)
    assert found.name == name and words in found.reason


@pytest.mark.parametrize(
    ("low", "high", "published", "tost_p", "name", "words"),
    [
        # contradicted, though so small that it is equivalent too
        (-0.05, -0.01, 0.2, 0.001, "contradicted", "within half of the published"),
        # contradicted by an interval that is wider than what was looked for
        (-2.0, -0.1, 0.2, 0.9, "contradicted", "width is above"),
        # a difference is there, but within half of the published one
        (0.01, 0.05, 0.2, 0.001, "confirmed, smaller", "within half of the published"),
        # the published size is in it, and so are sizes of three times that
        (0.05, 0.7, 0.2, 0.9, "confirmed", "width is above"),
        # equivalent and below the published size: equivalence says more
        (-0.01, 0.05, 0.2, 0.001, "equivalent", "within half"),
        # below the published size and wide: the size is excluded all the same
        (-0.9, 0.1, 0.2, 0.9, "open, below the claim", "width is above"),
    ],
)
def test_what_overlaps_has_one_verdict_and_the_reason_says_the_other(
    low: float, high: float, published: float, tost_p: float, name: str, words: str
) -> None:
    found = verdict(Between(low, high), published, tost_p)
    assert found.name == name and words in found.reason


@pytest.mark.parametrize("published", [0.0, -0.1])
def test_a_claim_that_the_published_numbers_deny_is_judged_by_direction(published: float) -> None:
    found = verdict(Between(0.1, 0.3), published, 0.001)
    assert found.name == "confirmed" and "do not show the claim" in found.reason
    assert verdict(Between(-0.1, 0.3), published, 0.001).name == "undecided"


def test_nan_is_no_published_size() -> None:
    assert verdict(Between(0.1, 0.3), math.nan, None).reason.endswith("no published size")


def test_ends_at_zero_and_at_the_published_size_count_as_holding_them() -> None:
    assert verdict(Between(0, 0.3), 0.2, 0.9).name == "undecided"
    assert verdict(Between(-0.3, 0), None, None).name == "undecided"
    assert verdict(Between(0.2, 0.3), 0.2, 0.9).name == "confirmed in size"
    assert verdict(Between(0.1, 0.2), 0.2, 0.9).name == "confirmed in size"


@pytest.mark.parametrize(
    ("low", "high", "name"),
    [(0.1, 0.3, "higher in one run"), (-0.3, -0.1, "lower in one run"), (-0.1, 0.3, "undecided")],
)
def test_one_run_gives_no_direction(low: float, high: float, name: str) -> None:
    found = verdict(Between(low, high, covers_seeds=False), 0.2, 0.9)
    assert found.name == name and "the seed's noise is not known" in found.reason
    assert slight_verdict(Between(low, high, covers_seeds=False), -0.2).name == "undecided"


@pytest.mark.parametrize(
    ("low", "high", "tost_p", "name"),
    [(0.15, 0.3, 0.9, "confirmed"), (0.1, 0.15, 0.9, "confirmed"), (-0.3, -0.1, 0.9, "contradicted"),
     (-0.01, 0.01, 0.001, "undecided"), (-0.9, 0.1, 0.9, "undecided")],
)  # fmt: skip
def test_no_size_and_no_equivalence_is_judged_at_a_reduced_scale(
    low: float, high: float, tost_p: float, name: str
) -> None:
    found = verdict(Between(low, high), 0.2, tost_p, sizes=False)
    assert found.name == name and found.reason.endswith("sizes are not judged at a reduced scale")


@pytest.mark.parametrize(
    ("place", "name"), [("below", "confirmed, smaller"), ("holds", "confirmed in size"), ("above", "confirmed")]
)
def test_where_the_published_size_has_an_error_of_its_own_its_place_is_told(place: Place, name: str) -> None:
    assert verdict(Between(0.1, 0.15), 0.2, 0.9, place=place).name == name


def test_the_level_decides_on_equivalence() -> None:
    assert verdict(Between(-0.05, 0.05), 0.2, 0.03, level=0.95).name == "equivalent"
    assert verdict(Between(-0.05, 0.05), 0.2, 0.03, level=0.99).name == "open, below the claim"


def verdicts(effect: float, published: float, seed_deviation: float = 0.02, repeats: int = 100) -> Counter[str]:
    """Return the verdicts on simulated tables: 100 images of deviation 0.2, 3 seeds, some residual."""
    generator = np.random.default_rng(7)
    found: Counter[str] = Counter()
    for _ in range(repeats):
        sets = [effect + 0.2 * generator.standard_normal((1, 100)) + seed_deviation * generator.standard_normal((3, 1))
                + 0.05 * generator.standard_normal((3, 100))]  # fmt: skip
        p_value = equivalent(sets, published / 2, 1000)
        found[verdict(interval(sets, resamples=1000), published, p_value).name] += 1
    return found


@pytest.mark.parametrize(
    ("effect", "published", "names"),
    [
        (0.3, 0.3, {"confirmed in size"}),
        (-0.3, 0.3, {"contradicted"}),
        (0.0, 0.6, {"equivalent"}),
        (0.3, 0.6, {"confirmed, smaller"}),
        (0.6, 0.3, {"confirmed"}),
        # no difference, and no power to see the published one: anything but a direction
        (0.0, 0.02, {"underpowered", "undecided", "open, below the claim"}),
    ],
)
def test_planted_effects_get_their_verdict_in_95_of_100_tables(
    effect: float, published: float, names: set[str]
) -> None:
    found = verdicts(effect, published)
    assert sum(found[name] for name in names) >= 95, found


def test_noise_of_seeds_is_not_taken_for_an_effect() -> None:
    found = verdicts(0.0, 0.3, seed_deviation=0.3)
    assert found["confirmed"] + found["confirmed in size"] + found["contradicted"] <= 10, found


@pytest.mark.parametrize(
    ("low", "high", "published", "name"),
    [
        (-0.3, -0.1, -0.2, "confirmed"),
        (0.1, 0.2, -0.2, "confirmed"),
        (-5.7, -5.5, -0.2, "contradicted"),
        (-0.5, -0.3, -0.2, "undecided"),
        (-0.3, -0.1, 0.2, "undecided"),
        (-0.3, -0.1, None, "undecided"),
    ],
)
def test_a_slight_loss_has_an_upper_bound(low: float, high: float, published: float | None, name: str) -> None:
    assert slight_verdict(Between(low, high), published).name == name


def test_the_prediction_interval_by_hand() -> None:
    values = [20.1, 20.2, 20.3]
    half = stats.t.ppf(0.975, 2) * 0.1 * math.sqrt(1 / 3 + 1)
    found = value_verdict(values, 20.0, FLOORS["psnr"], published_runs=1, full_scale=True)
    assert found.name == "replicated"
    assert (found.low, found.high) == pytest.approx((20.2 - half, 20.2 + half))
    assert value_verdict(values, 20.2 + half + 0.01, 0.05, 1, True).name == "outside"
    more_runs = value_verdict(values, 20.0, 0.05, published_runs=3, full_scale=True)
    assert more_runs.low is not None and found.low is not None and more_runs.low > found.low


def test_the_papers_own_code_reproduces() -> None:
    assert value_verdict([20.0, 20.1, 20.2], 20.1, 0.05, 1, True, same_code=True).name == "reproduced"


def test_the_floor_holds_where_seeds_hardly_differ() -> None:
    assert value_verdict([0.9] * 3, 0.901, FLOORS["ssim"], 1, True).name == "replicated"
    assert value_verdict([0.9] * 3, 0.9011, FLOORS["ssim"], 1, True).name == "outside"


@pytest.mark.parametrize(
    ("seeds", "full_scale", "why"),
    [(3, False, "reduced scale"), (2, True, "fewer than 3 seeds"), (1, False, "reduced scale")],
)
def test_what_cannot_be_compared_is_not_attempted(seeds: int, full_scale: bool, why: str) -> None:
    found = value_verdict([20.0] * seeds, 20.0, 0.05, 1, full_scale)
    assert (found.name, found.low, found.high, found.cv) == (f"not attempted ({why})", None, None, None)


def test_an_infinite_mean_is_not_compared() -> None:
    assert value_verdict([20.0, 20.1, math.inf], 20.0, 0.05, 1, True).name == "not attempted (infinite)"


def test_the_coefficient_of_variation_by_hand() -> None:
    # deviation of 20 and 21: 1 / sqrt(2), unbiased 1 / sqrt(2) / sqrt(2 / pi), mean 20.5, factor 1 + 1 / 8
    expected = 1.125 * (1 / math.sqrt(2) / math.sqrt(2 / math.pi)) / 20.5 * 100
    assert expected == pytest.approx(4.8635, abs=1e-3)
    assert value_verdict([21.0] * 3, 20.0, 0.05, 1, True).cv == pytest.approx(expected)
    assert value_verdict([0.0] * 3, 0.0, 0.05, 1, True).cv is None


def test_the_floors_are_those_of_metrics_that_exist() -> None:
    named = {
        name
        for file in (ROOT / "config/tables").rglob("*.yaml")
        for name in yaml.safe_load(file.read_text())["metrics"]
    }
    assert set(FLOORS) <= {*plugins.names("metrics"), *named}


def test_what_papers_print_of_one_kind_has_one_floor() -> None:
    errors = ("classification_error", "robust_error", "standard_error", "efficientnet_error")
    for names in (("gmsd", "gmsd_full"), ("lpips", "r_lpips"), ("accuracy", "adversarial_accuracy", *errors)):
        assert len({FLOORS[name] for name in names}) == 1
