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


rule figures:
    input:
        plan.figures,


rule report:
    input:
        plan.report,


rule tracking:
    input:
        plan.tracking,
