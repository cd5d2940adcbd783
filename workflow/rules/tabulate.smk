rule tabulate:
    input:
        unpack(lambda w: plan.of("tabulate", w).inputs),
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
        "results/{scale}/logs/tables/{paper}/{table}.log",
    wildcard_constraints:
        table="(?!.*_wide)[^/]+",
    localrule: True
    conda:
        "../../envs/pipeline.yaml"
    params:
        spec=lambda w: plan.of("tabulate", w).spec.canonical(),
        code=lambda w: plan.of("tabulate", w).code,
    message:
        "Tabulate {wildcards.paper} {wildcards.table}"
    shell:
        "python -m pipeline.tabulate {params.spec:q} --code {params.code} --output {output.long:q} 2>&1 | tee {log:q}"


for target, file in plan.tables().items():

    rule:
        name:
            target
        input:
            file,
        localrule: True
