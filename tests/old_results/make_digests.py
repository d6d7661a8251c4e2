"""Make digests.json again: what the code of commit 460f702 says that results depend on.

In a checkout of that commit, with its environment:

    PYTHONPATH=$PWD/src python <here>/tests/old_results/make_digests.py

It has the checkout check its own ``param-files/`` and those of ``spellings.py`` in a temporary
folder, and writes ``digests.json`` beside this file. Never run it with later code: old results are
known by these digests.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import spellings  # noqa: E402


def digests_of(index):
    """The digests of an index: of data sets as built, and of each point and its evaluations."""
    runs = {
        name: {
            point: [
                entry["training_digest"],
                {table: found["digest"] for table, found in sorted(entry["evaluations"].items())},
            ]
            for point, entry in run["points"].items()
        }
        for name, run in sorted(index["runs"].items())
    }
    datasets = {key: entry["digest"] for key, entry in sorted(index["datasets"].items())}
    return {"datasets": datasets, "runs": runs}


def text_of(digests):
    """As JSON, with a line for each data set and run, so that a difference is a line."""
    parts = []
    for part, entries in digests.items():
        lines = (f"  {json.dumps(name)}: {json.dumps(found)}" for name, found in entries.items())
        parts.append(f"{json.dumps(part)}: {{\n" + ",\n".join(lines) + "\n}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main():
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree("param-files", Path(folder, "param-files"))
        spellings.write(Path(folder, "param-files"))
        shutil.copytree("workflow", Path(folder, "workflow"))
        command = [sys.executable, "-m", "isotrope.cli", "check", "--write-index"]
        subprocess.run(command, cwd=folder, check=True)
        index = json.loads(Path(folder, "out/index.json").read_text())
    (HERE / "digests.json").write_text(text_of(digests_of(index)))


if __name__ == "__main__":
    main()
