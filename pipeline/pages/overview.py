"""What was run, and how ours agrees with the paper in order and level, as a page shows it."""

from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.pages.claims import telling
from pipeline.pages.cost import NOT_READABLE, duration
from pipeline.pages.formats import foundation
from pipeline.pages.inputs import Card, LossNetwork, Table
from pipeline.pages.numbers import DASH, LEVEL, direction, interval, plain, real, signed


def overview(tables: Sequence[Table], networks: Sequence[LossNetwork], code: str) -> list[tuple[str, list[str]]]:
    """Return what was run: terms with one or more lines each."""
    cards = list({path: card for table in tables for path, card in table.cards.items()}.values())
    trained = sum(real(card.get("seconds")) or 0 for card in cards)
    before = sum(real(network.card.get("seconds")) or 0 for network in networks)
    everything = [*cards, *(network.card for network in networks)]
    stand_ins = list(dict.fromkeys(text for table in tables for text in table.spec.stand_ins))
    seeds = sorted({cell.seed for table in tables for cell in table.runs})
    versions = dict.fromkeys(pair for card in everything for pair in card.get("versions", {}).items())
    return [
        ("Scale", list(dict.fromkeys(table.spec.scale for table in tables))),
        ("Runs", [f"{len(cards)} networks, seeds {', '.join(map(str, seeds))}; {len(networks)} loss networks"]),
        ("Time, summed over the runs", [f"{duration(trained)} of training, {duration(before)} of pre-training"]),
        ("Hardware", _distinct(everything, "device")),
        ("Arithmetic", _distinct(everything, "precision")),
        ("Versions", [", ".join(f"{name} {version}" for name, version in versions) or NOT_READABLE]),
        ("Metrics", _checks(tables)),
        ("Code of the report", [code]),
        ("Code of the tables", _codes(tables)),
        ("Tables", [f"{table.name}: {table.spec.title}" for table in tables]),
        ("Data", _data(tables)),
        ("Stand-ins", stand_ins or _without_stand_ins(tables)),
    ]


def _without_stand_ins(tables: Sequence[Table]) -> list[str]:
    """Return what the tables, none of which has a stand-in, rest on, with their names where that differs."""
    found: dict[str, list[str]] = {}
    for table in tables:
        found.setdefault(foundation(table.spec), []).append(table.name)
    if len(found) == 1:
        return [f"none: {next(iter(found))}"]
    return [f"none in {', '.join(names)}: {words}" for words, names in found.items()] or ["none"]


def _checks(tables: Sequence[Table]) -> list[str]:
    """Return how many golden values the metrics met."""
    lines = []
    for table in tables:
        failed, skipped = (len(table.harness.get(name) or ()) for name in ("failures", "skipped"))
        lines.append(f"{table.harness.get('rows', 0)} golden values compared: {failed} not met, {skipped} skipped")
    return list(dict.fromkeys(lines))


def _data(tables: Sequence[Table]) -> list[str]:
    lines = []
    for table in tables:
        long = table.long.reindex(columns=["column", "network", "n_images"]).dropna()
        for cell in table.runs:
            counts = long.loc[(long["column"] == cell.column) & (long["network"] == cell.network), "n_images"]
            count = "" if counts.empty else f", {counts.max():.0f} test pictures"
            lines.append(f"{cell.task}: trained on {cell.dataset}, tested on {cell.test_set}{count}")
    return list(dict.fromkeys(lines)) or [DASH]


def _distinct(cards: Iterable[Card], name: str) -> list[str]:
    return list(dict.fromkeys(str(card[name]) for card in cards if card.get(name))) or [NOT_READABLE]


def _codes(tables: Sequence[Table]) -> list[str]:
    """Return every code that made tables, with their names where there are several."""
    found: dict[str, list[str]] = {}
    for table in tables:
        for code in dict.fromkeys(table.long["code"].dropna()) if "code" in table.long else ():
            found.setdefault(str(code), []).append(table.name)
    if len(found) == 1:
        return list(found)
    return [f"{code}: {', '.join(names)}" for code, names in found.items()] or [NOT_READABLE]


def shape(table: Table) -> dict[str, Any]:
    """Return the rank agreement with the paper: a row a network, a column a column and metric."""
    heads = list(dict.fromkeys((row["column"], row["metric"]) for row in table.shape))
    found = {(row["network"], row["column"], row["metric"]): row for row in table.shape}
    rows = []
    for network in dict.fromkeys(row["network"] for row in table.shape):
        cells = []
        for column, metric in heads:
            here = found.get((network, column, metric), {})
            tau, p_value = real(here.get("tau")), real(here.get("p_value"))
            cells.append(
                {
                    "tau": signed(tau, 2),
                    "strength": 0 if tau is None else round(abs(tau) * 100),
                    "sign": direction(tau, "up", 2),
                    "significant": p_value is not None and p_value < LEVEL,
                    "pairs": f"{here['pairs_kept']} of {here['pairs']} pairs" if here.get("pairs") else "",
                    "winner": "same winner" if here.get("same_winner") else "other winner" if here else "",
                }
            )
        rows.append((network, cells))
    return {"heads": heads, "rows": rows}


def values(table: Table) -> list[dict[str, Any]]:
    """Return the levels beside the published ones, a row each."""
    rows = []
    for level in table.values:
        digits = telling(level.get("value"), level.get("published"))
        rows.append(
            {
                **{name: level.get(name, "") for name in ("column", "network", "loss", "verdict")},
                "metric": str(level.get("metric", "")).upper(),
                "value": plain(level.get("value"), digits),
                "published": plain(level.get("published"), digits),
                "interval": interval(level.get("low"), level.get("high"), digits).replace("+", ""),
                "warning": level.get("published_warning") or "",
                "spread": "–" if (cv := real(level.get("cv"))) is None else f"{cv:.1%}",
            }
        )
    return rows
