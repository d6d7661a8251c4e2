# Input functions and wildcard constraints; no rule, and nothing that imports torch. The plan itself, what
# is asked for and what it needs, is isotrope.plan.targets: plain Python with tests of its own.

import functools
import inspect
import os
import signal
import sys

from isotrope.errors import UserError
from isotrope.plan.index_file import PLANNED
from isotrope.plan.targets import Plan
from isotrope.datasets.sources import checksum
from isotrope.cluster.starting import Head


wildcard_constraints:
    dataset="[a-z][a-z0-9_]*",
    key="[^/]+",
    file="[^/]+",
    run="[^/]+/[^/]+/[^/]+",
    point="[^/]+",
    pack="[0-9]+-[0-9]+",
    group="[a-z][a-z0-9_]*(-demo)?",
    table="[a-z0-9_]+",
    figure="[a-z][a-z0-9_]*",
    tracker="mlflow|tensorboard",


# SLURM's warning is for the training program, which handles it; Snakemake would die of it
for warning in (signal.SIGUSR1, signal.SIGUSR2):
    signal.signal(warning, signal.SIG_IGN)

PACK = "out/runs/{run}/{point}/seeds-{pack}"

# the commands of the environment that snakemake runs in, activated or not; they go by the head's index
shell.prefix(f"export {PLANNED}=1 PATH='{os.path.dirname(sys.executable)}':\"$PATH\"; ")


def or_exit(function):
    """The function; a mistake of the user's ends snakemake with status 2 and no traceback."""

    @functools.wraps(function)
    def asked(*arguments, **options):
        try:
            return function(*arguments, **options)
        except UserError as error:
            print(*error.sentences, sep="\n", file=sys.stderr)
            raise SystemExit(2)

    asked.__signature__ = inspect.signature(function)  # else worked out for each job
    return asked


plan = or_exit(Plan)(config, head=workflow.is_main_process)
head = Head()


@or_exit
def datasets_asked_for(wildcards):
    return plan.datasets()


@or_exit
def packs_asked_for(wildcards):
    return plan.packs("weights.safetensors")


@or_exit
def results_asked_for(wildcards):
    return plan.packs("results.csv")


@or_exit
def tables_asked_for(wildcards):
    return [*plan.tables(), *plan.arrays()]


@or_exit
def figures_asked_for(wildcards):
    return plan.figures()


@or_exit
def report_asked_for(wildcards):
    return plan.report()


@or_exit
def tracking_asked_for(wildcards):
    return plan.tracking()


@or_exit
def labels_asked_for(wildcards):
    return plan.labels_asked_for()


@or_exit
def say_what_is_left_out():
    if plan.head:
        sentences = [*plan.notes(), *plan.figures_left_out()]
        print(*sentences, sep="\n", file=sys.stderr, end="\n" if sentences else "")


def of_dataset(what):
    return or_exit(
        lambda wildcards: getattr(
            plan.dataset(f"{wildcards.dataset}/{wildcards.key}"), what
        )
    )


@or_exit
def checksum_of_download(wildcards):
    return checksum(f"{wildcards.dataset}/{wildcards.file}")


def of_run(what):
    return or_exit(lambda wildcards: getattr(plan.run(wildcards.run), what))


@or_exit
def training_of_pack(wildcards):
    return plan.training(wildcards.run, wildcards.point, wildcards.pack)


@or_exit
def evaluations_of_pack(wildcards):
    return plan.evaluations(wildcards.run, wildcards.point, wildcards.pack)


@or_exit
def dataset_of_run(wildcards):
    return plan.training_data(wildcards.run, wildcards.point)


@or_exit
def choice_of_point(wildcards):
    return plan.choice(wildcards.run, wildcards.point)


@or_exit
def candidates_of_run(wildcards):
    return plan.candidates(wildcards.run)


@or_exit
def rule_of_choice(wildcards):
    return plan.rule_of_choice(wildcards.run)


@or_exit
def datasets_of_evaluations(wildcards):
    return plan.evaluation_data(wildcards.run, wildcards.point)


@or_exit
def results_of_group(wildcards):
    return plan.inputs_of_table(wildcards.group, wildcards.table)


@or_exit
def labels_of_table(wildcards):
    return plan.labels(wildcards.group, wildcards.table)


@or_exit
def memory_of_run(wildcards, attempt):
    return plan.run(wildcards.run).megabytes * attempt


@or_exit
def summaries_asked_for(wildcards):
    return plan.summaries()


@or_exit
def tables_of_group(wildcards):
    return plan.tables_of_group(wildcards.group)


@or_exit
def tables_of_figure(wildcards):
    return plan.tables_of_figure(wildcards.group, wildcards.figure)


@or_exit
def manifests_of_group(wildcards):
    return plan.manifests_of_group(wildcards.group)


@or_exit
def caption_of_figure(wildcards):
    return plan.caption(wildcards.group, wildcards.figure)


@or_exit
def sources_of_figure(wildcards):
    return plan.sources_of_figure(wildcards.group, wildcards.figure)


@or_exit
def published_of_figure(wildcards):
    return plan.published_numbers(wildcards.group)
