# The plan, which rules ask, and wildcard constraints; no rule, and nothing that imports torch. `plan.memory` in a
# rule is the method of isotrope.plan.targets.Plan with that name; it is given the wildcards that its parameters name.

import atexit
import signal

from snakemake.logging import logger

from isotrope.cluster.starting import Head
from isotrope.console.printing import complain
from isotrope.plan.asked import remember
from isotrope.plan.asking import ask
from isotrope.plan.index_file import PLANNED
from isotrope.plan.log_words import LogWords
from isotrope.plan.reasons import Reasons
from isotrope.processes.programs import find_own_programs


wildcard_constraints:
    dataset=r"[a-z][a-z0-9_]*",
    key=r"\w[\w.=+-]*",
    file=r"\w[\w.-]*",
    run=r"[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*){2}",
    point=r"\w[\w.,=+-]*",
    pack=r"[0-9]+-[0-9]+|list-[0-9]+",
    group=r"[a-z][a-z0-9_]*(-demo)?",
    table=r"[a-z0-9_]+",
    figure=r"[a-z][a-z0-9_]*",
    tracker=r"mlflow|tensorboard",


# SLURM's warning is for the training program, which handles it; Snakemake would die of it
for warning in (signal.SIGUSR1, signal.SIGUSR2):
    signal.signal(warning, signal.SIG_IGN)

# jobs find the commands of the environment that snakemake runs in, activated or not, and go by the head's index
find_own_programs()
shell.prefix(f"export {PLANNED}=1; ")

# what is removed before the work starts stays in a dry run: these settings say it before anything is planned
plan = ask(
    config, head=workflow.is_main_process, dry=bool(workflow.output_settings.dryrun)
)
head = Head()


def targets():
    return [rule.name for rule in workflow.rules if not rule.output]


# for `isotrope status`: the runs that are asked for, and those of the jobs that come of it
def remember_what_is_asked():
    if workflow.touch:  # `isotrope submit` records what it made
        return
    of_jobs = {job.wildcards_dict.get("run") for job in workflow.dag.jobs} - {None}
    named = plan.plan.asks_for(workflow.dag_settings.targets)
    remember({*of_jobs, *named})


# which results are of other code and, of jobs that are only planned (and count as finished now), what they cost
def known_at_the_end():
    dag = workflow.dag if workflow.dryrun else None
    planned = dag.needrun_jobs(exclude_finished=False) if dag else []
    jobs = [(job.rule.name, job.wildcards_dict) for job in planned]
    return [*plan.plan.code_notes(), *plan.plan.cost_of_planned(jobs)]


def say_at_the_end():
    # of `--unlock`, `--dag` and the like Snakemake chooses no executor
    if workflow.executor_plugin is not None and not workflow.touch:
        complain(*words.at_the_end(workflow.dryrun, known_at_the_end))


if workflow.is_main_process:
    words = LogWords(Reasons(plan, plan.plan.set_back).why, targets)
    logger.addFilter(words)
    # what Snakemake says stands above, with the table of jobs: this is what is read last
    atexit.register(say_at_the_end)
