"""How long the scale study is checked and planned: every published param-file, all its packs.

With ``--against COMMIT`` that commit is measured, too, in turns with the files as they are. With
``--results`` every pack says what code it was made with, as finished ones do: half of them other
code than there is.
"""

import argparse
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from isotrope import paths
from isotrope.packs import code_records
from isotrope.plan import index_file
from isotrope.plan.result_code import ResultCode

ROOT = Path(__file__).parents[1]
PROGRAMS = Path(sys.executable).parent
PARTS = ("Snakefile", "workflow", "profiles", "src", "envs", "param-files")
ARCHIVES = ("mnist", "trafficsign", "aerial")
CHECK = ("isotrope", "check", "--write-index")
PLAN = ("snakemake", "figures", "-n", "--cores", "1", "--quiet", "rules", "--config")
STUDY = "studies=scale"


def timed(command, folder):
    """Wall and processor seconds of a command, and what it said."""
    variables = {
        **os.environ,
        "ISOTROPE_DATA": str(folder / "data"),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(folder / "src"),
    }
    program, *words = command
    before, begin = os.times(), time.perf_counter()
    done = subprocess.run(
        [PROGRAMS / program, *words],
        cwd=folder,
        env=variables,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    wall, after = time.perf_counter() - begin, os.times()
    user = after.children_user - before.children_user
    return wall, user + after.children_system - before.children_system, done.stdout + done.stderr


def project(folder, commit=None):
    """A project with all data: the files as they are, or those of a commit."""
    if commit is None:
        for part in PARTS:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, folder / part)
    else:
        command = ["git", "archive", commit, *PARTS]
        packed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
    (folder / "data/stir").mkdir(parents=True)
    for task in ARCHIVES:  # stand-ins: planning asks whether they are there, and no more
        (folder / f"data/stir/{task}.npz").touch()
    for path in (folder / "param-files").rglob("*.yaml"):
        text = re.sub(r"source: download.*", "source: local", path.read_text(encoding="utf-8"))
        path.write_text(text, encoding="utf-8")
    return folder


def with_results(folder):
    """Leave in every pack's folder what a finished one says of its code; return how many."""
    os.chdir(folder)
    index, _ = index_file.read()
    for entry in index.datasets.values():
        Path(entry.manifest).parent.mkdir(parents=True, exist_ok=True)
        Path(entry.manifest).write_text(json.dumps({"files": []}), encoding="utf-8")
    code, packs = ResultCode(), 0
    for name, run in index.runs.items():
        for place in [*run.points, *(["selected"] if run.select else [])]:
            point = run.points.get(place) or next(iter(run.points.values()))
            for pack, seeds in run.packs(place).items():
                packs += 1
                made = code.of(point.plugins).digest if packs % 2 else "0" * 16
                of_rows = {
                    t: (one.digest, dict.fromkeys(seeds, made))
                    for t, one in point.evaluations.items()
                }
                where = paths.pack_folder(name, place, pack)
                where.mkdir(parents=True)
                seeds_say = [{"seed": seed, "status": "done", "code": [made]} for seed in seeds]
                told = {"training_digest": point.training_digest, "code": [made]}
                text = json.dumps({**told, "seeds": seeds_say}, indent=2)
                (where / "run.json").write_text(text, encoding="utf-8")
                code_records.write_codes_of_results(where / "results.csv", of_rows)
    os.chdir(ROOT)
    return packs


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", metavar="COMMIT", help="measure this commit, too")
    parser.add_argument("--repeats", type=int, default=1, help="of each plan; the least counts")
    parser.add_argument("--results", action="store_true", help="packs say what code made them")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        sides = {"now": None} | ({options.against: options.against} if options.against else {})
        folders = {}
        for side, commit in sides.items():
            folders[side] = Path(name) / f"side{len(folders)}"
            folders[side].mkdir()
            project(folders[side], commit)
            wall, busy, said = timed(CHECK, folders[side])
            print(f"{side}: {said.strip()}: {wall:.1f} s ({busy:.1f} s of processor time)")
        if options.results:
            packs = with_results(folders["now"])
            for folder in list(folders.values())[1:]:
                for part in ("runs", "data"):
                    shutil.copytree(folders["now"] / "out" / part, folder / "out" / part)
            print(f"{packs} packs say what code they were made with")
        plans = {side: [] for side in sides}
        for _ in range(options.repeats):
            for side, folder in folders.items():
                plans[side].append(timed((*PLAN, STUDY), folder))
        counted = set()
        for side, found in plans.items():
            wall, busy = (min(one[i] for one in found) for i in (0, 1))
            jobs = dict(re.findall(r"^(train|choose|evaluate) +(\d+)$", found[0][2], re.MULTILINE))
            listed = ", ".join(f"{count} {rule}" for rule, count in sorted(jobs.items()))
            counted.add(listed)
            print(f"{side}: plan of {listed}: {wall:.1f} s ({busy:.2f} s of processor time)")
        if options.against:
            now, other = (min(one[1] for one in found) for found in plans.values())
            same = "the same jobs" if len(counted) == 1 else "DIFFERENT JOBS"
            print(f"processor time now / {options.against}: {now / other:.2f}, {same}")


if __name__ == "__main__":
    main()
