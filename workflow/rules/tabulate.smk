rule tabulate:
    input:
        unpack(lambda w: session.inputs(workflow, plan, "tabulate", w)),
    output:
        multiext(
            "results/{scale}/tables/{paper}/{table}",
            long=".csv",
            wide="_wide.csv",
            markdown=".md",
            latex=".tex",
            page=".html",
        ),
    log:
        "results/{scale}/logs/tabulate/{paper}/{table}.log",
    wildcard_constraints:
        # the wide form of a table is no table
        table="(?!.*_wide[.])[^/]+",
    localrule: True
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=session.memory_mb(workflow, plan, "tabulate"),
    params:
        spec=lambda w: plan.of("tabulate", w).spec_text,
        code=lambda w: plan.of("tabulate", w).code,
        record=lambda w: plan.of("tabulate", w).recording,
    message:
        "Tabulate {wildcards.paper} {wildcards.table}"
    shell:
        "python -m pipeline.tabulate --code {params.code} {params.record} --output {output.long:q} <<< {params.spec:q} 2>&1 | tee {log:q}"


rule chart:
    input:
        unpack(lambda w: session.inputs(workflow, plan, "chart", w)),
    output:
        "results/{scale}/charts/{paper}/{table}.png",
    log:
        "results/{scale}/logs/chart/{paper}/{table}.log",
    localrule: True
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=session.memory_mb(workflow, plan, "chart"),
    params:
        spec=lambda w: plan.of("chart", w).spec_text,
        code=lambda w: plan.of("chart", w).code,
        record=lambda w: plan.of("chart", w).recording,
        files=lambda w: plan.of("chart", w).options,
    message:
        "Draw {wildcards.paper} {wildcards.table}"
    shell:
        "python -m pipeline.chart --code {params.code} {params.record} {params.files}"
        " --output {output:q} <<< {params.spec:q} 2>&1 | tee {log:q}"


rule figure:
    input:
        unpack(lambda w: session.inputs(workflow, plan, "figure", w)),
    output:
        multiext(
            "results/{scale}/figures/{paper}/{table}",
            picture=".png",
            vector=".svg",
            numbers=".csv",
        ),
    log:
        "results/{scale}/logs/figure/{paper}/{table}.log",
    localrule: True
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=session.memory_mb(workflow, plan, "figure"),
    params:
        spec=lambda w: plan.of("figure", w).spec_text,
        code=lambda w: plan.of("figure", w).code,
        record=lambda w: plan.of("figure", w).recording,
    message:
        "Draw the runs of {wildcards.paper} {wildcards.table}"
    shell:
        "python -m pipeline.figure --code {params.code} {params.record}"
        " --output {output.picture:q} <<< {params.spec:q} 2>&1 | tee {log:q}"


for target, files in plan.tables().items():

    rule:
        name:
            target
        input:
            files,
        localrule: True
