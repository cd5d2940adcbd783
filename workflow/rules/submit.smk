rule submit:
    input:
        unpack(lambda w: session.inputs(workflow, plan, "submit", w)),
    output:
        "results/{scale}/submit/{task}/{dataset}/{network}/{loss}/{seed}/{test_set}/submission.json",
    log:
        "results/{scale}/logs/submit/{task}/{dataset}/{network}/{loss}/{seed}/{test_set}.log",
    conda:
        "../../envs/pipeline.yaml"
    threads: plan.config.threads
    resources:
        **session.asks(workflow, plan, "submit", plan.scale.gpus),
        mem_mb=session.memory_mb(workflow, plan, "submit"),
    params:
        spec=lambda w: plan.of("submit", w).spec_text,
        code=lambda w: plan.of("submit", w).code,
        record=lambda w: plan.of("submit", w).recording,
        files=lambda w: plan.of("submit", w).options,
    message:
        "Write the submission of {wildcards.network} under {wildcards.loss}: {wildcards.test_set}, seed {wildcards.seed}"
    shell:
        "python -m pipeline.submit --code {params.code} {params.record} --threads {threads}"
        " {params.files} --output $(dirname {output:q}) <<< {params.spec:q} 2>&1 | tee {log:q}"
