"""Print the computed sentences of statistics.md: `uv run python docs/statistics_numbers.py`, or one by its name."""

import argparse
import itertools
import math
import textwrap
from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq
from scipy.stats import kendalltau, nct, t

from lossbench.statistics.verdicts import FLOORS

SIZE, POWER, SIGNIFICANCE = 0.1, 0.8, 0.05
"""PSNR difference in dB to be found, with which power, at which two-sided level."""
DEVIATIONS = {"BSD100": (0.13, 0.16), "Set5 and Set14": (0.31, 0.34), "Urban100": (0.24, 0.55)}
"""Of paired PSNR differences in dB between neighbouring methods in published per-image tables of super-resolution."""
SEEDS = (3, 5, 10)
ROWS, TAUS = 11, (27 / 55, 33 / 55)
"""Losses of the robust-perceptual paper's tables, and two values that Kendall's tau can take for them."""
FEW, SMALL = 5, 0.03


def images(size: float, deviation: float) -> int:
    """Return how many images a paired t-test needs to find `size` where differences have `deviation`."""
    return next(count for count in itertools.count(2) if power(size / deviation, count) >= POWER)


def deviation(seeds: int) -> float:
    """Return the deviation between seeds up to which `seeds` of them find SIZE."""
    return SIZE / float(brentq(lambda effect: power(effect, seeds) - POWER, 0, 5))


def power(effect: float, count: int) -> float:
    """Return how often a paired two-sided t-test of `count` differences finds a mean of `effect` deviations."""
    limit, shift = t.ppf(1 - SIGNIFICANCE / 2, count - 1), effect * math.sqrt(count)
    # the other side's share is NaN where it is too small for the series that computes it
    return float(nct.sf(limit, count - 1, shift) + np.nan_to_num(nct.cdf(-limit, count - 1, shift)))


def exact_p(rows: int, tau: float) -> float:
    """Return the exact two-sided p-value of Kendall's tau for `rows` rows without ties."""
    order = list(range(rows))
    for _ in range(round((1 - tau) / 2 * rows * (rows - 1) / 2)):
        # each swap of neighbours turns one pair around
        first = next(index for index in range(rows - 1) if order[index] < order[index + 1])
        order[first], order[first + 1] = order[first + 1], order[first]
    found = kendalltau(range(rows), order, method="exact")
    assert math.isclose(found.statistic, tau), (found.statistic, tau)
    return float(found.pvalue)


def floors() -> str:
    """Return the floors of all metrics."""
    parts = dict[str, None]()
    for metric, floor in FLOORS.items():
        kind = next((kind for kind in ("accuracy", "error") if metric.endswith(kind)), "")
        unit = {"psnr": " dB", "sam": " rad"}.get(metric, " points" if kind else "")
        name = {"accuracy": "accuracy", "error": "classification error"}.get(kind, metric.upper().replace("_", "-"))
        # the variant that a paper printed has the floor of the metric
        parts[f"{name.removesuffix('-FULL')} {floor:g}{unit}"] = None
    return _wrapped(f"Floors: {', '.join(parts)}. Other metrics have none.")


def order() -> str:
    """Return what p-values some agreements of order have."""
    parts = [f"tau = {tau:.2g} {'has ' if tau == TAUS[0] else ''}p = {exact_p(ROWS, tau):.2f}" for tau in TAUS]
    return f"For {ROWS} rows {', '.join(parts)}."


def sizes() -> str:
    """Return how many images and seeds are needed."""
    parts: list[str] = []
    for name, (least, most) in DEVIATIONS.items():
        counts = f"{images(SIZE, least)}-{images(SIZE, most)}"
        parts.append(f"{counts} with {'that' if parts else 'the deviation'} of {name} ({least}-{most} dB)")
    text = "- **Images**, from paired differences between neighbouring methods in published per-image tables: "
    first, *others = [f"{seeds} up to {deviation(seeds):.2f} dB" for seeds in SEEDS]
    first = first.replace("up to", "if the difference of two runs deviates by at most") + " from seed to seed"
    seeds = f"- **Seeds**, where images add nothing: {', '.join([first, *others])}."
    head = f"To find a true difference of {SIZE} dB PSNR with a power of {POWER:.0%}:".replace("%", " %")
    return "\n".join([head, "", _wrapped(f"{text}{', '.join(parts)}."), _wrapped(seeds)])


def limits() -> str:
    """Return what few images and seeds can't tell."""
    least, most = (images(SMALL, spread) for spread in DEVIATIONS["BSD100"])
    few = f"- Five images, or five sets taken as units, cannot reach p < {SIGNIFICANCE} two-sided in a rank test: at"
    small = f"- Differences of {SMALL} dB need {least} to {most} images even with the deviation of BSD100. Two seeds"
    known = t.ppf(1 - SIGNIFICANCE / 2, 1)
    few = f"{few} least 2/{2**FEW} = {2 / 2**FEW}."
    return f"{_wrapped(few)}\n{_wrapped(f'{small} rarely decide anything (t is {known:.1f}).')}"


def _wrapped(text: str) -> str:
    indent = "  " if text.startswith("- ") else ""
    return textwrap.fill(text, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


PARTS: dict[str, Callable[[], str]] = {"floors": floors, "order": order, "sizes": sizes, "limits": limits}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="*", choices=[[], *PARTS], help="left out: all")
    for part in parser.parse_args().part or PARTS:
        print(PARTS[part]())
