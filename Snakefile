# Data sets -> training -> evaluation -> tables -> figures, as one graph. `snakemake -n` says what will run.

from snakemake.utils import min_version

min_version("9.27")


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/select.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/export.smk"


localrules:
    all,
    download,
    datasets,
    runs,
    evaluations,
    tables,
    figures,
    report,
    choose,
    draw_figure,
    summarize,
    track,
    tracking,
    typeset_figure,
    write_report,


onstart:
    head.begins()


onsuccess:
    head.ends()


onerror:
    head.ends()


rule all:
    default_target: True
    input:
        tables_asked_for,
        figures_asked_for,
        report_asked_for,


rule datasets:
    input:
        datasets_asked_for,


rule runs:
    input:
        packs_asked_for,


rule evaluations:
    input:
        results_asked_for,


rule tables:
    input:
        tables_asked_for,


rule figures:
    input:
        figures_asked_for,


rule report:
    input:
        report_asked_for,


rule tracking:
    input:
        tracking_asked_for,
