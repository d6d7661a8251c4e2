# Which point of a sweep gets all seeds. Its packs, under `selected`, wait for this; the others train only
# the seeds of the choice. No checkpoint: what the jobs are is known before it is made.


rule choose:
    input:
        param_file=ancient("param-files/{run}.yaml"),
        candidates=plan.candidates,
    output:
        choice=ensure("out/runs/{run}/choice.json", non_empty=True),
    log:
        "out/runs/{run}/choose.log",
    localrule: True
    conda:
        "../../envs/isotrope.yaml"
    params:
        choice=plan.rule_of_choice,
    message:
        "Choosing the point of {wildcards.run}"
    shell:
        "isotrope choose {input.param_file:q} > {log:q} 2>&1"
