"""From S3 to the refresh: what fails comes again alone, and is set aside in the end."""

from __future__ import annotations

from tests.support.template import Templates, shown
from tests.template.rules.rule import Problems, rule

QUEUES, SET_ASIDE = "AWS::SQS::Queue", "DeadLetters"
FOURTEEN_DAYS = 14 * 86_400


@rule
def a_batch_fails_message_by_message(templates: Templates) -> Problems:
    for name, source in templates.of("AWS::Lambda::EventSourceMapping").items():
        if source.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{name}: {source.get('FunctionResponseTypes')}"


@rule
def a_message_stays_hidden_while_it_is_worked_on(templates: Templates) -> Problems:
    queues, outputs = templates.storage.of(QUEUES), templates.storage.document["Outputs"]
    timeout = templates.of("AWS::Lambda::Function")["RefreshRankings"]["Timeout"]
    fed = {}
    for name, source in templates.of("AWS::Lambda::EventSourceMapping").items():
        window = source.get("MaximumBatchingWindowInSeconds", 0)
        output = shown(source["EventSourceArn"]).removeprefix("${Storage.Outputs.").removesuffix("}")
        queue = shown(outputs[output]["Value"]).removeprefix("${").removesuffix(".Arn}")
        if queues[queue].get("VisibilityTimeout", 30) < 6 * timeout + window:
            yield f"{queue}: {queues[queue].get('VisibilityTimeout')} s"
        if source["BatchSize"] > (10_000 if window else 10):
            yield f"{name}: Lambda gathers more than ten only for a while"
        fed[queue] = source["BatchSize"]
    if fed != {"Objects": 10, "Fits": 1000}:
        yield f"objects take their time and a model is fitted once a batch: {fed}"


@rule
def no_more_are_worked_on_at_once_than_is_said(templates: Templates) -> Problems:
    for name, source in templates.of("AWS::Lambda::EventSourceMapping").items():
        if not 2 <= source.get("ScalingConfig", {}).get("MaximumConcurrency", 1_000) <= 10:
            yield f"{name}: {source.get('ScalingConfig')}"


@rule
def every_queue_that_is_worked_on_sets_aside_what_fails_five_times(templates: Templates) -> Problems:
    for name, queue in templates.of(QUEUES).items():
        redrive = queue.get("RedrivePolicy", {})
        is_right = redrive.get("maxReceiveCount") == 5 and shown(redrive["deadLetterTargetArn"]) == "${DeadLetters.Arn}"
        if name != SET_ASIDE and not is_right:
            yield f"{name}: {redrive}"


@rule
def what_is_set_aside_is_kept_for_fourteen_days(templates: Templates) -> Problems:
    kept = templates.of(QUEUES).get(SET_ASIDE, {}).get("MessageRetentionPeriod")
    if kept != FOURTEEN_DAYS:
        yield f"{kept} s"


@rule
def the_rule_carries_creations_and_deletions_and_sets_aside_what_it_cannot_deliver(templates: Templates) -> Problems:
    for name, one in templates.of("AWS::Events::Rule").items():
        pattern = one["EventPattern"]
        if (pattern["source"], pattern["detail-type"]) != (["aws.s3"], ["Object Created", "Object Deleted"]):
            yield f"{name}: {pattern}"
        if "bucket" not in pattern.get("detail", {}):
            yield f"{name}: of any bucket"
        for target in one["Targets"]:
            aside = shown(target.get("DeadLetterConfig", {}).get("Arn"))
            if (shown(target["Arn"]), aside) != ("${Objects.Arn}", "${DeadLetters.Arn}"):
                yield f"{name}: to {shown(target['Arn'])}, else {aside}"
