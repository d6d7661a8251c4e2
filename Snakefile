# Data sets -> training -> evaluation -> tables -> figures, as one graph. `snakemake -n` says what will run.

from snakemake.utils import min_version

min_version("9.27")


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/targets.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/select.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/export.smk"


onstart:
    head.begins()
    complain(*plan.plan.code_notes())
    remember_what_is_asked()


onsuccess:
    head.ends()


onerror:
    head.ends()


rule all:
    default_target: True
    input:
        plan.tables,
        plan.arrays,
        plan.figures,
        plan.report,
        plan.outputs_gone,
