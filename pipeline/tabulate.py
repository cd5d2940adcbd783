"""Stage tabulate: a paper's table, ours beside the published numbers, with all that it rests on. Needs no torch."""

import json
import math
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from lossbench.errors import UserError
from lossbench.files import write_text
from lossbench.statistics.comparison import compared, left_out
from lossbench.statistics.intervals import holm
from pipeline.command import run
from pipeline.judging.noise import Lender
from pipeline.outputs.scores import KEY, averaged, paired, read_scores, signs
from pipeline.outputs.training_words import mean_strength, most_unmoved
from pipeline.pages.formats import html_page, latex_table, markdown_page, wide_csv, wide_frame
from pipeline.specs.tabulate import TRIVIAL, MetricColumn, TabulateSpec

NO_RUN: dict[str, Any] = {"parameters": None, "seconds": math.nan, "device": "", "precision": "", "steps": None}
NO_RUN |= {"unmoved": {}, "strength": {}}
"""What a table says of an answer that is no run."""


def main(spec: TabulateSpec, code: str, output: Path) -> None:
    """Write the long table to `output` (CSV) and the paper's wide table beside it (CSV, Markdown, LaTeX, HTML).

    Raises UserError naming the file when a cell's scores or card are missing or unreadable.
    """
    long = long_table(spec, code)
    wide = wide_frame(spec, long)
    stem = output.with_suffix("")
    write_text(output, long.to_csv(index=False))
    write_text(stem.with_name(f"{stem.name}_wide.csv"), wide_csv(spec, wide))
    write_text(stem.with_suffix(".md"), markdown_page(spec, long, wide))
    write_text(stem.with_suffix(".tex"), latex_table(spec, wide))
    write_text(stem.with_suffix(".html"), html_page(spec, long, wide))
    print(markdown_page(spec, long, wide))


def long_table(spec: TabulateSpec, code: str) -> pd.DataFrame:
    """Return one row a cell and metric, with ours, the published value, the trivial answer and the differences.

    Raises UserError naming the file that can't be read, or whose pictures or metrics are not those of its column.
    """
    scores = read_scores(spec.cells)
    trained = scores[scores["network"] != TRIVIAL]
    per_seed = averaged(trained, [*KEY, "seed"]).reset_index()
    rows = per_seed.groupby(KEY, sort=False)["value"].agg(["mean", "std", "count"]).reset_index()
    rows = rows.rename(columns={"mean": "value", "std": "sd_over_seeds", "count": "n_seeds"})
    rows = rows.merge(_over_images(trained), on=KEY).merge(_published(spec), on=KEY, how="left")
    rows = rows.merge(_trivial(scores, spec), on=["column", "metric"], how="left")
    rows = rows.merge(_runs(spec), on=["column", "network", "loss"])
    lender = Lender(spec, trained, read_scores(spec.noise_cells))
    rows = rows.merge(_comparisons(trained, spec, lender), on=KEY, how="left")
    place = ["column", "network", "metric"]
    reference = rows[rows["loss"] == spec.reference_loss].set_index(place)
    beside = reference.reindex(pd.MultiIndex.from_frame(rows[place]))
    for name, origin in (("difference", "value"), ("published_difference", "published")):
        rows[name] = rows[origin] - beside[origin].to_numpy()
    # both means are infinite: where every image has a finite difference so has the table
    unknown = rows["difference"].isna() & (rows["left_out"] == "")
    rows["difference"] = rows["difference"].mask(unknown, rows["estimate"])
    rows = rows.drop(columns="estimate")
    rows["gain_over_trivial"] = (rows["value"] - rows[TRIVIAL]) * rows["metric"].map(signs(spec))
    rows = rows.merge(_metric_words(spec.metrics), on="metric")
    rows["trivial_method"] = [spec.trivials_of(column)[0] for column in rows["column"]]
    words = {"scale": spec.scale, "stand_ins": "; ".join(spec.stand_ins)}
    rows = rows.assign(paper=spec.paper, table=spec.table, **words, code=code)
    return _ordered(pd.concat([rows, _server_only(spec, rows)], ignore_index=True), spec)


def _server_only(spec: TabulateSpec, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of columns that only a server can score: published numbers without ours."""
    published = _published(spec)
    blank = published[published["column"].isin(list(spec.server_only))].merge(_metric_words(spec.metrics), on="metric")
    same = {name: rows[name].iloc[0] for name in ("paper", "table", "scale", "stand_ins", "code")}
    return blank.assign(**same, n_images=0, n_seeds=0, task="server only", device="", precision="")


def _comparisons(scores: pd.DataFrame, spec: TabulateSpec, lender: Lender) -> pd.DataFrame:
    """Return per cell and metric the 95 % interval of its difference to the reference loss, and its tests.

    `low` and `high` bound `difference`, in the metric's own direction; `p_value` is of the draws between which they
    lie, empty where these hold for one run alone, `p_holm` the same adjusted for all comparisons of the table;
    `image_p_value` is Wilcoxon's over images, McNemar's where each image is right or wrong, and knows of no seeds;
    `improved` is the share of images that got better. `left_out` says which images have no finite difference: all but
    the counts and tests are then of the others, `estimate`, their mean, too. `not_lent` says which losses' runs lie too
    far apart to tell of others' noise.
    """
    rows = []
    sign = signs(spec)
    for column, network, loss, metric in product(spec.columns, spec.networks, spec.losses, sign):
        found = paired(scores, metric, loss, spec.reference_loss, [column], [network])
        if loss == spec.reference_loss or not found:
            continue
        lent = lender.lent(metric, loss, spec.reference_loss, [column], [network])
        key, comparison = (column, network, loss, metric), compared(found, sign[metric], lent.noise)
        if comparison is None:
            # of one image there is nothing to say, unless its difference is infinite
            rows.append((*key, *[math.nan] * 6, left_out(found), ""))
            continue
        bounds, tests = comparison.bounds, comparison.tests
        own = bounds.p_value if bounds.covers_seeds else math.nan
        over_images = tests.wilcoxon_p if tests.mcnemar_p is None else tests.mcnemar_p
        numbers = (bounds.low, bounds.high, own, over_images, tests.improved, bounds.estimate)
        rows.append((*key, *numbers, comparison.note, lent.note))
    names = ("low", "high", "p_value", "image_p_value", "improved", "estimate", "left_out", "not_lent")
    frame = pd.DataFrame(rows, columns=[*KEY, *names])
    compares = frame["loss"] != spec.again
    frame.loc[compares, "p_holm"] = holm(list(frame.loc[compares, "p_value"]))
    return frame


def _over_images(trained: pd.DataFrame) -> pd.DataFrame:
    """Return spread and number of the images; each image is first averaged over seeds."""
    per_image = trained.groupby([*KEY, "test_set", "image"], sort=False)["value"].mean().reset_index()
    spread = per_image.groupby(KEY, sort=False)["value"].agg(["std", "count"]).reset_index()
    return spread.rename(columns={"std": "sd_over_images", "count": "n_images"})


def _published(spec: TabulateSpec) -> pd.DataFrame:
    frame = pd.DataFrame([value.model_dump() for value in spec.published], columns=[*KEY, "value", "warning"])
    return frame.rename(columns={"value": "published", "warning": "published_warning"})


def _trivial(scores: pd.DataFrame, spec: TabulateSpec) -> pd.DataFrame:
    """Return the means of the trivial answers, a column each; empty where an answer was not scored yet."""
    trivial = scores[scores["network"] == TRIVIAL]
    answers = trivial.assign(answer=trivial["loss"].map(spec.trivial_column))
    columns = list(dict.fromkeys(map(spec.trivial_column, spec.all_trivials)))
    return averaged(answers, ["column", "metric", "answer"]).unstack("answer").reindex(columns=columns).reset_index()


def _runs(spec: TabulateSpec) -> pd.DataFrame:
    """Return per cell, over its seeds: parameters, steps, seconds, where it ran, and what its training was like.

    Empty where nothing was trained.
    """
    own = {"scores", "card", "seed", "only"}
    frame = pd.DataFrame(
        [
            {**cell.model_dump(exclude=own), **(NO_RUN if cell.card is None else _card(Path(cell.card)))}
            for cell in spec.cells
            if cell.network != TRIVIAL
        ]
    )
    # whole numbers stay whole beside what has none
    frame = frame.astype({name: "Int64" for name in ("parameters", "steps") if frame[name].isna().any()})
    same = ["column", "network", "loss"]
    merged: dict[str, Any] = {name: "first" for name in frame.columns if name not in same}
    merged |= {"seconds": "mean", "test_set": lambda names: " ".join(dict.fromkeys(names))}
    merged |= {"unmoved": most_unmoved, "strength": mean_strength}
    return frame.groupby(same, sort=False).agg(merged).reset_index()


def _card(path: Path) -> dict[str, Any]:
    """Return what a table says of one run."""
    try:
        card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        own = {name: card[name] for name in ("parameters", "seconds", "device", "precision")}
        # what others trained has neither
        own |= {name: dict(card.get(name) or {}) for name in ("unmoved", "strength")}
        # what others trained has no recipe here
        recipe = card["spec"]["recipe"]
        return {**own, "steps": recipe["steps"] if recipe else 0}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} can't be read ({error!r}); delete it and rerun") from None


def _metric_words(metrics: tuple[MetricColumn, ...]) -> pd.DataFrame:
    return pd.DataFrame(
        [(one.name, one.better, one.protocol) for one in metrics], columns=["metric", "better", "protocol"]
    )


def _ordered(rows: pd.DataFrame, spec: TabulateSpec) -> pd.DataFrame:
    """Sort as the paper prints, and put what a reader looks for first."""
    metrics = [metric.name for metric in spec.metrics]
    for name, values in zip(KEY, (spec.columns, spec.networks, spec.losses, metrics), strict=True):
        rows[name] = pd.Categorical(rows[name], categories=list(values), ordered=True)
    first = ["paper", "table", "column", "task", "dataset", "test_set", "network", "loss", "metric", "better"]
    first += ["value", "sd_over_seeds", "sd_over_images", "n_images", "n_seeds", "published", "published_warning"]
    first += ["difference", "low", "high", "p_value", "p_holm", "image_p_value", "improved", "left_out", "not_lent"]
    first += ["published_difference"]
    first += ["trivial_method", TRIVIAL, "gain_over_trivial"]
    columns = [*first, *(name for name in rows.columns if name not in first)]
    return rows.sort_values(["network", "loss", "column", "metric"])[columns].reset_index(drop=True)


if __name__ == "__main__":
    run(main)
