"""The param-files that there are, without reading any."""

from pathlib import Path

from isotrope import paths


def find(root: Path = paths.PARAM_FILES) -> dict[Path, str]:
    """Every param-file below ``root``, with a sentence if its name is wrong, else an empty text."""
    candidates = sorted(p for p in root.rglob("*") if p.suffix.lower() in (".yaml", ".yml"))
    files: dict[Path, str] = {}
    seen: dict[str, Path] = {}
    for path in candidates:
        if any(part.startswith(".") for part in path.relative_to(root).parts):
            continue  # an editor's hidden copy
        first = seen.setdefault(str(path.with_suffix("")).lower(), path)
        if first != path:
            files[path] = (
                f"{path}: its name differs from {first} in case or ending only; rename one"
            )
        elif path.suffix != ".yaml":
            files[path] = f"{path}: the name of a param-file ends in .yaml; rename it"
        else:
            files[path] = ""
    return files
