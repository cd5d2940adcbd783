"""Which loss network a loss is built on where its user names none: one made here, a fetched one, one that ships.

The places are looked into in this order, and the first that has a loss network that fits decides. What fits is of a
kind that the loss takes, for pictures of three bands, and trained on what the loss is by definition of (`TRAINED_ON` of
its file). Of several in one place the kind that the loss names first goes before others, then a released one before one
that was trained here, and of those that differ by their seeds alone the first seed. Where more than one is left
none is chosen: they are named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lossbench import plugins
from lossbench.errors import UserError, tell
from lossbench.weights import places, released
from lossbench.weights.stored import Stored, described, readable

GIVE = "give weights=FILE (on a command line --weights FILE)"
"""What is always left to do."""
SHOWN = 4
"""Files that a message names at most."""
_told: set[tuple[str, Path]] = set()


@dataclass(frozen=True)
class Place:
    """Somewhere that stored loss networks lie."""

    words: str
    """How a message calls it."""
    files: Callable[[], Iterable[Path]]

    @cached_property
    def stored(self) -> list[Stored]:
        """The loss networks that lie there, read once."""
        return list(readable(self.files()))


@dataclass(frozen=True)
class Found:
    """The loss network that a loss or a metric is built on."""

    owner: str
    """What is built on it, in words: `loss 'kmae'`."""
    path: Path
    words: str
    """What it is and where it was found."""


def all_places() -> list[Place]:
    """Return the places in the order in which they are looked into."""
    folder = places.fetched()
    return [
        Place(f"made by the pipeline in {places.RESULTS}/", lambda: places.files(places.RESULTS, places.MADE_HERE)),
        Place(f"fetched to {folder}", lambda: places.files(folder)),
        Place("shipped with lossbench", lambda: places.files(places.SHIPPED)),
    ]


def find(
    loss: str, fits: Callable[[Stored], bool] = lambda _: True, where: Sequence[Place] | None = None
) -> Found | None:
    """Return the loss network for the loss file `loss`; None where it needs none, or none is there.

    `fits` says what else it must be, `where` which places are looked into, all when it is None. Raises
    UserError where several fit equally well, naming them.
    """
    kinds = _kinds(loss)
    for place in (all_places() if where is None else where) if kinds else ():
        candidates = [each for each in _of_kinds(place, kinds) if _misfit(loss, each, fits) is None]
        if candidates:
            chosen = _only(loss, place, _best(kinds, candidates))
            return Found(f"loss '{loss}'", chosen.path, f"{chosen.words}; {place.words}")
    return None


def for_metric(metric: str, kinds: Sequence[str]) -> Path | None:
    """Return the file of the usual public loss network of `kinds` where it was fetched, which is said; else None.

    What was trained here is not looked at: it would give numbers under the metric's name that nobody else has.
    """
    if (known := released.of_kinds(tuple(kinds))) is None:
        return None
    file = places.stored(places.fetched(), known[1].name)
    if not file.is_file():
        return None
    say(Found(f"metric '{metric}'", file, described(file).words))
    return file


def in_words(loss: str, where: Sequence[Place]) -> str | None:
    """Say on which file in `where` the loss file `loss` is built by itself; None where it needs none."""
    if not _kinds(loss):
        return None
    try:
        found = find(loss, where=where)
    except UserError:
        return "several fit, give one"
    return f"{found.path} ({found.words})" if found else "no file yet"


def say(found: Found) -> None:
    """Say once a process on standard error which loss network its owner is built on."""
    if (found.owner, found.path) not in _told:
        _told.add((found.owner, found.path))
        tell(f"{found.owner}: weights {found.path} ({found.words})")


def nothing(loss: str, fits: Callable[[Stored], bool] = lambda _: True) -> UserError:
    """Return what to say where no loss network of the loss `loss` is there: what to fetch, train or give."""
    kinds = _kinds(loss)
    looked = ", none ".join(place.words for place in all_places())
    others = [each for place in all_places() for each in _of_kinds(place, kinds)]
    passed = "".join(f"; passed over: {each.path} ({_misfit(loss, each, fits)})" for each in others[:SHOWN])
    fault = f"loss '{loss}' finds no loss network {' or '.join(kinds)}: none {looked}{passed}"
    known = None if released.trained_on_task(loss) else released.of_kinds(kinds)
    if known is not None:
        remedy = f"run: lossbench fetch weights {loss} ({known[0].words}), or {GIVE}"
    else:
        remedy = f"train one in a clone by snakemake, or {GIVE}; docs/use-a-loss.md says how to get one"
    return UserError(f"{fault}; {remedy}")


def _kinds(loss: str) -> tuple[str, ...]:
    return tuple(plugins.constant("losses", loss, "LOSS_NETWORKS"))


def _of_kinds(place: Place, kinds: Sequence[str]) -> list[Stored]:
    return [each for each in place.stored if each.kind in kinds]


def _misfit(loss: str, stored: Stored, fits: Callable[[Stored], bool]) -> str | None:
    """Return why `stored`, of a kind that the loss takes, does not count; None where it does."""
    if not stored.rgb:
        return f"of {stored.architecture['bands']} bands"
    wanted: Any = plugins.constant("losses", loss, "TRAINED_ON", None)
    if wanted is not None and stored.on_other_imagery != (wanted == "other"):
        words = "imagery that is no task's" if wanted == "other" else "a task's own pictures"
        return f"{stored.words}, not trained on {words}"
    return None if fits(stored) else f"{stored.kind} does not have what is asked for"


def _best(kinds: Sequence[str], candidates: Sequence[Stored]) -> list[Stored]:
    """Return those of `candidates` before which none other goes, one of those that differ by their seeds alone."""

    def rank(stored: Stored) -> tuple[int, bool]:
        return kinds.index(stored.kind), not stored.released

    least = min(map(rank, candidates))
    firsts: dict[str, Stored] = {}
    for each in sorted(candidates, key=lambda stored: (stored.seed, stored.path)):
        if rank(each) == least:
            firsts.setdefault(each.recipe, each)
    return list(firsts.values())


def _only(loss: str, place: Place, left: Sequence[Stored]) -> Stored:
    if len(left) == 1:
        return left[0]
    raise UserError(
        f"loss '{loss}': {len(left)} loss networks {place.words} fit equally well: {_listed(left)}; "
        f"give one of them: weights='{left[0].path}'"
    )


def _listed(found: Sequence[Stored]) -> str:
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ", ".join(f"{each.path} ({each.words})" for each in found[:SHOWN]) + more
