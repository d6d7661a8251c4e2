"""A program for a project's folder: what Snakemake would run for some targets, into a JSON file.

The file has what is run before every command, and of each job its rule, command, log, threads,
inputs, the outputs that may be empty, the params that are not, whether it runs where Snakemake
does, the resources of its first three attempts, what is said of it, where its time is measured, and
under which category and labels the report of Snakemake shows its outputs.
"""

import json
import sys
from pathlib import Path

from snakemake.api import SnakemakeApi
from snakemake.settings.types import DAGSettings, OutputSettings, Quietness, ResourceSettings
from snakemake.shell import shell

ATTEMPTS = (1, 2, 3)
ASKED = ("gpu", "mem_mb", "runtime")


def planned(targets: set[str]) -> list[dict[str, object]]:
    resources = ResourceSettings(cores=64, resources={"gpu": 8})
    found = []
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        whole = api.workflow(resource_settings=resources, snakefile=Path("Snakefile"))
        whole.dag(dag_settings=DAGSettings(targets=targets)).execute_workflow(executor="dryrun")
        workflow = whole._workflow
        for job in workflow.dag.jobs:
            if job.shellcmd is None:
                continue
            attempts = []
            for job.attempt in ATTEMPTS:  # as Snakemake does before it starts a job again
                job.reset_params_and_resources()
                known = dict(job.resources.items())
                attempts.append({key: known[key] for key in ASKED if key in known})
            found.append(
                {
                    "rule": job.rule.name,
                    "command": job.shellcmd,
                    "threads": job.threads,
                    "local": job.rule.name in workflow._localrules,
                    "attempts": attempts,
                    "log": list(job.log),
                    "message": job.message,
                    "benchmark": str(job.benchmark or ""),
                    "report": {str(file): _shown(file) for file in job.output if _shown(file)},
                    "inputs": {name: _files(files) for name, files in job.input.items()},
                    "maybe_empty": [str(file) for file in job.output if not _is_ensured(file)],
                    "params": {name: str(value) for name, value in job.params.items() if value},
                }
            )
    return found


def _files(files: object) -> list[str]:
    return [files] if isinstance(files, str) else [str(file) for file in files]


def _shown(file: object) -> list[object]:
    """Caption, category and labels of an output in the report, if it is in there."""
    found = getattr(file, "flags", {}).get("report")
    return [Path(found.caption).name, found.category, found.labels] if found else []


def _is_ensured(file: object) -> bool:
    return bool(getattr(file, "flags", {}).get("ensure", {}).get("non_empty"))


if __name__ == "__main__":
    found = {"jobs": planned(set(sys.argv[2:])), "before": shell._process_prefix}
    Path(sys.argv[1]).write_text(json.dumps(found), encoding="utf-8")
