# Each data set is built once, from the settings that its runs agree on; the files that are fetched for
# it come first, on the machine that snakemake runs on: nodes of a cluster may have no network.


rule download:
    output:
        "out/downloads/{dataset}/{file}",
    log:
        "out/downloads/{dataset}/{file}.log",
    localrule: True
    conda:
        "../../envs/isotrope.yaml"
    params:
        checksum=plan.checksum,
    message:
        "Downloading {wildcards.file} for the data set {wildcards.dataset}"
    shell:
        "isotrope download {wildcards.dataset:q} {wildcards.file:q} > {log:q} 2>&1"


rule build_dataset:
    input:
        plan.downloads,
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
        settings=plan.build_settings,
        made_from=plan.made_from,
    message:
        "Building the data set {wildcards.dataset}, {wildcards.key}"
    shell:
        "isotrope build {wildcards.dataset:q} --key {wildcards.key:q} > {log:q} 2>&1"
