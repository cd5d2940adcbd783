rule report:
    input:
        unpack(lambda w: session.inputs(workflow, plan, "report", w)),
    output:
        page=f"{plan.root}/report/index.html",
        claims=f"{plan.root}/report/claims.json",
    log:
        f"{plan.root}/logs/report.log",
    localrule: True
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=session.memory_mb(workflow, plan, "report"),
    params:
        spec=lambda w: plan.job("report", ()).spec_text,
        code=lambda w: plan.job("report", ()).code,
        record=lambda w: plan.job("report", ()).recording,
        figures=lambda w: plan.job("report", ()).option("figures"),
    message:
        "Write the report"
    shell:
        "python -m pipeline.report --code {params.code} {params.record} --verdicts {input.verdicts:q}"
        " {params.figures}"
        " --output {output.page:q} <<< {params.spec:q} 2>&1 | tee {log:q}"
