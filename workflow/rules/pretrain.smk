rule import_weights:
    input:
        unpack(lambda w: session.inputs(workflow, plan, "import_weights", w)),
    output:
        network="results/{scale}/pretrain/{loss_network}/public/network.safetensors",
        card="results/{scale}/pretrain/{loss_network}/public/card.json",
    log:
        "results/{scale}/logs/import_weights/{loss_network}.log",
    conda:
        "../../envs/pipeline.yaml"
    # a resource and not a param: where the file lies does not change the result
    resources:
        **session.asks(workflow, plan, "import_weights"),
        mem_mb=session.memory_mb(workflow, plan, "import_weights"),
        weights_root=plan.config.weights_root,
    params:
        spec=lambda w: plan.of("import_weights", w).spec_text,
        code=lambda w: plan.of("import_weights", w).code,
        record=lambda w: plan.of("import_weights", w).recording,
    message:
        "Import the loss network {wildcards.loss_network}"
    shell:
        "python -m pipeline.import_weights --code {params.code} {params.record}"
        " --weights-root {resources.weights_root:q} --output $(dirname {output.card:q}) <<< {params.spec:q} 2>&1 | tee {log:q}"


rule pretrain:
    input:
        unpack(lambda w: session.inputs(workflow, plan, "pretrain", w)),
    output:
        network="results/{scale}/pretrain/{loss_network}/{dataset}/network.safetensors",
        card="results/{scale}/pretrain/{loss_network}/{dataset}/card.json",
        history="results/{scale}/pretrain/{loss_network}/{dataset}/history.csv",
        probe="results/{scale}/pretrain/{loss_network}/{dataset}/probe.csv",
        picture="results/{scale}/pretrain/{loss_network}/{dataset}/reconstructions.png",
    log:
        "results/{scale}/logs/pretrain/{loss_network}/{dataset}.log",
    wildcard_constraints:
        # imported weights are no data set
        dataset="(?!public/)[^/]+",
    conda:
        "../../envs/pipeline.yaml"
    threads: plan.config.threads
    # resources and no params: neither a checkpoint's time nor how a batch is divided changes the result
    resources:
        **session.asks(workflow, plan, "pretrain", plan.scale.gpus),
        mem_mb=session.memory_mb(workflow, plan, "pretrain"),
        checkpoint_seconds=plan.checkpoint_seconds,
        processes=lambda w: plan.of("pretrain", w).processes,
        accumulate=lambda w: plan.of("pretrain", w).accumulate,
    params:
        spec=lambda w: plan.of("pretrain", w).spec_text,
        code=lambda w: plan.of("pretrain", w).code,
        record=lambda w: plan.of("pretrain", w).recording,
        files=lambda w: plan.of("pretrain", w).options,
    message:
        "Pretrain the loss network {wildcards.loss_network} on {wildcards.dataset}"
    shell:
        "python -m pipeline.pretrain --code {params.code} {params.record} --threads {threads}"
        " {params.files} --output $(dirname {output.card:q})"
        " --label pretrain/{wildcards.loss_network}/{wildcards.dataset}"
        " --processes {resources.processes} --accumulate {resources.accumulate}"
        " --checkpoint-seconds {resources.checkpoint_seconds} <<< {params.spec:q} 2>&1 | tee {log:q}"
