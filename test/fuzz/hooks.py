"""What schemathesis is told of this API beyond its OpenAPI document. openapi.test.ts starts it."""

import itertools
import os
import re

import schemathesis
from schemathesis.core.failures import Failure

RECEIVER = os.environ["STOWAGE_FUZZ_RECEIVER"]
MOST_SECONDS = 1

# Why a request may be refused that is as the document wants it: reasons for which JSON Schema has no words.
CODES = {
    "cursor-invalid",  # a cursor belongs to one listing with one set of filters
    "idempotency-key-reused",  # a key stands for one request
}
REASONS = re.compile(
    "|".join(
        [
            "a volume cannot be a clone of itself",
            "comes from the source of the clone",  # an option of one that is a clone
            "is what `source` says already",
            "says the same as",  # `size` beside `Capacity`
            "is too (small|large)",  # of a size with its unit
            "there is no volume store",
            "is before `since`",
            "multiple IDs found",  # which begin so
            "Duplicate mount point",
            "is there twice",  # the same, of a body
            "a repository's name has at most",
        ]
    )
)


serial = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    """Keeps the fuzzer on this machine and from waiting, and gets more of what it sends past the door."""
    # No machine but this one is to be sent events.
    body = case.body
    if isinstance(body, dict) and isinstance(body.get("url"), str) and body["url"].strip().lower().startswith("http"):
        case.body = {**body, "url": RECEIVER}
    # A valid `wait` is a request that takes up to a minute.
    query = case.query or {}
    wait = str(query.get("wait", ""))
    if wait.isdecimal() and MOST_SECONDS < int(wait) <= 60:
        case.query = {**query, "wait": 0}
    # The same few keys and cursors again and again would only ever be refused. Requests that are not as the document wants them keep theirs.
    if case.meta is not None and case.meta.generation.mode.is_positive:
        if "cursor" in query:
            case.query = {name: value for name, value in case.query.items() if name != "cursor"}
        for name in case.headers:
            if name.lower() == "idempotency-key":
                case.headers[name] = f"{next(serial)} {case.headers[name]}"[:255]


@schemathesis.hook
def filter_failure(context, failure: Failure, case, response):
    """False: it is no failure."""
    if type(failure).__name__ != "RejectedPositiveData":
        return True
    problem = response.json()
    detail = problem["detail"]
    # A new payload is one of the job's kind, which the path does not tell.
    if case.operation.path == "/v1/jobs/{id}/redrive" and detail.startswith("the payload of "):
        return False
    return problem["code"] not in CODES and REASONS.search(detail) is None
