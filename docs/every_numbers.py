"""Print what the demo says of a learned loss in every k-th step, as docs/performance.md shows it.

`uv run python docs/every_numbers.py claims`, after `uv run snakemake report`.
"""

from _paper_results import claims_table, print_part, read_claims

from lossbench.errors import exit_with_one_line

PAPER, TABLE = "beyond", "every"
DIGITS = {"psnr": 2, "niqe": 2}


def heading() -> str:
    """Return the first row of the table that is printed."""
    return "| asked | the demo | verdict |"


def claims() -> str:
    """Return every claim that was judged with what was found; raises UserError without any."""
    return claims_table(heading(), read_claims(PAPER, TABLE), DIGITS)


if __name__ == "__main__":
    exit_with_one_line(lambda: print_part(__doc__, {"claims": claims}))
