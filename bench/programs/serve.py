"""The end of `_child.ts` that is written in Python."""

import json
import os
import sys
import time
import traceback


def serve(commands):
    """Answers calls with what the function of that name gives, until there are no more."""
    for line in sys.stdin:
        call = json.loads(line)
        try:
            answer = {"value": commands[call["name"]](**call["args"])}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print("@bench " + json.dumps(answer), flush=True)


def timed(run):
    """How long something takes, in milliseconds."""
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1e3


def variable(name):
    """One of the variables that name the server."""
    return os.environ["CAIRN_S3_" + name]
