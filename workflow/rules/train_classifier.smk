rule train_classifier:
    input:
        unpack(lambda w: session.inputs(workflow, plan, "train_classifier", w)),
    output:
        network="results/{scale}/train_classifier/{classifier}/{dataset}/network.safetensors",
        classifier="results/{scale}/train_classifier/{classifier}/{dataset}/classifier.safetensors",
        card="results/{scale}/train_classifier/{classifier}/{dataset}/card.json",
        witness="results/{scale}/train_classifier/{classifier}/{dataset}/witness.npz",
        scores="results/{scale}/train_classifier/{classifier}/{dataset}/scores.csv",
        chance="results/{scale}/train_classifier/{classifier}/{dataset}/chance.csv",
    log:
        "results/{scale}/logs/train_classifier/{classifier}/{dataset}.log",
    conda:
        "../../envs/pipeline.yaml"
    threads: plan.config.threads
    # neither a checkpoint's time nor where a file lies changes the result
    resources:
        **session.asks(workflow, plan, "train_classifier", plan.scale.gpus),
        mem_mb=session.memory_mb(workflow, plan, "train_classifier"),
        checkpoint_seconds=plan.checkpoint_seconds,
        weights_root=plan.config.weights_root,
    params:
        spec=lambda w: plan.of("train_classifier", w).spec_text,
        code=lambda w: plan.of("train_classifier", w).code,
        record=lambda w: plan.of("train_classifier", w).recording,
        files=lambda w: plan.of("train_classifier", w).options,
    message:
        "Train the classifier {wildcards.classifier} on {wildcards.dataset}"
    shell:
        "python -m pipeline.train_classifier --code {params.code} {params.record} --threads {threads}"
        " {params.files} --weights-root {resources.weights_root:q}"
        " --output $(dirname {output.card:q})"
        " --label train_classifier/{wildcards.classifier}/{wildcards.dataset}"
        " --checkpoint-seconds {resources.checkpoint_seconds} <<< {params.spec:q} 2>&1 | tee {log:q}"
