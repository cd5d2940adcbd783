rule report:
    input:
        **plan.job("report", ()).inputs,
    output:
        page=f"{plan.root}/report/index.html",
        claims=f"{plan.root}/report/claims.json",
    log:
        f"{plan.root}/logs/report.log",
    localrule: True
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=session.memory_mb(plan, "report"),
    params:
        spec=lambda w: plan.job("report", ()).spec.canonical(),
        code=lambda w: plan.job("report", ()).code,
    message:
        "Write the report"
    shell:
        "python -m pipeline.report --code {params.code} --verdicts {input.verdicts:q}"
        " --output {output.page:q} <<< {params.spec:q} 2>&1 | tee {log:q}"
