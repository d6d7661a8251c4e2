# Tables, the figures drawn from them, and the report that shows both.

# where no run was made here but tables are there, they are the sources and nothing makes them
if not plan.tables_are_sources:

    rule collect:
        input:
            results=plan.inputs_of_table,
        output:
            table=report(
                ensure("out/tables/{group}/{table}.csv", non_empty=True),
                caption="../report/table.rst",
                category="Tables",
                labels={"group": "{group}", "table": "{table}"},
            ),
        log:
            "out/tables/{group}/{table}.log",
        wildcard_constraints:
            table=r"(?!\w+_costs\.)[a-z0-9_]+",  # benchmarks write these
        localrule: True
        conda:
            "../../envs/isotrope.yaml"
        params:
            labels=plan.labels,
        message:
            "Collecting the table {wildcards.table} of {wildcards.group}"
        shell:
            "isotrope collect {wildcards.group:q} --table {wildcards.table:q} > {log:q} 2>&1"

    rule collect_arrays:
        input:
            results=plan.inputs_of_table,
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
            "isotrope collect {wildcards.group:q} --table {wildcards.table:q} --arrays > {log:q} 2>&1"

    rule sample_datasets:
        input:
            manifests=plan.manifests_of_group,
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
            "isotrope sample {wildcards.group:q} {input.manifests:q} > {log:q} 2>&1"


rule summarize:
    input:
        tables=plan.tables_of_group,
    output:
        page=report(
            ensure("out/tables/{group}/summary.html", non_empty=True),
            caption="../report/summary.rst",
            category="Results and settings",
            labels={"group": "{group}"},
        ),
    log:
        "out/tables/{group}/summary.log",
    localrule: True
    conda:
        "../../envs/isotrope.yaml"
    message:
        "Summarizing the tables of {wildcards.group}"
    shell:
        "isotrope summarize {wildcards.group:q} > {log:q} 2>&1"


rule draw_figure:
    input:
        tables=plan.tables_of_figure,
        published=plan.published_numbers,
        drawn_by=plan.sources_of_figure,
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
    localrule: True
    conda:
        "../../envs/isotrope.yaml"
    params:
        caption=plan.caption,
    message:
        "Drawing {wildcards.figure} of {wildcards.group}"
    shell:
        "isotrope draw {wildcards.figure:q} --group {wildcards.group:q} > {log:q} 2>&1"


# a figure that moves, where its module says so; an MP4 lies beside it where ffmpeg is there


rule draw_animation:
    input:
        tables=plan.tables_of_figure,
        published=plan.published_numbers,
        drawn_by=plan.sources_of_figure,
    output:
        gif=report(
            ensure("out/figures/{group}/{figure}.gif", non_empty=True),
            caption="../report/figure.rst",
            category="Figures",
            labels={"group": "{group}", "figure": "{figure}"},
        ),
        data=ensure("out/figures/{group}/{figure}.frames.csv", non_empty=True),
    log:
        "out/figures/{group}/{figure}.log",
    localrule: True
    conda:
        "../../envs/isotrope.yaml"
    params:
        caption=plan.caption,
    message:
        "Drawing the animation {wildcards.figure} of {wildcards.group}"
    shell:
        "isotrope draw {wildcards.figure:q} --group {wildcards.group:q} > {log:q} 2>&1"


# the numbers of a figure as a table of a paper, where its module says how


rule typeset_figure:
    input:
        data="out/figures/{group}/{figure}.csv",
        drawn_by=plan.sources_of_figure,
    output:
        tex=ensure("out/figures/{group}/{figure}.tex", non_empty=True),
    log:
        "out/figures/{group}/{figure}.tex.log",
    localrule: True
    conda:
        "../../envs/isotrope.yaml"
    message:
        "Typesetting {wildcards.figure} of {wildcards.group}"
    shell:
        "isotrope typeset {wildcards.figure:q} --group {wildcards.group:q} > {log:q} 2>&1"


# one page of all that is there: what was not asked for this time stays in it


rule write_report:
    input:
        tables=plan.tables,
        arrays=plan.arrays,
        summaries=plan.summaries,
        figures=plan.figures,
    output:
        page=ensure("out/report.html", non_empty=True),
    log:
        "out/report.log",
    localrule: True
    conda:
        "../../envs/isotrope.yaml"
    message:
        "Writing the report"
    shell:
        "isotrope report > {log:q} 2>&1"
