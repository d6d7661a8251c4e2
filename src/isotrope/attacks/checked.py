"""Settings of attacks that are out of range."""


def at_least(least: float, **settings: float) -> None:
    """Refuse settings below a number.

    Raises:
        ValueError: if one is.
    """
    for name, value in settings.items():
        if not value >= least:
            raise ValueError(f"{name} must be at least {least:g}, got {value:g}")
