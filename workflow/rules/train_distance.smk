rule train_distance:
    input:
        unpack(lambda w: session.inputs(workflow, plan, "train_distance", w)),
    output:
        network="results/{scale}/train_distance/{loss_network}/{dataset}/network.safetensors",
        card="results/{scale}/train_distance/{loss_network}/{dataset}/card.json",
        history="results/{scale}/train_distance/{loss_network}/{dataset}/history.csv",
    log:
        "results/{scale}/logs/train_distance/{loss_network}/{dataset}.log",
    conda:
        "../../envs/pipeline.yaml"
    threads: plan.config.threads
    # a checkpoint's time is a resource and not a param: it does not change the result
    resources:
        **session.asks(workflow, plan, "train_distance", plan.scale.gpus),
        mem_mb=session.memory_mb(workflow, plan, "train_distance"),
        checkpoint_seconds=plan.checkpoint_seconds,
    params:
        spec=lambda w: plan.of("train_distance", w).spec_text,
        code=lambda w: plan.of("train_distance", w).code,
        record=lambda w: plan.of("train_distance", w).recording,
        files=lambda w: plan.of("train_distance", w).options,
    message:
        "Train the distance {wildcards.loss_network} on judgements of {wildcards.dataset}"
    shell:
        "python -m pipeline.train_distance --code {params.code} {params.record} --threads {threads}"
        " {params.files}"
        " --output $(dirname {output.card:q})"
        " --label train_distance/{wildcards.loss_network}/{wildcards.dataset}"
        " --checkpoint-seconds {resources.checkpoint_seconds} <<< {params.spec:q} 2>&1 | tee {log:q}"
