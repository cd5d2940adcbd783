rule harness:
    input:
        unpack(lambda w: session.inputs(workflow, plan, "harness", w)),
    output:
        "results/{scale}/harness.json",
    log:
        "results/{scale}/logs/harness.log",
    conda:
        "../../envs/pipeline.yaml"
    resources:
        **session.asks(workflow, plan, "harness"),
        mem_mb=session.memory_mb(workflow, plan, "harness"),
    params:
        spec=lambda w: plan.of("harness", w).spec_text,
        code=lambda w: plan.of("harness", w).code,
        record=lambda w: plan.of("harness", w).recording,
    message:
        "Compare the metrics with their golden values"
    shell:
        "python -m pipeline.harness --code {params.code} {params.record} --output {output:q} <<< {params.spec:q} 2>&1 | tee {log:q}"


rule judge:
    input:
        unpack(lambda w: session.inputs(workflow, plan, "judge", w)),
    output:
        "results/{scale}/verdicts/{paper}/{table}.json",
    log:
        "results/{scale}/logs/judge/{paper}/{table}.log",
    localrule: True
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=session.memory_mb(workflow, plan, "judge"),
    params:
        spec=lambda w: plan.of("judge", w).spec_text,
        code=lambda w: plan.of("judge", w).code,
        record=lambda w: plan.of("judge", w).recording,
    message:
        "Judge the claims on {wildcards.paper} {wildcards.table}"
    shell:
        "python -m pipeline.judge --code {params.code} {params.record} --harness {input.harness:q}"
        " --output {output:q} <<< {params.spec:q} 2>&1 | tee {log:q}"
