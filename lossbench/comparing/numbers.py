"""The numbers of a comparison as its tables print them."""

import math

from lossbench.comparing.estimates import Estimate
from lossbench.comparing.result import DIRECTION, Findings
from lossbench.comparing.scores import TARGET
from lossbench.names import counted

DIGITS = 3
"""Significant digits of the width of an interval's half; as many decimals have all numbers of a metric."""
HEAD = ("folder", "mean", "difference", "95 % interval", "better on", "p", "verdict")
"""What `rows_of` holds."""
MOST = 6
"""Decimals at most."""


def decimals(result: Findings, metric: str) -> int:
    """Return with how many decimals the numbers of `metric` are printed: as its narrowest interval asks for."""
    halves = [(one.high - one.low) / 2 for one in result.estimates if one.metric == metric]
    finite = [half for half in halves if math.isfinite(half) and half > 0]
    if not finite:
        return DIGITS
    return min(MOST, max(2, DIGITS - 2 - math.floor(math.log10(min(finite)))))


def plain(value: float, digits: int) -> str:
    """Return a number with `digits` decimals; `inf` and `-` for what is infinite or no number."""
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def signed(value: float, digits: int) -> str:
    """Return a difference with its sign; what is zero at this length has none."""
    text = plain(value, digits)
    if text in ("-", "inf") or text.startswith("-"):
        return "+inf" if text == "inf" else text if text == "-" or float(text) else text.removeprefix("-")
    return f"+{text}" if float(text) else text


def bounds(one: Estimate, digits: int) -> str:
    """Return the interval in brackets."""
    return "-" if math.isnan(one.low) else f"[{signed(one.low, digits)}, {signed(one.high, digits)}]"


def percent(share: float) -> str:
    """Return a share in per cent; 100 and 0 are of all and of none."""
    if math.isnan(share):
        return "-"
    whole = 100 * share
    return f"{whole:.0f} %" if share in (0, 1) or 1 <= whole <= 99 else f"{min(max(whole, 0.1), 99.9):.1f} %"


def p_value(one: Estimate) -> str:
    """Return the p-value after Holm; empty where one run says nothing of other runs."""
    return "-" if math.isnan(one.p_holm) else "<0.001" if one.p_holm < 0.001 else f"{one.p_holm:.3f}"


def heading(result: Findings, metric: str) -> str:
    """Return the name of a metric with its unit and direction."""
    unit = f"{result.metrics[metric]}, " if result.metrics[metric] else ""
    return f"{metric} ({unit}{DIRECTION[result.better[metric]]})"


def quantity(value: str, unit: str) -> str:
    """Return a number with its unit, where it has one."""
    return f"{value} {unit}" if unit else value


def basis(result: Findings) -> str:
    """Return how many pictures and seeds the comparison rests on."""
    pictures = len(result.table.names)
    what = result.what if pictures != 1 else result.what.removesuffix("s")
    many = len(result.seeds)
    runs = "one run a folder" if not many else f"{counted(many, 'seed')} ({', '.join(result.seeds)})"
    return f"{pictures} {what}, {runs}"


def sentence(result: Findings, one: Estimate) -> str:
    """Return what is found of one folder in one metric."""
    unit, digits = result.metrics[one.metric], decimals(result, one.metric)
    found = f"{one.metric}: {one.folder} - {one.reference} = "
    if math.isnan(one.difference):
        return f"{one.metric}: {one.folder} is not judged against {one.reference} ({one.note})"
    found += f"{quantity(signed(one.difference, digits), unit)} {bounds(one, digits)}"
    margin = f" ({quantity(f'{one.margin:g}', unit)})" if one.margin is not None and "margin" in one.verdict else ""
    within = f" within {quantity(f'{one.margin:g}', unit)}" if one.verdict == "equivalent" else ""
    return f"{found}, better on {percent(one.share)} of {result.what}: {one.verdict}{margin}{within}"


def rows_of(result: Findings, metric: str) -> list[tuple[str, ...]]:
    """Return a row a folder in one metric: the reference, the others, and the ground truth where it has a number."""
    digits = decimals(result, metric)
    rows: list[tuple[str, ...]] = [
        (result.reference, plain(result.mean(result.reference, metric), digits), "", "", "", "", "reference")
    ]
    for folder in result.folders[1:]:
        one = result.of(folder, metric)
        found = signed(one.difference, digits), bounds(one, digits), percent(one.share), p_value(one), one.verdict
        rows.append((folder, plain(one.mean, digits), *found))
    if (value := result.target_mean(metric)) is not None:
        rows.append((TARGET, plain(value, digits), "", "", "", "", ""))
    return rows
