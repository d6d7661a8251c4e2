"""How the files of a built data set are called."""

import hashlib
import json
import re
from typing import Any

from isotrope.settings import Settings, build_settings

_LONGEST = 120  # characters of a name


def dataset_key(params: Settings) -> str:
    """The name of a built data set's files: its build-time values that differ from their default.

    Words stand alone (``emoji-local``), other values behind the name of their field
    (``emoji-size=32``), and what cannot be part of a file's name as a digest; ``default`` if none
    differs.
    """
    parts = []
    for name, value in build_settings(params).items():
        default = type(params).model_fields[name].get_default(call_default_factory=True)
        if getattr(params, name) != default:
            part = value if isinstance(value, str) else f"{name}={value}"
            sound = re.fullmatch(r"\w[\w.=+-]*", part)
            parts.append(part if sound else f"{name}={_digest(value)}")
    key = "-".join(parts) if parts else "default"
    return key if len(key) <= _LONGEST else _digest(key)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:8]
