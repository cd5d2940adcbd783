"""What a result that is there was made from, against what would make it now."""

from pathlib import Path

from pipeline.outputs.record import differences, read_record
from pipeline.planning.job import Job


def differs(job: Job) -> str | None:
    """Say how the record beside the files of `job` differs from what would make them now; None where it does not.

    Empty where the job itself is the same, but something that it rests on is not.
    """
    record = read_record(Path(job.record))
    if record.get("digest") == job.digest:
        return None
    if not record:
        return "nothing says what it was made from"
    own = differences(record.get("spec"), job.spec.model_dump(mode="json"))
    return "; ".join([*own, *(["its code differs"] if record.get("code") != job.code else [])])
