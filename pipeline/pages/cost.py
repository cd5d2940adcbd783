"""What training costs, from the cards of the runs and of their loss networks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.pages.inputs import Card, LossNetwork, Table, entry
from pipeline.pages.numbers import DASH, kind, plain, real

NOT_READABLE = "not readable here"
MIB = 1024.0
"""In a GiB."""
JOULES = 3600.0
"""In a Wh."""
FACTOR = "a step, relative"
LAST = "its loss network"
STEP = "price of a step"
"""What steps are compared by; no column."""
COSTS = ("seconds", "steps", "ms a step", FACTOR, "memory, GiB", "GPU memory, GiB", "energy, Wh")


@dataclass(frozen=True)
class CostSheet:
    """What training under every loss costs."""

    heads: list[str]
    """Of the columns that can be read here."""
    rows: list[dict[str, Any]]
    """`network`, `column`, `loss`, `kind`, `cells` (text a column), `factor` and `share` of a step (1: the dearest)."""
    unread: list[str]
    """Columns that can't be read here."""


def cost(table: Table, networks: Sequence[LossNetwork]) -> CostSheet:
    """Return time, steps, memory and energy of every column, network and loss, means over the seeds."""
    rows = []
    for network, column in table.places():
        reference = _cards(table, column, network, table.spec.reference_loss)
        for loss in table.spec.losses:
            if cards := _cards(table, column, network, loss):
                row = {"network": network, "column": column, "loss": loss, "kind": kind(table, loss)}
                rows.append({**row, **_costs(cards, reference), LAST: _pretraining(cards[0], networks)})
    unread = [name for name in COSTS if all(row[name] == NOT_READABLE for row in rows)]
    heads = [name for name in (*COSTS, LAST) if name not in unread]
    dearest = max((row["factor"] for row in rows), default=0.0) or 1.0
    shown = [{**row, "cells": [row[name] for name in heads], "share": row["factor"] / dearest} for row in rows]
    return CostSheet(heads, shown, unread)


def step_factors(table: Table) -> dict[str, float]:
    """Return by loss what a training step costs, the reference loss's being 1: geometric mean over the places.

    In seconds of the clock on a GPU; on a CPU in those that the process had of it, since jobs run beside each other.
    """
    logarithms: dict[str, list[float]] = {}
    for network, column in table.places():
        reference = _cards(table, column, network, table.spec.reference_loss)
        for loss in table.spec.losses:
            if factor := _factor(_cards(table, column, network, loss), reference):
                logarithms.setdefault(loss, []).append(math.log(factor))
    return {loss: math.exp(sum(each) / len(each)) for loss, each in logarithms.items()}


def _factor(cards: Sequence[Card], reference: Sequence[Card]) -> float:
    """Return the price of a step over that of the reference; 0 where one of them can't be read."""
    price, beside = _mean(cards, STEP), _mean(reference, STEP)
    return price / beside if price and beside else 0.0


def _costs(cards: Sequence[Card], reference: Sequence[Card]) -> dict[str, Any]:
    factor = _factor(cards, reference)
    read = {
        "seconds": (_mean(cards, "seconds"), 1.0, 1),
        "steps": (_mean(cards, "steps"), 1.0, 0),
        "ms a step": (_mean(cards, "seconds per step"), 1e-3, 1),
        "memory, GiB": (_mean(cards, "peak_memory_mib"), MIB, 2),
        "GPU memory, GiB": (_mean(cards, "peak_gpu_memory_mib"), MIB, 2),
        "energy, Wh": (_mean(cards, "energy_joules"), JOULES, 2),
    }
    texts = {
        name: NOT_READABLE if value is None else plain(value / unit, digits)
        for name, (value, unit, digits) in read.items()
    }
    return {**texts, FACTOR: f"{factor:.2f} ×" if factor else DASH, "factor": factor}


def _cards(table: Table, column: str, network: str, loss: str) -> list[Card]:
    found = [table.cards.get(str(cell.card)) for cell in table.cells(column, network, loss)]
    return [card for card in found if card is not None]


def _mean(cards: Sequence[Card], name: str) -> float | None:
    values = [value for card in cards if (value := _figure(card, name)) is not None]
    return sum(values) / len(values) if values else None


def _figure(card: Card, name: str) -> float | None:
    steps = real(entry(card, "spec", "recipe", "steps"))
    if name == "steps":
        return steps
    if name in (STEP, "seconds per step"):
        own = real(card.get("cpu_seconds")) if name == STEP else None
        seconds = real(card.get("seconds")) if own is None else own
        return seconds / steps if steps and seconds is not None else None
    return real(card.get(name))


def _pretraining(card: Card, networks: Sequence[LossNetwork]) -> str:
    """Return the time that pre-training the loss network of a run took."""
    file = card.get("loss_network_file")
    if not isinstance(file, str):
        return "none"
    if str(entry(card, "spec", "loss", "name")).startswith("random_"):
        return "weights drawn at random"
    # results may have been copied elsewhere since
    place = Path(file).parent.parts[-3:]
    seconds = [real(network.card.get("seconds")) for network in networks if network.folder.parts[-3:] == place]
    made = duration(seconds[0]) if seconds and seconds[0] is not None else "imported"
    return f"{place[1]}: {made}"


def network_facts(network: LossNetwork) -> list[tuple[str, str]]:
    """Return what the card and the probe of a loss network say."""
    card = network.card
    facts = [("trained in", duration(seconds))] if (seconds := real(card.get("seconds"))) is not None else []
    if (steps := _figure(card, "steps")) is not None:
        facts.append(("steps", f"{steps:.0f}"))
    if (parameters := real(card.get("parameters"))) is not None:
        facts.append(("parameters", f"{parameters:,.0f}"))
    if (error := real(card.get("held_out_masked_error"))) is not None:
        facts.append(("held-out error", f"{error:.3f}"))
    accuracy, chance = real(card.get("probe_accuracy")), real(card.get("probe_chance"))
    if accuracy is not None and chance is not None:
        facts.append(("probe", f"{accuracy:.0%}, chance {chance:.0%}"))
    if network.probe is not None and {"degradation", "recognised"} <= set(network.probe.columns):
        found = network.probe[["degradation", "recognised"]].itertuples(index=False)
        facts += [(f"tells {name}", f"{share:.0%}") for name, share in found]
    return facts or [("origin", "imported weights")]


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
