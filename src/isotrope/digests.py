"""Digests: what a result depends on, in sixteen letters.

A digest is taken of parsed values, so comments, order and spelling of a param-file do not count.
Values that equal their default are left out: a new option with a neutral default changes no digest.
Changing what a default *means* changes numbers, and so wants a higher ``REVISION``.

Each part of the training that a param-file may name (optimizer, schedule, warm-up, objective,
augmentation) has a revision of its own. One at 1 adds nothing, so that a new part changes no
digest, and a raised one changes those alone of the param-files that use it.
"""

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from isotrope import paths, registry
from isotrope.errors import UserError
from isotrope.files import json_files, regular
from isotrope.settings import Settings, build_settings


def digest(content: Any) -> str:
    """Sixteen hexadecimal letters of the SHA-256 of ``content`` as canonical JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def training_revision() -> int:
    """``REVISION`` of the training code, read without importing it."""
    return int(registry.literals(registry.PACKAGE / "training" / "__init__.py")["REVISION"])


_PARTS = ("optimizers", "schedules", "objective")  # modules of training with ``REVISIONS``
_OBJECTIVES = {"classification": "cross_entropy", "segmentation": "segmentation"}  # of data's kinds


def part_revisions() -> dict[str, dict[str, int]]:
    """``REVISIONS`` of every module of the training that has parts, read without importing it."""
    folder = registry.PACKAGE / "training"
    return {
        module: dict(registry.literals(folder / f"{module}.py")["REVISIONS"]) for module in _PARTS
    }


def raised_parts(settings: dict[str, Any], dataset: str) -> dict[str, int]:
    """The parts that a training uses whose revision is above 1.

    Args:
        settings: the block ``training`` without its defaults.
        dataset: the name of the data set, whose kind gives the objective if none is named.
    """
    revisions = part_revisions()
    raised = {}
    for module, name in _parts(settings, dataset):
        if module == "augmentation":
            revision = registry.literal("augmentation", name, "REVISION")
        else:
            revision = revisions[module].get(name, 1)
        if revision > 1:
            raised[f"{module}.{name}"] = revision
    return raised


def _parts(settings: dict[str, Any], dataset: str) -> Iterator[tuple[str, str]]:
    """The parts that a training uses: the module that has each, and its name."""
    optimizer = settings["optimizer"]
    yield "optimizers", optimizer["name"]
    if "schedule" in optimizer:
        yield "schedules", optimizer["schedule"]["name"]
    if "warm_up" in optimizer:
        yield "schedules", "warm_up"
    kind = registry.literal("data", dataset, "kind", "classification")
    yield "objective", settings.get("objective", {}).get("name", _OBJECTIVES.get(kind, kind))
    blocks = settings.get("augmentation", [])
    for block in blocks if isinstance(blocks, list) else [blocks]:
        if block["name"] in registry.names("augmentation"):
            yield "augmentation", block["name"]


def _block(kind: str, name: str, params: Settings) -> dict[str, Any]:
    found = {
        "name": name,
        "revision": registry.literal(kind, name, "REVISION"),
        "settings": params.model_dump(mode="json", exclude_defaults=True),
    }
    if kind == "models" and (wraps := registry.literal(kind, name, "WRAPS", "")):
        inner = getattr(params, wraps)
        found["inside"] = _block(kind, inner.name, inner.params)
    return found


def dataset_digest(name: str, params: Settings) -> str:
    """What the files of a data set depend on: its build-time settings and its ``REVISION``."""
    revision = registry.literal("data", name, "REVISION")
    defaults = params.model_dump(mode="json", exclude_defaults=True)
    settings = {k: v for k, v in build_settings(params).items() if k in defaults}
    return digest({"name": name, "revision": revision, "settings": settings})


def training_digest(
    dataset: tuple[str, Settings],
    model: tuple[str, Settings],
    training: dict[str, Any],
    start: Mapping[str, Any] | None = None,
) -> str:
    """What a trained seed depends on, besides its number.

    Args:
        dataset: the data set's name and settings.
        model: the model's.
        training: as `Training.digested`.
        start: what the weights depend on that the training begins with; it stands in the place of
            the words by which the param-file names them.
    """
    settings = training if start is None else {**training, "start_from": dict(start)}
    trained = {"revision": training_revision(), "settings": settings}
    if raised := raised_parts(settings, dataset[0]):
        trained["parts"] = raised
    return digest(
        {
            "dataset": _block("data", *dataset),
            "model": _block("models", *model),
            "training": trained,
        }
    )


def evaluation_digest(
    name: str,
    params: Settings,
    dataset: tuple[str, Settings] | None,
    trained: str,
    more: Mapping[str, Any] | None = None,
) -> str:
    """What an evaluation's rows depend on.

    Args:
        name: the evaluation's name.
        params: its settings.
        dataset: the data set that it is given, only where that is not the training one.
        trained: the training digest of the networks.
        more: what else a param-file may say of it, only where it is not the default.
    """
    return digest(
        {
            "evaluation": _block("evaluation", name, params),
            "dataset": _block("data", *dataset) if dataset else None,
            "training": trained,
            **(more or {}),
        }
    )


def with_local_files(trained: str, *manifests: Path, own: Sequence[str] = ()) -> str:
    """``trained``, extended by the checksums of files that the user brought.

    ``manifests`` are those of data sets, ``own`` the checksums of other files.

    Embedded data are fixed by their ``REVISION``; a file under ``$ISOTROPE_DATA``, or a download
    after its pin moved to a newer version, may be another, and what was trained on the old one must
    not pass for new. Of data made here from the user's files the list of those counts, not the
    archive, whose bytes depend on the libraries that packed it.

    Raises:
        UserError: if a data set is not built, or its manifest is damaged.
    """
    return with_sums(trained, *(local_sums(manifest) for manifest in manifests), own)


def with_sums(trained: str, *sums: Sequence[str]) -> str:
    """``with_local_files`` where the checksums in each manifest are known already."""
    known = [checksum for of_manifest in sums for checksum in of_manifest]
    return digest([trained, known]) if known else trained


def not_built(manifest: Path) -> UserError:
    """That a data set is not there, with the two commands that build one of a param-file."""
    key = manifest.name.removesuffix(".manifest.json")
    by_hand = shlex.join(["isotrope", "build", manifest.parent.name, "--key", key])
    return UserError(
        f"{manifest}: the data set is not built; run `snakemake {manifest}`, or `{by_hand}`"
    )


def local_sums(manifest: Path) -> list[str]:
    """The checksums of those files of a built data set that the user brought.

    Raises:
        UserError: if the data set is not built, or its manifest is damaged.
    """
    try:
        content = json_files.parse_object(regular.read_bytes(manifest))
        json_files.is_sealed(content)
        listed = content["files"]
        return [
            file["sha256"]
            for file in listed
            if file["root"] != "folder" or file["path"].endswith(paths.SOURCES_OF)
        ]
    except FileNotFoundError as error:
        raise not_built(manifest) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{manifest}: not a whole manifest; run `snakemake --force {manifest}`"
        ) from error
