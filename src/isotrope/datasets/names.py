"""How the files of a built data set are called."""

import re

from isotrope.settings import Settings, build_settings


def dataset_key(params: Settings) -> str:
    """The name of a built data set's files: its build-time values that differ from their default.

    Words stand alone (``emoji-local``), other values behind the name of their field
    (``emoji-size=32``); ``default`` if none differs.

    Raises:
        ValueError: if a value has characters that do not belong into a file's name.
    """
    parts = []
    for name, value in build_settings(params).items():
        default = type(params).model_fields[name].get_default(call_default_factory=True)
        if getattr(params, name) != default:
            parts.append(value if isinstance(value, str) else f"{name}={value}")
    key = "-".join(parts) if parts else "default"
    if not re.fullmatch(r"\w[\w.=+-]*", key):
        raise ValueError(f"settings {key!r} cannot name a file; use letters, digits, and . = + -")
    return key
