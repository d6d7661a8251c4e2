"""A run of which each seed has training images of its own, as one of several seeds on each of them.

For ensembles that see no more images than a single network: every set of images becomes a point of
a sweep, and every point gets the same few seeds, which initialise and order differently.
"""

from pathlib import Path

import yaml

from isotrope import paths
from isotrope.errors import UserError
from isotrope.files.disk import write_whole
from isotrope.params.param_file import check_file, read_run
from isotrope.params.param_folder import first_line, read_text
from isotrope.params.yaml_marks import parse

_TOGETHER = "seed_ensemble"


def with_initialisations(file: Path, count: int, subset_seed: str) -> Path:
    """Write a param-file that trains several seeds on the images of each seed of another.

    Args:
        file: the param-file whose seeds choose the images.
        count: how many seeds each set of images gets: 1 to that number.
        subset_seed: the key of the data set's setting that chooses for all seeds, as in
            ``dataset.subset_seed``.

    Returns:
        The new file, beside the old; one that is there already is left as it is.

    Raises:
        UserError: if the old file has mistakes or a sweep, or its data set has no such setting.
    """
    path = file.with_name(f"{file.stem}_{count}_initialisations.yaml")
    if path.exists():
        return path
    run = read_run(file)
    blocks = parse(read_text(file)).value
    if "sweep" in blocks or "select" in blocks:
        raise UserError(f"{file}: has a sweep already; take it out, or write {path} yourself")
    known = blocks.get("evaluations") or []
    known = known if isinstance(known, list) else [known]
    names = [one["name"] if isinstance(one, dict) else one for one in known]
    blocks["evaluations"] = known if _TOGETHER in names else [*known, _TOGETHER]
    blocks["sweep"] = {subset_seed: run.envelope.seeds}
    blocks["seeds"] = f"1-{count}"
    written = yaml.safe_dump(blocks, sort_keys=False, width=100)
    said = f"# Made from {file.name}: {count} seeds on the training images of each of its seeds.\n"
    schema = first_line(run.points[0].model.name, run.points[0].dataset.name)
    write_whole(path, f"{schema}\n{said}\n{written}")
    if wrong := check_file(path, paths.PARAM_FILES).sentences:
        path.unlink()
        raise UserError(*wrong)
    return path
