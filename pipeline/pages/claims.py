"""The claims of a paper and what became of them, as a page shows them."""

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

from pipeline.pages.inputs import Table
from pipeline.pages.numbers import interval, real, signed

VERDICTS = {
    "confirmed in size": ("✓✓", "good"),
    "confirmed": ("✓", "good"),
    "smaller than claimed": ("↘", "partly"),
    "equivalent": ("=", "partly"),
    "refused": ("⊘", "open"),
    "contradicted": ("✗", "bad"),
    "underpowered": ("?", "open"),
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
}
"""What the kinds of claims are, in the order in which they are counted."""
WITHHELD = "the metrics do not meet their golden values"


UNKNOWN = ("·", "open")
"""Of a verdict that has none."""


def judged(table: Table) -> list[dict[str, Any]]:
    """Return the claims of a table with its name; verdicts are withheld where the metrics failed their checks."""
    where = {"paper": table.spec.paper, "table": table.spec.table}
    withheld = {} if table.harness.get("passed") else {"verdict": "withheld", "reason": WITHHELD}
    return [{**where, **claim, **({} if claim.get("verdict") == "not judged" else withheld)} for claim in table.claims]


def claims(table: Table) -> list[dict[str, Any]]:
    """Return the claims of a table in its own order, as the page shows them: text by text.

    `note` holds where the paper says it, why the verdict is what it is, and the numbers behind it. `bar` holds the
    places of interval, ours and published on a line of 100 with zero in its middle; None without a difference.
    """
    return [_claim(claim) for claim in judged(table)]


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
        "metric": str(claim.get("metric", "")).upper(),
        "difference": signed(claim.get("difference"), digits),
        "interval": interval(claim.get("low"), claim.get("high"), digits),
        "published": signed(claim.get("published_difference"), digits),
        "bar": _bar(claim),
    }


def _facts(claim: dict[str, Any]) -> list[str]:
    facts = [str(claim["reason"])] if claim.get("reason") else []
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
    if claim.get("published_warning"):
        facts.append(f"published number: {claim['published_warning']}")
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


def tally(tables: Iterable[Table]) -> list[tuple[str, str, str, int]]:
    """Return every verdict that occurs: word, symbol, tone and how often."""
    counts = Counter(claim["verdict"] for table in tables for claim in claims(table))
    known = dict.fromkeys([*VERDICTS, *counts])
    return [(word, *VERDICTS.get(word, UNKNOWN), counts[word]) for word in known if counts[word]]


def by_kind(tables: Iterable[Table]) -> list[tuple[str, str, int, list[tuple[str, str, str, int]]]]:
    """Return every kind that occurs: word, what it is, how many claims, and verdicts as `tally` gives them."""
    found: dict[str, Counter[str]] = {}
    for claim in (claim for table in tables for claim in claims(table)):
        found.setdefault(claim["kind"], Counter())[claim["verdict"]] += 1
    rows = []
    for kind in dict.fromkeys([*KINDS, *found]):
        if kind in found:
            verdicts = [
                (word, *VERDICTS.get(word, UNKNOWN), found[kind][word])
                for word in dict.fromkeys([*VERDICTS, *found[kind]])
                if found[kind][word]
            ]
            rows.append((kind, KINDS.get(kind, ""), found[kind].total(), verdicts))
    return rows
