"""Work on a GPU as CUDA graphs: what would be hundreds of launches is a single one.

A graph does again what was done while it was recorded: the same kernels on the same memory. So it
holds for one shape of what goes in, and the work must change tensors in place, look at no number,
and get nothing from the host. What goes in is copied to where the graph expects it.
"""

import gc
import warnings
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from isotrope.datasets.trees import leaves, mapped
from isotrope.errors import UserError
from isotrope.layers.constants import holding
from isotrope.training import seeding

Log = Callable[[str], None]
_WARM_UPS = 2  # passes before one is recorded: libraries set themselves up, and constants are made


class Recorder(Protocol):
    """Records work on a device, to do it again."""

    def rehearse(self, work: Callable[[], None]) -> None:
        """Do the work where it will be recorded."""

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """What does again what the work does to the same tensors. The work itself is not done."""


class CudaRecorder:
    """CUDA graphs that share one pool of memory, since no two of them run at the same time.

    Args:
        device: a GPU.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._stream: Any = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()

    def rehearse(self, work: Callable[[], None]) -> None:
        """See `Recorder.rehearse`."""
        here = torch.cuda.current_stream(self.device)
        self._stream.wait_stream(here)
        try:
            with torch.cuda.stream(self._stream):
                work()
        finally:  # where it fails, what it used is freed, and must not be written to afterwards
            here.wait_stream(self._stream)

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """See `Recorder.record`."""
        with _waiting_refused():
            self.rehearse(work)
        graph = torch.cuda.CUDAGraph()
        here = torch.cuda.current_stream(self.device)
        apart = "thread_local"  # threads that pin memory for a stream of images go on meanwhile
        collects = gc.isenabled()
        gc.collect()
        gc.disable()  # what is thrown away while a graph is recorded may call what is not allowed
        try:
            with torch.cuda.graph(graph, self._pool, self._stream, capture_error_mode=apart):
                work()
        except RuntimeError as error:
            _refuse_broken_memory(error)
            raise
        finally:
            torch.cuda.set_stream(here)  # which torch 2.13 forgets where a recording fails
            if collects:
                gc.enable()
        replay: Callable[[], None] = graph.replay
        return replay


def _refuse_broken_memory(error: RuntimeError) -> None:
    """End the job where torch 2.11 can free no memory any more after a recording has failed.

    Raises:
        UserError: if it is so.
    """
    try:
        torch.cuda.empty_cache()
    except RuntimeError:
        first = str(error.__context__ or error).strip().splitlines()[0]
        raise UserError(
            f"no CUDA graph can hold these steps ({first}), and this version of torch "
            f"({torch.__version__}) cannot go on after that; train with --eager, or with a newer "
            "torch"
        ) from error


@contextmanager
def _waiting_refused() -> Iterator[None]:
    """Let operations fail for which the host waits.

    A recording that meets one leaves torch 2.11 without a way to free memory.
    """
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that not all of them are known
        torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)


def recorder_of(device: torch.device) -> Recorder | None:
    """What records work on a device; none on a CPU, where a launch costs next to nothing."""
    return CudaRecorder(device) if device.type == "cuda" else None


class _Recorded(NamedTuple):
    """Work that was recorded, where it expects what goes in, and the constants that it reads."""

    given: Any
    replay: Callable[[], None]
    constants: list[object]


class Replays:
    """Work that is recorded when it meets a shape for the first time, and replayed from then on.

    Whatever counts is replayed, the first time too: rehearsals work on what is put back afterwards.

    Args:
        recorder: records on the device; without one the work is done as it is.
        changed: the tensors that the work changes, by names that stay; rehearsals may bring in
            new ones, which are zero before the work.
        log: is told, once, why work cannot be recorded; it is then done as it is.
    """

    def __init__(
        self, recorder: Recorder | None, changed: Callable[[], dict[str, Tensor]], log: Log
    ) -> None:
        self._recorder = recorder
        self._changed = changed
        self._log = log
        self._known: dict[Hashable, _Recorded] = {}

    def do(self, name: Hashable, work: Callable[[Any], None], given: Any) -> None:
        """Do the work.

        Args:
            name: stands for all that the work depends on besides the tensors given.
            work: takes what is given, and changes tensors in place.
            given: a tree of tensors on the device; what they hold may be another each time.
        """
        if self._recorder is None:
            work(given)
            return
        key = (name, tuple((one.shape, one.dtype) for one in leaves(given)))
        if key not in self._known:
            recorded = self._record(self._recorder, work, given)
            if recorded is None:
                self._recorder = None
                self.forget()
                work(given)
                return
            self._known[key] = recorded
        known = self._known[key]
        _copy(leaves(known.given), leaves(given))
        known.replay()

    def forget(self) -> None:
        """Forget what was recorded; it is recorded again when it is needed."""
        self._known.clear()

    def _record(
        self, recorder: Recorder, work: Callable[[Any], None], given: Any
    ) -> _Recorded | None:
        own = mapped(lambda value: value.clone(memory_format=torch.contiguous_format), given)
        with _put_back(self._changed), holding() as constants:
            for _ in range(_WARM_UPS):
                recorder.rehearse(lambda: work(own))
            try:
                return _Recorded(own, recorder.record(lambda: work(own)), constants)
            except RuntimeError as error:
                cause = error.__context__ or error  # the end of a recording fails after its cause
                if isinstance(cause, torch.OutOfMemoryError):
                    raise cause from None
                first = str(cause).strip().splitlines()[0]
                self._log(
                    f"no CUDA graph can hold these steps ({first}); they are launched one by one, "
                    "which takes longer"
                )
                return None


@contextmanager
def _put_back(changed: Callable[[], dict[str, Tensor]]) -> Iterator[None]:
    """Put tensors and random numbers back to what they were before."""
    before = {name: value.detach().clone() for name, value in changed().items()}
    device = next((value.device for value in before.values()), torch.device("cpu"))
    random = seeding.random_state(device)
    try:
        yield
    finally:
        with torch.no_grad():
            for name, value in changed().items():
                if name in before:
                    value.detach().copy_(before[name])
                else:
                    value.detach().zero_()
        seeding.restore_random_state(random, device)


def _copy(goals: Iterable[Tensor], sources: Iterable[Tensor]) -> None:
    """Copy tensors into others, those of a type by a single launch."""
    by_type: dict[torch.dtype, tuple[list[Tensor], list[Tensor]]] = {}
    for goal, source in zip(goals, sources, strict=True):
        pair = by_type.setdefault(goal.dtype, ([], []))
        pair[0].append(goal)
        pair[1].append(source)
    for goal_list, source_list in by_type.values():
        torch._foreach_copy_(goal_list, source_list)
