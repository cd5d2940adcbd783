"""The A/A test of a scale: how often the reference loss held against itself gets a direction, and what that forbids."""

from collections.abc import Sequence

from lossbench.statistics.false_directions import NOMINAL, beyond_nominal
from pipeline.pages.inputs import Table

GOLDEN = "the metrics do not meet their golden values"


def counted(tables: Sequence[Table]) -> tuple[int, int]:
    """Return how many A/A comparisons (a network and column each) get a direction, and how many there are."""
    found = [bool(row.get("direction")) for table in tables for row in table.again]
    return sum(found), len(found)


def false_directions(tables: Sequence[Table]) -> str:
    """Return why no verdict on these tables may be given: too many directions among A/A comparisons; else nothing."""
    directions, comparisons = counted(tables)
    if not beyond_nominal(directions, comparisons):
        return ""
    return f"the reference loss against itself gets a direction in {directions} of {comparisons} A/A comparisons"


def withheld(tables: Sequence[Table]) -> dict[str, str]:
    """Return by the name of each table why its verdicts are withheld; nothing where they stand."""
    everywhere = false_directions(tables)
    return {
        table.name: GOLDEN if not table.harness.get("passed") else everywhere or false_directions([table])
        for table in tables
    }


def line(tables: Sequence[Table]) -> str:
    """Return in words what the A/A test of the whole scale found."""
    references = dict.fromkeys(table.spec.reference_loss for table in tables if table.again)
    held = " and ".join(f"{reference} against itself" for reference in references)
    directions, comparisons = counted(tables)
    if not comparisons:
        return "none: no reference loss is held against itself under other seeds, or one run a loss is all there is"
    chance = "more than chance gives" if beyond_nominal(directions, comparisons) else "no more than chance gives"
    return (
        f"{held} under other seeds: a direction in {directions} of {comparisons} comparisons, "
        f"{chance} (at most {NOMINAL:.0%} are meant to have one)"
    )
