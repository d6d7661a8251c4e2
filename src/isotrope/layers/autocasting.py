"""Passages whose numbers keep their types under `torch.autocast`."""

from contextlib import AbstractContextManager, nullcontext

import torch


def without_autocast(kind: str) -> AbstractContextManager[None]:
    """Let numbers on a kind of device keep their types; also where there is no autocast, as on
    ``meta``.
    """
    known = torch.amp.is_autocast_available(kind)
    return torch.autocast(kind, enabled=False) if known else nullcontext()


def autocasts(kind: str) -> bool:
    """Whether operations on a kind of device choose the types of their numbers themselves."""
    return torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
