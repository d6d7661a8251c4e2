"""Numbers and times in few words."""

from collections.abc import Iterable


def range_text(numbers: Iterable[int]) -> str:
    """Numbers as a param-file has them: ``1-5,8``."""
    parts: list[list[int]] = []
    for number in sorted(set(numbers)):
        if parts and number == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number])
    return ",".join("-".join(map(str, part)) for part in parts)


def duration_text(seconds: float) -> str:
    """A time for people: ``40 s``, ``12 min``, ``3.5 h``, ``4.2 days``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    hours = seconds / 3600
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"
