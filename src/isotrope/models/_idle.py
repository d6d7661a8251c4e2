"""Settings that others leave without effect are refused, not passed over."""

from collections.abc import Iterable

from isotrope.settings import Settings


def refuse_idle(params: Settings, idle: Iterable[tuple[str, str]]) -> None:
    """Refuse settings without effect that have another value than by default.

    Args:
        params: all settings.
        idle: names without effect, and what they would need, in words.

    Raises:
        ValueError: if one of them was set.
    """
    fields = type(params).model_fields
    for name, needed in idle:
        if getattr(params, name) != fields[name].get_default(call_default_factory=True):
            raise ValueError(
                f"{name}: has no effect without {needed}; take that, or leave {name} out"
            )
