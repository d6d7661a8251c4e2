# Each data set is built once, from the settings that its runs agree on.


rule build_dataset:
    output:
        manifest=ensure("out/data/{dataset}/{key}.manifest.json", non_empty=True),
        preview=report(
            "out/data/{dataset}/{key}.png",
            caption="../report/dataset.rst",
            category="Data sets",
            labels={"data set": "{dataset} {key}"},
        ),
    log:
        "out/data/{dataset}/{key}.log",
    benchmark:
        "out/data/{dataset}/{key}.benchmark.tsv"
    conda:
        "../../envs/isotrope.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        settings=of_dataset("settings"),
        made_from=of_dataset("made_from"),
    message:
        "Building the data set {wildcards.dataset}, {wildcards.key}"
    shell:
        "isotrope build {wildcards.dataset} {params.settings} > {log} 2>&1"
