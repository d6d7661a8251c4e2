# Tables, the figures drawn from them, and the report that shows both.

# where no run was made here but tables are there, they are the sources and nothing makes them
if not plan.tables_are_sources:

    rule collect:
        input:
            results=results_of_group,
        output:
            table=report(
                ensure("out/tables/{group}/{table}.csv", non_empty=True),
                caption="../report/table.rst",
                category="Tables",
                labels={"group": "{group}", "table": "{table}"},
            ),
        log:
            "out/tables/{group}/{table}.log",
        localrule: True
        conda:
            "../../envs/isotrope.yaml"
        params:
            labels=labels_of_table,
        message:
            "Collecting the table {wildcards.table} of {wildcards.group}"
        shell:
            "isotrope collect {wildcards.group} --table {wildcards.table} > {log} 2>&1"

    rule collect_arrays:
        input:
            results=results_of_group,
        output:
            arrays=ensure("out/tables/{group}/{table}.npz", non_empty=True),
        log:
            "out/tables/{group}/{table}.arrays.log",
        wildcard_constraints:
            table=r"(?!examples\.)[a-z0-9_]+",  # images are not collected from results
        localrule: True
        conda:
            "../../envs/isotrope.yaml"
        message:
            "Collecting the arrays of the table {wildcards.table} of {wildcards.group}"
        shell:
            "isotrope collect {wildcards.group} --table {wildcards.table} --arrays > {log} 2>&1"

    rule sample_datasets:
        input:
            manifests=manifests_of_group,
        output:
            arrays=ensure("out/tables/{group}/examples.npz", non_empty=True),
        log:
            "out/tables/{group}/examples.log",
        conda:
            "../../envs/isotrope.yaml"
        resources:
            mem_mb=4000,
            runtime=30,
        message:
            "Taking examples from the data sets of {wildcards.group}"
        shell:
            "isotrope sample {wildcards.group} {input.manifests} > {log} 2>&1"


rule summarize:
    input:
        tables=tables_of_group,
    output:
        page=report(
            ensure("out/tables/{group}/summary.html", non_empty=True),
            caption="../report/summary.rst",
            category="Results and settings",
            labels={"group": "{group}"},
        ),
    log:
        "out/tables/{group}/summary.log",
    conda:
        "../../envs/isotrope.yaml"
    message:
        "Summarizing the tables of {wildcards.group}"
    shell:
        "isotrope summarize {wildcards.group} > {log} 2>&1"


rule draw_figure:
    input:
        tables=tables_of_figure,
        published=published_of_figure,
        drawn_by=sources_of_figure,
    output:
        svg=report(
            ensure("out/figures/{group}/{figure}.svg", non_empty=True),
            caption="../report/figure.rst",
            category="Figures",
            labels={"group": "{group}", "figure": "{figure}"},
        ),
        pdf=ensure("out/figures/{group}/{figure}.pdf", non_empty=True),
        data=ensure("out/figures/{group}/{figure}.csv", non_empty=True),
    log:
        "out/figures/{group}/{figure}.log",
    conda:
        "../../envs/isotrope.yaml"
    params:
        caption=caption_of_figure,
    message:
        "Drawing {wildcards.figure} of {wildcards.group}"
    shell:
        "isotrope draw {wildcards.figure} --group {wildcards.group} > {log:q} 2>&1"


# the numbers of a figure as a table of a paper, where its module says how


rule typeset_figure:
    input:
        data="out/figures/{group}/{figure}.csv",
        drawn_by=sources_of_figure,
    output:
        tex=ensure("out/figures/{group}/{figure}.tex", non_empty=True),
    log:
        "out/figures/{group}/{figure}.tex.log",
    conda:
        "../../envs/isotrope.yaml"
    message:
        "Typesetting {wildcards.figure} of {wildcards.group}"
    shell:
        "isotrope typeset {wildcards.figure} --group {wildcards.group} > {log} 2>&1"


rule write_report:
    input:
        tables=tables_asked_for,
        summaries=summaries_asked_for,
        figures=figures_asked_for,
    output:
        ensure("out/report.html", non_empty=True),
    log:
        "out/report.log",
    conda:
        "../../envs/isotrope.yaml"
    params:
        summaries=summaries_asked_for,
        selection=plan.selection_as_config(),
    message:
        "Writing the report"
    shell:
        "snakemake figures tables {params.summaries} --report {output}"
        " --config {params.selection:q} > {log} 2>&1"


say_what_is_left_out()
