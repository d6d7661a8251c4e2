"""Settings of attacks that are out of range."""


def at_least(least: float, **settings: float) -> None:
    """Refuse settings below a number.

    Raises:
        ValueError: if one is.
    """
    for name, value in settings.items():
        if not value >= least:
            raise ValueError(f"{name} must be at least {least:g}, got {value:g}")


def beyond_all(eps: float, norm: str) -> str:
    """What is wrong with a distance in ``linf`` that is meant in grey values; else nothing."""
    if norm != "linf" or eps <= 1:
        return ""
    return (
        f"eps must be at most 1 in linf, got {eps:g}; images are in 0..1, so that "
        f"{eps:g} grey values of 255 are {eps / 255:.4g}"
    )
