"""What the answers of all tables come to, in one sentence that they allow, and what they could have found."""

from collections.abc import Sequence
from statistics import median

from pipeline.pages.claims import telling
from pipeline.pages.matrix import AS_WELL, AXES, Answer, named
from pipeline.pages.numbers import plain


def conclusion(answers: Sequence[Answer], withheld: str = "") -> str:
    """Return which losses are better than their reference, where, and whether a control does as well; or that none is.

    `withheld` says why no table's verdict stands; empty where some do.
    """
    own = [answer for answer in answers if answer.kind == "loss"]
    if withheld:
        return f"No conclusion is drawn: {withheld}."
    if not own:
        return "No conclusion is drawn: no table has a metric of distortion or perception of two losses."
    tested = [answer for answer in own if answer.tested]
    if not tested:
        return f"One run a loss tells no direction: no loss can be called better or worse than {_references(own)}."
    papers = list(dict.fromkeys(answer.paper for answer in tested))
    parts = [_found([answer for answer in tested if answer.paper == paper], len(papers) > 1) for paper in papers]
    said = [f"beyond the noise of pictures and seeds, {parts[0]}", *parts[1:]]
    better = [answer for answer in tested if answer.direction == "better"]
    if any(map(_matched, better)):
        each = "in each case " if all(map(_matched, better)) else ""
        said.append(f"{AS_WELL} {each}a control or an answer without training does as well")
    silent = [_inside(task) for task in _tasks(own) if task not in _tasks(tested)]
    if silent:
        said.append(f"nothing is said of {_listed(silent)}, which {'has' if len(silent) == 1 else 'have'} "
                    "one run a loss or withheld verdicts")  # fmt: skip
    sentence = "; ".join(said)
    return f"{sentence[0].upper()}{sentence[1:]}."


def power(answers: Sequence[Answer]) -> str:
    """Return which differences these seeds and pictures find in four of five such runs: medians over the losses."""
    own = [answer for answer in answers if answer.kind == "loss"]
    known = [answer for answer in own if answer.detectable is not None]
    if not known:
        return "unknown, since one run a loss does not tell how far two runs lie apart"
    said = list[str]()
    for task in _tasks(known):
        sizes = []
        for axis in AXES:
            here = [answer for answer in known if (answer.task, answer.axis) == (task, axis)]
            if here:
                size = median(answer.detectable or 0.0 for answer in here)
                metric, _, unit = named(here[0].metric).partition(", ")
                sizes.append(" ".join(filter(None, (plain(size, telling(size)), unit, metric))))
        said.append(f"{_inside(task)} {_listed(sizes)}")
    unknown = [_inside(task) for task in _tasks(own) if task not in _tasks(known)]
    said += [f"unknown of {_listed(unknown)}, of one run a loss"] if unknown else []
    return f"what these seeds and pictures show in four of five such runs, median over the losses: {'; '.join(said)}"


def _found(tested: Sequence[Answer], one_of_several: bool) -> str:
    """Say what one paper's losses are better in."""
    better = [answer for answer in tested if answer.direction == "better"]
    names = _tasks(tested)
    if not better:
        worse = sum(answer.direction == "worse" for answer in tested)
        of_paper = f" of {tested[0].paper.replace('_', ' ')}" if one_of_several else ""
        where = f"any of the {len(names)} tasks{of_paper}" if len(names) > 1 else _inside(names[0])
        also = f", and {worse} of {len(tested)} differences are worse" if worse else ""
        return f"no loss is better than {_references(tested)} in {where}{also}"
    clauses = _clauses(better, {(answer.task, answer.loss) for answer in tested if _price(answer)})
    first = f"{clauses[0][0]} {clauses[0][1]} better than {_references(tested)} {clauses[0][2]}"
    more = [f"{losses} {place}" for losses, _, place in clauses[1:]]
    alone = not any(_matched(answer) for answer in better) and all(answer.controlled for answer in better)
    return f"{', '.join([first, *more])}{'; no control does as well' if alone else ''}"


def _clauses(better: Sequence[Answer], dear: set[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Return losses, their verb, and where they are better; `dear` are tasks and losses worse in distortion."""
    by_place: dict[tuple[str, str, bool], list[str]] = {}
    for answer in better:
        price = answer.axis != "distortion" and (answer.task, answer.loss) in dear
        by_place.setdefault((answer.axis, answer.task, price), []).append(
            f"{answer.loss}{AS_WELL if _matched(answer) else ''}"
        )
    places: dict[tuple[tuple[str, ...], str, bool], list[str]] = {}
    for (axis, task, price), losses in by_place.items():
        places.setdefault((tuple(losses), axis, price), []).append(task)
    said = []
    for (names, axis, price), tasks in places.items():
        inside = [_inside(task) for task in tasks]
        paid = " and worse in distortion" if price else ""
        said.append((_listed(names), "is" if len(names) == 1 else "are", f"in {axis}{paid} ({_listed(inside)})"))
    return said


def _matched(answer: Answer) -> bool:
    return answer.direction == "better" and bool(answer.as_well)


def _price(answer: Answer) -> bool:
    return answer.axis == "distortion" and answer.direction == "worse"


def _tasks(answers: Sequence[Answer]) -> list[str]:
    return list(dict.fromkeys(answer.task for answer in answers))


def _references(answers: Sequence[Answer]) -> str:
    return " or ".join(dict.fromkeys(answer.reference for answer in answers))


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _inside(task: str) -> str:
    """Return a title as it stands inside a sentence: names of networks keep their capitals."""
    return task[:1].lower() + task[1:] if task[1:2].islower() and task.partition(" ")[0][1:].islower() else task
