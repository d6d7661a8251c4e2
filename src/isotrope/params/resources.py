"""The blocks ``resources`` of a param-file: what jobs of a run, or of one evaluation, ask for."""

from fractions import Fraction
from math import ceil
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, field_validator

from isotrope.settings import Settings

_MOST_MINUTES = 366 * 1440
_MOST_MEGABYTES = 100_000_000


def minutes_in(runtime: str) -> int:
    """A wall time such as ``4h`` in whole minutes, rounded up, at least one."""
    return max(1, ceil(_minutes(runtime)))


def _minutes(runtime: str) -> Fraction:
    return Fraction(runtime[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[runtime[-1]] / 60


def megabytes_in(memory: str) -> int:
    """A main memory such as ``16GB`` in MB, rounded up."""
    return ceil(Fraction(memory[:-2]) * {"MB": 1, "GB": 1000}[memory[-2:]])


def _possible_time(runtime: str) -> str:
    if not 0 < _minutes(runtime) <= _MOST_MINUTES:
        raise ValueError("a wall time is more than 0s and at most 366d")
    return runtime


def _possible_memory(memory: str) -> str:
    if not 1 <= float(memory[:-2]) * {"MB": 1, "GB": 1000}[memory[-2:]] <= _MOST_MEGABYTES:
        raise ValueError("a main memory is 1MB or more and at most 100000GB")
    return memory


Runtime = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(s|m|h|d)$"),
    AfterValidator(_possible_time),
]
Memory = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(MB|GB)$"),
    AfterValidator(_possible_memory),
]


class EvaluationResources(Settings):
    """What the job of one evaluation asks for; what is left out is that of the run's jobs.

    Nothing here changes a result beyond rounding.
    """

    gpu: int | None = Field(None, ge=0, le=8, description="GPUs; those of the run if left out")
    cpus: int | None = Field(
        None, ge=1, le=256, description="CPU cores; those of the run if left out"
    )
    runtime: Runtime | None = Field(
        None, description="wall time, as in 45m, 4h or 2d; evaluation_runtime if left out"
    )
    memory: Memory | None = Field(
        None, description="main memory, as in 16GB; that of the run if left out"
    )


class Resources(Settings):
    """What a job of this run asks for. It retrains nothing; results differ by rounding at most."""

    gpu: int = Field(1, ge=0, le=8, description="GPUs per job; 0 for a run that trains on the CPU")
    cpus: int = Field(2, ge=1, le=256, description="CPU cores per job")
    runtime: Runtime = Field("2h", description="wall time of a job, as in 45m, 4h or 2d")
    evaluation_runtime: Runtime = Field(
        "30m",
        description="wall time of the job that evaluates a pack; evaluations with resources of "
        "their own have jobs of their own",
    )
    memory: Memory = Field("8GB", description="main memory of a job, as in 16GB")
    seeds_per_job: int = Field(
        25, ge=1, le=10_000, description="seeds that one job trains: 1-n, (n+1)-2n, ..."
    )
    stack: Literal["auto"] | Annotated[int, Field(ge=1, le=10_000)] = Field(
        "auto",
        description="seeds that train at the same time on one device, at most; auto: on a GPU as "
        "many as fit its memory if that is faster, on a CPU one",
    )

    @field_validator("stack", mode="before")
    @classmethod
    def _auto_or_count(cls, value: Any) -> Any:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if value != "auto" and not (whole and 1 <= value <= 10_000):
            raise ValueError("write auto or a whole number from 1 to 10000")
        return value

    @property
    def minutes(self) -> int:
        """The wall time in whole minutes, at least one."""
        return minutes_in(self.runtime)

    @property
    def evaluation_minutes(self) -> int:
        """The wall time of an evaluation in whole minutes, at least one."""
        return minutes_in(self.evaluation_runtime)

    @property
    def megabytes(self) -> int:
        """The main memory in MB."""
        return megabytes_in(self.memory)
