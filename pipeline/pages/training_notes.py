"""What a table's notes say of the trainings behind its numbers."""

from collections.abc import Iterator

import pandas as pd

from pipeline.outputs.training_words import STRENGTH_ROWS

PLACE = ["column", "network", "loss"]


def training_notes(own: pd.DataFrame) -> list[str]:
    """Return a line for weights that never moved, a network and layers each, and one for each loss that has a strength.

    `own` are the rows of a long table that have numbers of ours.
    """
    return [*_unmoved(own), *_strengths(own)]


def _unmoved(own: pd.DataFrame) -> Iterator[str]:
    runs = said(own, "unmoved").drop_duplicates(PLACE)
    for (network, layers), group in runs.groupby(["network", "unmoved"], sort=False, observed=True):
        where = ", ".join(f"{loss} {column}" for loss, column in zip(group["loss"], group["column"], strict=True))
        yield f"weights of {network} that never moved in training, so that they are as they began ({where}): {layers}"


def _strengths(own: pd.DataFrame) -> Iterator[str]:
    runs = said(own, "strength").drop_duplicates(PLACE)
    for loss, group in runs.groupby("loss", sort=False, observed=True):
        listed = ", ".join(
            f"{row['network']} {row['column']} {str(row['strength']).removeprefix(f'{loss} ')}"
            for row in group.to_dict("records")
        )
        yield (
            f"strength of {loss}, the norm of its weighted gradient at the prediction over that of the pixel term, "
            f"mean of the first {STRENGTH_ROWS} rows of the histories: {listed}"
        )


def said(own: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the rows of which the column `name` says something; none where there is no such column."""
    if name not in own:
        return own.iloc[:0].assign(**{name: ""})
    return own[own[name].notna() & (own[name] != "")]
