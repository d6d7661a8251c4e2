"""Results in the files that the authors of a study published theirs in.

A form is a module ``studies/<study>/export_<form>.py`` with ``export(group, folder)``, which reads
tables alone, and maybe ``PARTS``, further files by name with what they hold, and
``export_parts(group, folder, parts, device, threads)``, which may need weights, data and torch.
"""

from collections.abc import Iterator, Sequence
from types import ModuleType

from isotrope import paths, registry
from isotrope.errors import UserError, did_you_mean

PREFIX = "export_"


def forms_of(study: str) -> list[str]:
    """The forms that results of a study can be exported in."""
    names = registry.names(f"studies/{study}")
    return [name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX)]


def form_of(form: str, group: str | None) -> tuple[ModuleType, str]:
    """The module of a form, and the group that is exported.

    Args:
        form: its name.
        group: a study or its demo; None for the one study that has the form.

    Raises:
        UserError: if there is no such form, or more than one.
    """
    if group is None:
        studies = [study for study in registry.study_folders() if form in forms_of(study)]
        if len(studies) > 1:
            raise UserError(f"--as {form}: say which study with --group: {', '.join(studies)}")
        if not studies:
            known = {form for study in registry.study_folders() for form in forms_of(study)}
            raise UserError(f"--as {form}: no study has such a form{did_you_mean(form, known)}")
        group = studies[0]
    study = paths.study_of(group)
    if form not in forms_of(study):
        hint = did_you_mean(form, forms_of(study))
        raise UserError(f"--as {form}: the study {study} has no such form{hint}")
    return registry.load(f"studies/{study}", f"{PREFIX}{form}"), group


def check_parts(module: ModuleType, parts: Sequence[str]) -> None:
    """Refuse parts that a form does not have.

    Raises:
        UserError: with the nearest part there is.
    """
    known = getattr(module, "PARTS", {})
    wrong = [
        f"--with: there is no part '{part}'{did_you_mean(part, known)}"
        for part in parts
        if part not in known
    ]
    if wrong:
        raise UserError(*wrong)


def all_parts() -> Iterator[str]:
    """Every part of any form, for completion."""
    for study in registry.study_folders():
        for form in forms_of(study):
            yield from registry.literal(f"studies/{study}", f"{PREFIX}{form}", "PARTS", {})
