rule generate:
    input:
        unpack(lambda w: session.inputs(workflow, plan, "generate", w)),
    output:
        scores="results/{scale}/generate/{task}/{dataset}/{network}/{loss}/{seed}/{test_set}.csv",
        pictures=directory(
            "results/{scale}/generate/{task}/{dataset}/{network}/{loss}/{seed}/{test_set}_pictures"
        ),
    log:
        "results/{scale}/logs/generate/{task}/{dataset}/{network}/{loss}/{seed}/{test_set}.log",
    conda:
        "../../envs/pipeline.yaml"
    threads: plan.config.threads
    resources:
        **session.asks(workflow, plan, "generate", plan.scale.gpus),
        mem_mb=session.memory_mb(workflow, plan, "generate"),
    params:
        spec=lambda w: plan.of("generate", w).spec_text,
        code=lambda w: plan.of("generate", w).code,
        record=lambda w: plan.of("generate", w).recording,
        files=lambda w: plan.of("generate", w).options,
    message:
        "Make pictures by {wildcards.network} under {wildcards.loss}: {wildcards.task}, {wildcards.test_set}, seed {wildcards.seed}"
    shell:
        "python -m pipeline.generate --code {params.code} {params.record} --threads {threads}"
        " {params.files}"
        " --scores {output.scores:q} --pictures {output.pictures:q} <<< {params.spec:q} 2>&1 | tee {log:q}"
