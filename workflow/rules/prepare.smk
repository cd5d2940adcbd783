rule prepare:
    input:
        unpack(lambda w: session.inputs(workflow, plan, "prepare", w)),
    output:
        card="results/{scale}/prepare/{dataset}/target.json",
        array="results/{scale}/prepare/{dataset}/target.npy",
    log:
        "results/{scale}/logs/prepare/{dataset}.log",
    conda:
        "../../envs/pipeline.yaml"
    resources:
        **session.asks(workflow, plan, "prepare"),
        mem_mb=session.memory_mb(workflow, plan, "prepare"),
    params:
        spec=lambda w: plan.of("prepare", w).spec_text,
        code=lambda w: plan.of("prepare", w).code,
        record=lambda w: plan.of("prepare", w).recording,
    message:
        "Prepare {wildcards.dataset}"
    shell:
        "python -m pipeline.prepare --code {params.code} {params.record}"
        " --output $(dirname {output.card:q}) <<< {params.spec:q} 2>&1 | tee {log:q}"


rule degrade:
    input:
        unpack(lambda w: session.inputs(workflow, plan, "degrade", w)),
    output:
        card="results/{scale}/prepare/{dataset}/{task}/low_quality.json",
        array="results/{scale}/prepare/{dataset}/{task}/low_quality.npy",
    log:
        "results/{scale}/logs/degrade/{dataset}/{task}.log",
    conda:
        "../../envs/pipeline.yaml"
    resources:
        **session.asks(workflow, plan, "degrade"),
        mem_mb=session.memory_mb(workflow, plan, "degrade"),
    params:
        spec=lambda w: plan.of("degrade", w).spec_text,
        code=lambda w: plan.of("degrade", w).code,
        record=lambda w: plan.of("degrade", w).recording,
        files=lambda w: plan.of("degrade", w).options,
    message:
        "Degrade {wildcards.dataset} for {wildcards.task}"
    shell:
        "python -m pipeline.degrade --code {params.code} {params.record}"
        " {params.files} --output $(dirname {output.card:q}) <<< {params.spec:q} 2>&1 | tee {log:q}"
