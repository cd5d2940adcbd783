"""What rests on itself: a loss that takes as long as itself, a classifier that starts from itself."""

from collections.abc import Iterator, Mapping

from pipeline.config.losses import Loss
from pipeline.config.scale import Scale

Node = tuple[str, str]
"""Section and name."""


def circular(losses: Mapping[str, Loss], scale: Scale) -> tuple[str, str, str] | None:
    """Return section, name and words of an entry that rests on itself, directly or through others; None without one."""
    rests = {node: list(others) for node, others in _rests(losses, scale)}
    done: set[Node] = set()
    for start in rests:
        way = [start]
        while way:
            following = next((other for other in rests.get(way[-1], ()) if other not in done), None)
            if following is None:
                done.add(way.pop())
            elif following in way:
                names = [name for _, name in (*way[way.index(following) :], following)]
                verb = "takes as long as" if following[0] == "losses" else "rests on"
                said = f"'{names[0]}' " + ", which ".join(f"{verb} '{name}'" for name in names[1:])
                return *following, f"{said}; let one of them rest on nothing of its own circle"
            else:
                way.append(following)
    return None


def _rests(losses: Mapping[str, Loss], scale: Scale) -> Iterator[tuple[Node, Iterator[Node]]]:
    """Give every entry with those that it rests on."""
    for name, loss in losses.items():
        yield ("losses", name), _named("losses", loss.as_long_as)
    for name, network in scale.networks.items():
        yield ("networks", name), _named("networks", network.initial)
    for name, entry in scale.loss_networks.items():
        judged = entry.judgements
        heads = (judged.trunk, judged.initial, judged.released) if judged else ()
        yield (
            ("loss_networks", name),
            iter([*_named("classifiers", entry.classifier), *_named("loss_networks", *heads)]),
        )
    for name, classifier in scale.classifiers.items():
        yield (
            ("classifiers", name),
            iter([*_named("classifiers", classifier.classifier), *_named("loss_networks", classifier.trunk)]),
        )


def _named(section: str, *names: str | None) -> Iterator[Node]:
    return ((section, name) for name in names if name is not None)
