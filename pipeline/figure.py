"""Stage figure: a figure of a paper out of what a table's runs left, with its numbers. Needs no torch."""

from pathlib import Path
from typing import Any

import matplotlib as mpl

from lossbench.files import write_text, written_atomically
from pipeline.command import run
from pipeline.drawing import gallery, plane, scatter, sweep
from pipeline.specs.figure import FigureSpec

DRAWN = {"sweep": sweep.drawn, "scatter": scatter.drawn, "gallery": gallery.drawn, "plane": plane.drawn}
LOOK: Any = {"axes.spines.top": False, "axes.spines.right": False, "font.size": 9, "svg.hashsalt": "lossbench"}
"""The salt keeps the names inside an SVG the same from run to run."""


def main(spec: FigureSpec, code: str, output: Path) -> None:
    """Write the figure to `output` (PNG), as SVG beside it, and its numbers as CSV.

    Raises UserError naming a file of scores, a history or a picture that can't be read, and for a full disk.
    """
    with mpl.rc_context(LOOK):
        figure, numbers = DRAWN[spec.figure.kind](spec)
        figure.suptitle(f"{spec.table.title}, scale {spec.table.scale}", fontsize=10)
        figure.supxlabel("; ".join(spec.table.stand_ins), fontsize=6, wrap=True)
        for ending, metadata in (("png", {"Description": f"code {code}"}), ("svg", {"Date": None})):
            with written_atomically(output.with_suffix(f".{ending}")) as temporary:
                figure.savefig(temporary, format=ending, dpi=150, metadata=metadata)
        write_text(output.with_suffix(".csv"), numbers.to_csv(index=False))


if __name__ == "__main__":
    run(main)
