# What can be asked for by name, besides files: each is about the runs that `--config` names.


rule datasets:
    input:
        plan.datasets,


rule runs:
    input:
        plan.weights,
        plan.training_gone,


rule evaluations:
    input:
        plan.results,
        plan.outputs_gone,


rule tables:
    input:
        plan.tables,
        plan.arrays,
        plan.rows_gone,


rule figures:
    input:
        plan.figures,
        plan.rows_gone,


rule report:
    input:
        plan.report,
        plan.rows_gone,


rule tracking:
    input:
        plan.tracking,
