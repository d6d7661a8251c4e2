"""The block ``resources`` of a param-file: what a job asks for."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from isotrope.settings import Settings


class Resources(Settings):
    """What a job of this run asks for. Nothing here changes a result or retrains anything."""

    gpu: int = Field(1, ge=0, le=8, description="GPUs per job; 0 for a run that trains on the CPU")
    cpus: int = Field(2, ge=1, le=256, description="CPU cores per job")
    runtime: str = Field(
        "2h",
        pattern=r"^[0-9]+(\.[0-9]+)?(s|m|h|d)$",
        description="wall time of a job, as in 45m, 4h or 2d",
    )
    memory: str = Field(
        "8GB", pattern=r"^[0-9]+(\.[0-9]+)?(MB|GB)$", description="main memory of a job, as in 16GB"
    )
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
        factor = {"s": 1 / 60, "m": 1, "h": 60, "d": 1440}[self.runtime[-1]]
        return max(1, round(float(self.runtime[:-1]) * factor))

    @property
    def megabytes(self) -> int:
        """The main memory in MB."""
        return round(float(self.memory[:-2]) * {"MB": 1, "GB": 1000}[self.memory[-2:]])
