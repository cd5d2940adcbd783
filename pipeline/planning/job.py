"""What a job is: what it depends on, which files of which other jobs it reads, and what names it. Imports no torch."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from lossbench import plugins
from lossbench.records import Strict
from pipeline.outputs.fingerprint import fingerprint
from pipeline.outputs.layout import FILES, WILDCARDS, log_of, path_of, record_of

__all__ = ["FILES", "WILDCARDS", "File", "Job", "Key", "Name", "closure", "plugin_module", "plugin_modules"]

FITTING = {shelf: f"lossbench.{shelf}._outside" for shelf in plugins.FITTED}
"""What makes plugins from outside fit a shelf."""

Key = tuple[str, ...]
"""Names a job among those of its stage: the values of the wildcards of its rule."""
Name = tuple[str, Key]
"""Stage and key of a job."""


@dataclass(frozen=True, eq=False)
class Job:
    """One job; `reads` holds the jobs whose files it reads, so that a job is the tree of all that it rests on."""

    root: str
    """Results folder of the scale."""
    stage: str
    key: Key
    spec: Strict
    modules: tuple[str, ...]
    """Dotted names of the modules that it runs, with the plugins that these import by name."""
    reads: Mapping[str, File | Sequence[File]] = field(default_factory=dict)
    named: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """For those of `reads` whose files its command takes by name: the names, in the order of the files."""
    undecided: tuple[str, ...] = ()
    """Words of steps on whose cost its spec rests, and that were not measured."""
    processes: int = 1
    """That share the batch of a training, one a GPU; they change nothing of its result."""
    accumulate: int = 1
    """Of a training: parts of its batch that follow one another; nor do they."""
    given: Mapping[str, str] = field(default_factory=dict)
    """Files of the user by the option that takes each. Their digests are in its spec, so that where they lie changes
    nothing."""

    @property
    def name(self) -> Name:
        """Return stage and key."""
        return self.stage, self.key

    @property
    def wildcards(self) -> dict[str, str]:
        """Return its key by the names of the rule's wildcards."""
        return dict(zip(WILDCARDS[self.stage], self.key, strict=True))

    @property
    def code(self) -> str:
        """Return the fingerprint of the code that it runs."""
        return fingerprint(*self.modules)

    @cached_property
    def spec_text(self) -> str:
        """Return its spec as its command takes it, the same text whatever the order in which it was written."""
        return self.spec.canonical()

    @cached_property
    def digest(self) -> str:
        """Return 16 hexadecimal digits that change with all that decides its files: spec, code, and what it rests on.

        What an edit makes stale stays so until it is made again, whatever failed in between.
        """
        # where a scale's results lie does not count
        read = [f"{file.job.digest} {file.path.removeprefix(self.root)}" for file in self.files_read()]
        text = "\n".join([self.stage, self.spec_text, self.code, *read])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def record(self) -> str:
        """Return the path of the record of what its files were made from."""
        return record_of(self.root, self.stage, self.wildcards)

    @property
    def recording(self) -> str:
        """Return its record and digest as an option of its command, quoted for a shell."""
        return shlex.join(["--record", self.record, self.digest])

    @property
    def log(self) -> str:
        """Return the path of what it prints."""
        return log_of(self.root, self.stage, self.wildcards)

    @property
    def inputs(self) -> dict[str, str | list[str]]:
        """Return the paths of what it reads, as a rule takes them."""
        return {
            name: files.path if isinstance(files, File) else [file.path for file in files]
            for name, files in self.reads.items()
        }

    @property
    def options(self) -> str:
        """Return what it reads as options of its command, quoted for a shell."""
        return " ".join(filter(None, map(self.option, self.reads)))

    def option(self, name: str) -> str:
        """Return what it reads under `name` as an option of its command, quoted for a shell; nothing for no file."""
        files = self.inputs.get(name, [])
        paths = [files] if isinstance(files, str) else files
        if name in self.named:
            paths = [f"{label}={path}" for label, path in zip(self.named[name], paths, strict=True)]
        return shlex.join([f"--{name.replace('_', '-')}", *paths]) if paths else ""

    @property
    def given_options(self) -> str:
        """Return the files of the user as options of its command, quoted for a shell."""
        return shlex.join(word for name, path in self.given.items() for word in (f"--{name}", path))

    def writes(self, name: str) -> File:
        """Return the file that `FILES` calls `name`; raises KeyError when its stage writes no such file."""
        return File(self, path_of(self.root, self.stage, name, self.wildcards))

    def outputs(self) -> dict[str, str]:
        """Return the paths of all that it writes by name."""
        return {name: self.writes(name).path for name in FILES[self.stage]}

    def files_read(self) -> Iterator[File]:
        """Give the files that it reads."""
        for files in self.reads.values():
            yield from [files] if isinstance(files, File) else files

    def __str__(self) -> str:
        """Name it as messages do."""
        return f"{self.stage} {'/'.join(self.key)}".rstrip()


@dataclass(frozen=True)
class File:
    """One file and the job that writes it."""

    job: Job
    path: str


def closure(job: Job) -> Iterator[Job]:
    """Give `job` after all jobs that it rests on, each object once."""
    seen: set[int] = set()
    waiting = [(job, False)]
    while waiting:
        current, complete = waiting.pop()
        if complete:
            yield current
        elif id(current) not in seen:
            seen.add(id(current))
            waiting.append((current, True))
            waiting.extend((file.job, False) for file in current.files_read())


def plugin_module(folder: str, name: str) -> str:
    """Return the dotted name of the plugin `name` of `folder`; raises UserError for an unknown one."""
    return plugins.module(folder, name)


def plugin_modules(folder: str, name: str) -> list[str]:
    """Return `plugin_module`, and for what is made to fit from outside the module that does that."""
    found = [plugin_module(folder, name)]
    return [*found, FITTING[folder]] if plugins.is_outside(folder, name) else found
