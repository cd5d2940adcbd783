"""Rows of CSV files of results, in which names stay the text that they are. Needs no torch."""

from pathlib import Path

import pandas as pd

TEXT = frozenset(
    {
        *(
            "image",
            "picture",
            "place",
            "metric",
            "column",
            "network",
            "loss",
            "test_set",
            "dataset",
            "task",
            "paper",
            "table",
        ),
        *("degradation", "trivial_method", "scale", "code"),
    }
)
"""Columns of names: NA, null, 1e5, True and 007 are names there."""


def read_rows(path: Path) -> pd.DataFrame:
    """Return the rows of a CSV file with the columns of `TEXT` as text; elsewhere empty, NA and nan are missing values.

    Raises OSError and ValueError for a file that can't be read.
    """
    frame = pd.read_csv(path, dtype=dict.fromkeys(TEXT, str))
    # pandas takes missing values out before it looks at the type
    written = pd.read_csv(path, dtype=str, keep_default_na=False)
    for name in TEXT.intersection(frame.columns):
        frame[name] = written[name]
    return frame
