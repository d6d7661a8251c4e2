"""How long the scale study is checked and planned: every published param-file, all its packs."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
ARCHIVES = ("mnist", "trafficsign", "aerial")


def timed(*command, folder):
    """Wall and processor seconds of a command, and what it said."""
    variables = {**os.environ, "ISOTROPE_DATA": str(folder / "data"), "OMP_NUM_THREADS": "1"}
    before, begin = os.times(), time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=variables, check=False, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    wall, after = time.perf_counter() - begin, os.times()
    user = after.children_user - before.children_user
    seconds = user + after.children_system - before.children_system
    return f"{wall:.1f} s ({seconds:.1f} s of processor time)", done.stdout + done.stderr


def main():
    programs = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("workflow", "profiles", "src", "envs", "param-files"):
            shutil.copytree(ROOT / part, folder / part)
        shutil.copy(ROOT / "Snakefile", folder)
        (folder / "data/stir").mkdir(parents=True)
        for task in ARCHIVES:  # stand-ins: planning asks whether they are there, and no more
            (folder / f"data/stir/{task}.npz").touch()
        for path in (folder / "param-files").rglob("*.yaml"):
            text = re.sub(r"source: download.*", "source: local", path.read_text(encoding="utf-8"))
            path.write_text(text, encoding="utf-8")
        check, said = timed(programs / "isotrope", "check", "--write-index", folder=folder)
        print(f"{said.strip()}: {check}, once after a change")
        words = ("-n", "--cores", "1", "--quiet", "rules", "--config", "studies=scale")
        plan, said = timed(programs / "snakemake", "figures", *words, folder=folder)
        jobs = dict(re.findall(r"^(train|choose|evaluate) +(\d+)$", said, re.MULTILINE))
        listed = ", ".join(f"{count} {rule}" for rule, count in sorted(jobs.items()))
        print(f"`snakemake -n figures --config studies=scale` ({listed}): {plan}")


if __name__ == "__main__":
    main()
