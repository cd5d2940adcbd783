"""The demo's numbers as README.md prints them, out of the snapshot that docs/demo_numbers.py keeps."""

import re
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from lossbench.errors import UserError
from pipeline.pages.numbers import interval, plain, signed

COUNTED = {words: tuple(words.split(" or ")) for words in (
    "confirmed", "confirmed in size", "confirmed, smaller", "refused", "equivalent", "contradicted",
    "undecided or underpowered or open, below the claim", "higher in one run or lower in one run", "not attempted",
    "not judged")}  # fmt: skip
"""Columns of the table of claims, those without any left out, and the verdicts that each counts."""
AGAIN = "again"
"""The kind of A/A tests."""
UNITS = {"psnr": " dB", "grid": " dB"}
DIGITS, KEPT_DIGITS = 2, 4
"""Of a number in print, and in the snapshot."""

Snapshot = dict[str, Any]
_wrapped = partial(textwrap.fill, width=120, break_on_hyphens=False)


def blocks(kept: Snapshot) -> dict[str, str]:
    """Return the Markdown of every block by its name; depends on the snapshot alone."""
    directions, comparisons = kept["again"]
    claims = f"{_claims_table(kept['tables'])}\n\n" + _wrapped(
        f"Held against itself under other seeds, `{kept['table3']['reference_loss']}` gets a direction in {directions}"
        f" of {comparisons} comparisons (a network and column each); intervals at 95 % are meant to give one in twenty."
    )
    return {"time": _time(kept), "table3": _table3(kept["table3"]), "claims": claims,
            "controls": "\n".join(map(_control, kept["controls"])) or "No control was run."}  # fmt: skip


def _time(kept: Snapshot) -> str:
    made, trained, before = kept["made"], kept["trained"], kept["pretrained"]
    whole = f"The {made['tables']} tables and figures of the papers {'take' if made['minutes'] else 'were made'}"
    whole += f" {made['minutes']} minutes" if made["minutes"] else ""
    own = f", the {made['own_tables']} of this project {made['own_minutes']} more" if made["own_minutes"] else ""
    versions = ", ".join(f"{name} {number}" for name, number in kept["versions"].items())
    return _wrapped(
        f"{whole} on {kept['cores']} cores ({kept['cpu']}; {versions}){own}. For the first paper {trained['networks']}"
        f" networks train for {trained['minutes']:.0f} minutes and {before['networks']} loss networks for"
        f" {before['minutes']:.0f}, summed over jobs that run beside each other. The installed environment takes"
        f" {kept['environment_gib']:.1f} GiB."
    )


def _table3(kept: Snapshot) -> str:
    seeds = f"{kept['seeds']} seed{'s' if kept['seeds'] != 1 else ''}"
    sizes = ", ".join(f"{count:,} at {column}" for column, count in kept["parameters"].items())
    covered = kept["seeds"] > 1 or kept.get("noise_seeds")
    further = len(kept.get("noise_seeds") or ())
    lent = f", whose noise {further} further runs of `{kept['reference_loss']}` lend" if further else ""
    head = _wrapped(
        f"{kept['network'].upper()} (parameters: {sizes}), {kept['pictures']} test pictures, {seeds}. Below"
        f" `{kept['reference_loss']}` stand differences to it, ours with the 95 % interval over pictures"
        f"{f' and seeds{lent}' if covered else ''}. Controls and what costs no training are not in the paper."
    )
    metrics = dict.fromkeys((row["metric"], row["better"]) for row in kept["rows"])
    warnings = dict.fromkeys(row["published_warning"] for row in kept["rows"] if row["published_warning"])
    notes = [f"\\* The paper's number {warning}." for warning in warnings]
    return "\n\n".join([head, *(_metric_table(kept, *metric) for metric in metrics), *notes])


def _metric_table(kept: Snapshot, metric: str, better: str) -> str:
    rows = [row for row in kept["rows"] if row["metric"] == metric]
    columns = list(dict.fromkeys(row["column"] for row in rows))
    found = {(row["column"], row["loss"]): row for row in rows}
    unit = UNITS.get(metric, "")
    name = f"{metric.upper()}{',' * bool(unit)}{unit} ({'higher' if better == 'up' else 'lower'} is better)"
    lines = [[name, *(cell for column in columns for cell in (column, f"the paper's {column}"))]]
    trivial = {row["column"]: plain(row["trivial"], DIGITS) for row in rows}
    lines.append([kept["trivial"], *(cell for column in columns for cell in (trivial[column], ""))])
    for loss, row in {row["loss"]: row for row in rows}.items():
        cells = [_pair(found.get((column, loss)), loss == kept["reference_loss"]) for column in columns]
        marks = {"control": " (control)", "answer": " (no training)", AGAIN: " (other seeds)"}
        mark = next((words for kind, words in marks.items() if row.get(kind)), "")
        lines.append([f"`{loss}`{mark}", *(cell for pair in cells for cell in pair)])
    if all(row["published"] is None for row in rows):
        # a measure of this project's, beside which the paper prints nothing
        lines = [[line[0], *line[1::2]] for line in lines]
    return _markdown(lines)


def _pair(row: Mapping[str, Any] | None, reference: bool) -> tuple[str, str]:
    """Return ours and the paper's: levels for the reference loss, else differences."""
    if row is None:
        return "", ""
    star = r"\*" if row["published_warning"] else ""
    name, form = ("published", plain) if reference else ("published_difference", signed)
    theirs = "" if row[name] is None else f"{form(row[name], DIGITS)}{star}"
    if reference:
        return plain(row["value"], DIGITS), theirs
    return f"{signed(row['difference'], DIGITS)} {interval(row['low'], row['high'], DIGITS)}", theirs


def _claims_table(tables: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [(f"`{name}`", kind, count) for name, table in tables.items() for kind, count in table["claims"].items()]
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for _, kind, count in rows:
        sums[kind].update(count)
    rows += [("all", kind, count) for kind, count in sums.items()]
    shown = [words for words, each in COUNTED.items() if any(count[word] for *_, count in rows for word in each)]
    return _markdown(
        [["table", "kind", "claims", *shown], *([*names, *_counts(count, shown)] for *names, count in rows)]
    )


def _counts(claims: Mapping[str, int], shown: Iterable[str]) -> list[str]:
    return [str(sum(claims.values())), *(str(sum(claims[word] for word in COUNTED[words])) for words in shown)]


def _control(claim: Mapping[str, Any]) -> str:
    head = f"- {claim['text']} (`{claim['better']}`, `{claim['than']}`)"
    if claim["difference"] is None:
        return f"{head}? Not attempted: {claim['reason']}."
    answer = "Yes" if claim["low"] > 0 else "No, it is worse" if claim["high"] < 0 else "Not to be told"
    if claim["verdict"].endswith("in one run"):
        answer = f"{claim['verdict'].capitalize()}, which is no answer"
    size = f"{signed(claim['difference'], DIGITS)}{UNITS.get(claim['metric'], '')}"
    astray = f" Not a fair answer, a run went astray: {'; '.join(claim['astray'])}." if claim["astray"] else ""
    return f"{head}? {answer}: {size} {interval(claim['low'], claim['high'], DIGITS)}.{astray}"


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    head, *body = [f"| {' | '.join(cells)} |" for cells in lines]
    return "\n".join([head, f"|{' --- |' * len(lines[0])}", *body])


def page(text: str, kept: Snapshot) -> str:
    """Return `text` with the blocks of the snapshot; raises UserError where the text has no place for one."""
    for name, block in blocks(kept).items():
        region = re.compile(rf"(?<=<!-- demo:{name} -->\n).*?(?=<!-- /demo:{name} -->)", re.DOTALL)
        if not region.search(text):
            raise UserError(f"README.md has no lines <!-- demo:{name} --> and <!-- /demo:{name} -->; put them back")
        text = region.sub(lambda _, block=block: f"{block}\n", text)  # type: ignore[misc]
    return text
