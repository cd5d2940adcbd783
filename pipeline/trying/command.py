"""The verb `try`: one loss against another on a network and data of one's own, in a stated time."""

import argparse

TEXT = "a loss against another on one network, with a verdict: what to run in so many minutes, the run, and its page"
EXAMPLE = "python -m pipeline try ctmae --network edsr --data pictures/ --against original --seeds 3 --minutes 20"


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("loss", metavar="LOSS", help="an entry of config/losses.yaml, or a file of lossbench/losses")
    parser.add_argument("--network", default="edsr", help="a network of the scale (default edsr)")
    words = "a folder of pictures, perhaps divided (train/target, test/target), or the name of a data set"
    parser.add_argument("--data", help=f"{words}; left out, embedded photographs")
    parser.add_argument("--against", default="original", metavar="LOSS", help="the other loss (default original)")
    parser.add_argument("--seeds", type=int, default=3, help="trainings under each loss (default 3)")
    parser.add_argument("--minutes", type=float, default=20.0, help="in which all is to end (default 20)")
    task = "left out, `paired` for a folder with low_quality, else that of the first table with this network"
    parser.add_argument("--task", help=f"a task of config/config.yaml; {task}")
    parser.add_argument(
        "--extends", default="demo", metavar="SCALE", help="the scale that says all else (default demo)"
    )
    parser.add_argument("--dry-run", action="store_true", help="write the files and say what would be run")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")


def run(given: argparse.Namespace) -> None:
    """Write, run and answer what is asked for; raises UserError as `tried`."""
    # planning takes its time to import, and the help needs none of it
    from pipeline.trying.trial import tried

    tried(given)
