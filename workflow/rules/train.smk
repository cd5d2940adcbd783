rule train:
    input:
        unpack(lambda w: session.inputs(workflow, plan, "train", w)),
    output:
        model="results/{scale}/train/{task}/{dataset}/{network}/{loss}/{seed}/model.safetensors",
        card="results/{scale}/train/{task}/{dataset}/{network}/{loss}/{seed}/card.json",
        history="results/{scale}/train/{task}/{dataset}/{network}/{loss}/{seed}/history.csv",
    log:
        "results/{scale}/logs/train/{task}/{dataset}/{network}/{loss}/{seed}.log",
    conda:
        "../../envs/pipeline.yaml"
    threads: plan.config.threads
    # resources and no params: neither a checkpoint's time, how a batch is divided nor a file's place changes the result
    resources:
        **session.asks(workflow, plan, "train", plan.scale.gpus),
        mem_mb=session.memory_mb(workflow, plan, "train"),
        checkpoint_seconds=plan.checkpoint_seconds,
        processes=lambda w: plan.of("train", w).processes,
        accumulate=lambda w: plan.of("train", w).accumulate,
        given=lambda w: plan.of("train", w).given_options,
    params:
        spec=lambda w: plan.of("train", w).spec_text,
        code=lambda w: plan.of("train", w).code,
        record=lambda w: plan.of("train", w).recording,
        files=lambda w: plan.of("train", w).options,
    message:
        "Train {wildcards.network} under {wildcards.loss}: {wildcards.task}, {wildcards.dataset}, seed {wildcards.seed}"
    shell:
        "python -m pipeline.train --code {params.code} {params.record} --threads {threads}"
        " {params.files} {resources.given}"
        " --output $(dirname {output.card:q})"
        " --label train/{wildcards.task}/{wildcards.dataset}/{wildcards.network}/{wildcards.loss}/{wildcards.seed}"
        " --processes {resources.processes} --accumulate {resources.accumulate}"
        " --checkpoint-seconds {resources.checkpoint_seconds} <<< {params.spec:q} 2>&1 | tee {log:q}"
