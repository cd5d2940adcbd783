rule evaluate:
    input:
        unpack(lambda w: session.inputs(workflow, plan, "evaluate", w)),
    output:
        scores="results/{scale}/evaluate/{task}/{dataset}/{network}/{loss}/{seed}/{test_set}.csv",
        pictures=directory(
            "results/{scale}/evaluate/{task}/{dataset}/{network}/{loss}/{seed}/{test_set}_pictures"
        ),
    log:
        "results/{scale}/logs/evaluate/{task}/{dataset}/{network}/{loss}/{seed}/{test_set}.log",
    conda:
        "../../envs/pipeline.yaml"
    threads: plan.config.threads
    resources:
        **session.asks(workflow, plan, "evaluate", plan.scale.gpus),
        mem_mb=session.memory_mb(workflow, plan, "evaluate"),
    params:
        spec=lambda w: plan.of("evaluate", w).spec_text,
        code=lambda w: plan.of("evaluate", w).code,
        record=lambda w: plan.of("evaluate", w).recording,
        files=lambda w: plan.of("evaluate", w).options,
    message:
        "Evaluate {wildcards.network} under {wildcards.loss}: {wildcards.task}, {wildcards.test_set}, seed {wildcards.seed}"
    shell:
        "python -m pipeline.evaluate --code {params.code} {params.record} --threads {threads}"
        " {params.files}"
        " --scores {output.scores:q} --pictures {output.pictures:q} <<< {params.spec:q} 2>&1 | tee {log:q}"


rule compare:
    input:
        unpack(lambda w: session.inputs(workflow, plan, "compare", w)),
    output:
        "results/{scale}/compare/{paper}/{table}/{task}/{dataset}/{network}/{test_set}.png",
    log:
        "results/{scale}/logs/compare/{paper}/{table}/{task}/{dataset}/{network}/{test_set}.log",
    localrule: True
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=session.memory_mb(workflow, plan, "compare"),
    params:
        spec=lambda w: plan.of("compare", w).spec_text,
        code=lambda w: plan.of("compare", w).code,
        record=lambda w: plan.of("compare", w).recording,
        files=lambda w: plan.of("compare", w).options,
    message:
        "Compare the losses of {wildcards.network} side by side: {wildcards.task}, {wildcards.test_set}"
    shell:
        "python -m pipeline.compare --code {params.code} {params.record}"
        " {params.files} --output {output:q} <<< {params.spec:q} 2>&1 | tee {log:q}"


rule compare_clips:
    input:
        unpack(lambda w: session.inputs(workflow, plan, "compare_clips", w)),
    output:
        directory(
            "results/{scale}/compare/{paper}/{table}/{task}/{dataset}/{network}/{test_set}_clips"
        ),
    log:
        "results/{scale}/logs/compare_clips/{paper}/{table}/{task}/{dataset}/{network}/{test_set}.log",
    localrule: True
    conda:
        "../../envs/pipeline.yaml"
    resources:
        mem_mb=session.memory_mb(workflow, plan, "compare_clips"),
    params:
        spec=lambda w: plan.of("compare_clips", w).spec_text,
        code=lambda w: plan.of("compare_clips", w).code,
        record=lambda w: plan.of("compare_clips", w).recording,
        files=lambda w: plan.of("compare_clips", w).options,
    message:
        "Compare the losses of {wildcards.network} on clips: {wildcards.task}, {wildcards.test_set}"
    shell:
        "python -m pipeline.compare_clips --code {params.code} {params.record}"
        " {params.files} --output {output:q} <<< {params.spec:q} 2>&1 | tee {log:q}"
