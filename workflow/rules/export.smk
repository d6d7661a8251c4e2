# Results for MLflow and TensorBoard, both optional. One job writes them, where snakemake runs, from the files
# that the other jobs left: those never touch a store. No target but `tracking` asks for this.


rule track:
    input:
        results=results_asked_for,
    output:
        written=ensure("out/tracking/{tracker}.json", non_empty=True),
    log:
        "out/tracking/{tracker}.log",
    conda:
        "../../envs/isotrope.yaml"
    params:
        selection=plan.selection_as_config(),
        labels=labels_asked_for,
    message:
        "Writing results for {wildcards.tracker}"
    shell:
        "isotrope track {wildcards.tracker} --config {params.selection:q} > {log} 2>&1"
