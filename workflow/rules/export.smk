# Results for MLflow and TensorBoard, both optional. One job writes them, where snakemake runs, from the files
# that the other jobs left: those never touch a store. No target but `tracking` asks for this.


rule track:
    input:
        results=plan.results,
        figures=plan.figures_to_track,
    output:
        written=ensure("out/tracking/{tracker}.json", non_empty=True),
    log:
        "out/tracking/{tracker}.log",
    localrule: True
    conda:
        "../../envs/isotrope.yaml"
    params:
        selection=plan.selection_text,
        labels=plan.labels_asked_for,
    message:
        "Writing results for {wildcards.tracker}"
    shell:
        "isotrope track {wildcards.tracker:q} --config {params.selection:q} > {log:q} 2>&1"
