"""The claims of a paper and what became of them, as a page shows them."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.pages.inputs import Table
from pipeline.pages.numbers import interval, real, signed

VERDICTS = {
    "confirmed in size": ("✓✓", "good"),
    "confirmed": ("✓", "good"),
    "confirmed, smaller": ("↘", "partly"),
    "equivalent": ("=", "partly"),
    "refused": ("⊘", "open"),
    "contradicted": ("✗", "bad"),
    "open, below the claim": ("↓", "open"),
    "underpowered": ("?", "open"),
    "higher in one run": ("△", "open"),
    "lower in one run": ("▽", "open"),
    "undecided": ("~", "open"),
    "not attempted": ("○", "open"),
    "withheld": ("■", "open"),
    "not judged": ("–", "open"),
}
"""Symbol and tone of every verdict, in the order in which they are counted."""
KINDS = {
    "text": "sentences of the paper",
    "table": "printed pairs of numbers",
    "trivial": "true by what metric and loss are",
    "ours": "questions of this project",
    "untestable": "sentences that no training decides",
    "again": "the reference loss against itself: a direction is a false one",
}
"""What the kinds of claims are, in the order in which they are counted."""
AGAIN = "again"
"""The kind of claims that no paper makes: A/A tests."""
UNKNOWN = ("·", "open")
"""Of a verdict that has none."""


Tally = list[tuple[str, str, str, int]]
"""Word, symbol and tone of verdicts, and how often each occurs."""


@dataclass(frozen=True)
class Fold:
    """The claims of one kind, of one paper or of none."""

    kind: str
    words: str
    """What the kind is; empty where it is not known."""
    count: int
    verdicts: Tally
    tables: list[tuple[Table, list[dict[str, Any]]]]
    """Each table that has such claims, with them in its own order."""


def judged(table: Table, withheld: str = "") -> list[dict[str, Any]]:
    """Return the claims of a table with its name; `withheld` says why none of them has its verdict."""
    where = {"paper": table.spec.paper, "table": table.spec.table}
    changed = {"verdict": "withheld", "reason": withheld} if withheld else {}
    return [{**where, **claim, **({} if claim.get("verdict") == "not judged" else changed)} for claim in table.claims]


def claims(table: Table, withheld: str = "") -> list[dict[str, Any]]:
    """Return the claims of a table in its own order, as the page shows them: text by text.

    `note` holds where the paper says it, why the verdict is what it is, and the numbers behind it. `bar` holds the
    places of interval, ours and published on a line of 100 with zero in its middle; None without a difference.
    """
    return [_claim(claim) for claim in judged(table, withheld)]


def _claim(claim: dict[str, Any]) -> dict[str, Any]:
    verdict = str(claim.get("verdict", "not attempted"))
    symbol, tone = VERDICTS.get(verdict, UNKNOWN)
    digits = telling(claim.get("difference"), claim.get("published_difference"))
    return {
        "text": str(claim.get("text", "")),
        "kind": str(claim.get("kind", "text")),
        "note": ": ".join(filter(None, (str(claim.get("source") or ""), "; ".join(_facts(claim))))),
        "verdict": verdict,
        "symbol": symbol,
        "tone": tone,
        "metric": " ".join(claim.get("metrics") or [str(claim.get("metric", ""))]).upper(),
        "difference": signed(claim.get("difference"), digits),
        "interval": interval(claim.get("low"), claim.get("high"), digits),
        "published": signed(claim.get("published_difference"), digits),
        "bar": _bar(claim),
    }


def _facts(claim: dict[str, Any]) -> list[str]:
    facts = [str(claim["reason"])] if claim.get("reason") else []
    facts += _of_cells(claim)
    if (value := real(claim.get("p_holm"))) is not None:
        facts.append(f"p = {value:.3f} (Holm)" if value >= 0.001 else "p < 0.001 (Holm)")
    if (value := real(claim.get("improved"))) is not None:
        facts.append(f"better on {value:.0%} of the pictures")
    if (value := real(claim.get("probability_over_seeds"))) is not None:
        facts.append(f"better in {value:.0%} of the pairs of seeds")
    if claim.get("n_images"):
        seeds = claim.get("n_seeds") or 1
        facts.append(f"{claim['n_images']} pictures, {seeds} seed{'s' if seeds != 1 else ''}")
    if (other := claim.get("trivial_answer")) and claim.get("verdict") != "refused":
        facts.append(f"{other['name']} gains {other['difference']:.3g} without a training")
    size = real(claim.get("published_difference"))
    said = "published numbers do not show" in str(claim.get("reason"))
    if not (said or claim.get("cells") or claim.get("slight")) and size is not None and size <= 0:
        facts.append("the printed numbers do not show it")
    if claim.get("published_warning"):
        facts.append(f"published number: {claim['published_warning']}")
    return facts


def _of_cells(claim: dict[str, Any]) -> list[str]:
    """Return of a claim on every cell in how many it shows, and which is the worst; nothing of others."""
    count, worst = claim.get("cells"), claim.get("worst")
    facts = []
    if count and worst:
        digits = telling(worst["difference"], worst["published_difference"])
        numbers = f"{signed(worst['difference'], digits)} {interval(worst['low'], worst['high'], digits)}"
        losses = f"{worst['better']} over {worst['than']} " if claim.get("pairs") else ""
        where = f"{losses}{worst['network']} {worst['column']} {worst['metric'].upper()}"
        facts.append(f"better in {claim['cells_shown']} of {count} cells, in {claim['cells_clear']} by an interval")
        facts.append(f"the worst is {where}, {numbers}, which stands here")
    if printed := claim.get("cells_printed"):
        facts.append(f"the printed numbers show it in {claim['cells_printed_shown']} of {printed} cells")
    return facts


def _bar(claim: dict[str, Any]) -> dict[str, float | None] | None:
    names = {"low": "low", "high": "high", "ours": "difference", "published": "published_difference"}
    numbers = {name: real(claim.get(key)) for name, key in names.items()}
    largest = max((abs(value) for value in numbers.values() if value is not None), default=0.0)
    if numbers["ours"] is None or not largest:
        return None
    # without an interval the line has no length
    numbers |= {name: numbers["ours"] for name in ("low", "high") if numbers[name] is None}
    return {name: None if value is None else round(50 + 46 * value / largest, 2) for name, value in numbers.items()}


def telling(*values: object) -> int:
    """Return the digits after the point, two to five, that show two figures of the largest value."""
    sizes = [abs(number) for value in values if (number := real(value))]
    return 2 if not sizes else min(5, max(2, 1 - math.floor(math.log10(max(sizes)))))


def of_papers(tables: Sequence[Table], withheld: Mapping[str, str]) -> list[tuple[str, list[Fold]]]:
    """Return every paper with a fold of each kind of its claims; `withheld` by the name of each table."""
    found = []
    for paper in dict.fromkeys(table.spec.paper for table in tables):
        folds = _folds([table for table in tables if table.spec.paper == paper], withheld)
        found.append((paper.replace("_", " "), [fold for fold in folds if fold.kind != AGAIN]))
    return found


def of_none(tables: Sequence[Table], withheld: Mapping[str, str]) -> list[Fold]:
    """Return the fold of the A/A tests, which no paper claims; no fold where there are none."""
    return [fold for fold in _folds(tables, withheld) if fold.kind == AGAIN]


def _folds(tables: Sequence[Table], withheld: Mapping[str, str]) -> list[Fold]:
    found: dict[str, list[tuple[Table, list[dict[str, Any]]]]] = {}
    for table in tables:
        here: dict[str, list[dict[str, Any]]] = {}
        for claim in claims(table, withheld[table.name]):
            here.setdefault(claim["kind"], []).append(claim)
        for kind, each in here.items():
            found.setdefault(kind, []).append((table, each))
    folds = []
    for kind in dict.fromkeys([*KINDS, *found]):
        if kind in found:
            counts = Counter(claim["verdict"] for _, each in found[kind] for claim in each)
            folds.append(Fold(kind, KINDS.get(kind, ""), counts.total(), _counted(counts), found[kind]))
    return folds


def tally(folds: Iterable[Fold]) -> Tally:
    """Return every verdict that occurs in `folds`."""
    counts = Counter[str]()
    for fold in folds:
        counts.update({word: number for word, _, _, number in fold.verdicts})
    return _counted(counts)


def _counted(counts: Mapping[str, int]) -> Tally:
    known = dict.fromkeys([*VERDICTS, *counts])
    return [(word, *VERDICTS.get(word, UNKNOWN), counts[word]) for word in known if counts.get(word)]
