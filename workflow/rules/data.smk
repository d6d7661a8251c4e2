# Each data set is built once, from the settings that its runs agree on; the files that are fetched for
# it come first, on the machine that snakemake runs on: nodes of a cluster may have no network.


rule download:
    output:
        "out/downloads/{dataset}/{file}",
    log:
        "out/downloads/{dataset}/{file}.log",
    conda:
        "../../envs/isotrope.yaml"
    params:
        checksum=checksum_of_download,
    message:
        "Downloading {wildcards.file} for the data set {wildcards.dataset}"
    shell:
        "isotrope download {wildcards.dataset} {wildcards.file} > {log} 2>&1"


rule build_dataset:
    input:
        of_dataset("downloads"),
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
