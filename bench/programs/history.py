"""A history on a saver in Python, as `_python_savers.ts` asks for it."""

import json
import sys

from serve import serve, timed, variable

KIND = sys.argv[1]
HISTORY = json.load(open("history.json", encoding="utf8"))
ENDPOINT = variable("ENDPOINT")
BUCKET = variable("BUCKET")


def objectstorage(prefix):
    import s3fs
    from langgraph_checkpoint_objectstorage import ObjectStorageSaver

    fs = s3fs.S3FileSystem(
        key=variable("ACCESS_KEY_ID"),
        secret=variable("SECRET_ACCESS_KEY"),
        endpoint_url=ENDPOINT,
        client_kwargs={"region_name": variable("REGION")},
    )

    def start():
        # A new process knows no listing: connections are kept, what was listed is not.
        fs.invalidate_cache()
        return ObjectStorageSaver(fs, f"{BUCKET}/{prefix}")

    return start


def s3(prefix):
    import boto3
    from langgraph_checkpoint_s3 import S3CheckpointSaver

    client = boto3.client(
        "s3",
        endpoint_url=ENDPOINT,
        region_name=variable("REGION"),
        aws_access_key_id=variable("ACCESS_KEY_ID"),
        aws_secret_access_key=variable("SECRET_ACCESS_KEY"),
    )
    return lambda: S3CheckpointSaver(BUCKET, prefix=prefix, s3_client=client)


START = {"objectstorage": objectstorage, "s3": s3}[KIND](HISTORY["prefix"] + KIND)
SAVER = START()


def config_of(thread, checkpoint_id=None):
    configurable = {"thread_id": thread, "checkpoint_ns": ""}
    if checkpoint_id is not None:
        configurable["checkpoint_id"] = checkpoint_id
    return {"configurable": configurable}


def put(thread, number, values):
    ids = HISTORY["ids"]
    versions = {name: f"{number + 1:032}.0" for name in values}
    checkpoint = {
        "v": 4,
        "id": ids[number],
        "ts": "2026-01-01T00:00:00+00:00",
        "channel_values": values,
        "channel_versions": versions,
        "versions_seen": {},
    }
    metadata = {
        "source": "loop",
        "step": number,
        "parents": {},
        "tag": "mark" if number % HISTORY["every"] == 0 else "plain",
    }
    parent = ids[number - 1] if number > 0 else None
    SAVER.put(config_of(thread, parent), checkpoint, metadata, versions)


def play(thread, first, last):
    """Puts checkpoints and writes, as a run does; gives the milliseconds of each call."""
    messages = HISTORY["messages"]
    puts, writes = [], []
    for number in range(first, last):
        window = messages[number : number + HISTORY["window"]]
        puts.append(timed(lambda: put(thread, number, {"messages": window, "step": number})))
        config = config_of(thread, HISTORY["ids"][number])
        channels = [("messages", window[:1]), ("step", number + 1)]
        writes.append(timed(lambda: SAVER.put_writes(config, channels, HISTORY["tasks"][number])))
    return {"put": puts, "putWrites": writes}


def grow(thread, number, size):
    """Puts a checkpoint whose messages are as many as `size`, and gives the milliseconds."""
    values = {"messages": HISTORY["messages"][:size]}
    return timed(lambda: put(thread, number, values))


def latest(thread, number):
    """Reads the latest checkpoint and its writes as a new process does."""
    saver = START()
    found = []
    taken = timed(lambda: found.append(saver.get_tuple(config_of(thread))))
    assert found[0].checkpoint["id"] == HISTORY["ids"][number], found[0].config
    assert len(found[0].pending_writes) == 2, found[0].pending_writes
    return taken


def listed(thread, expected, limit=None, filter=None):
    """Lists checkpoints as a new process does."""
    saver = START()
    found = []
    taken = timed(
        lambda: found.extend(saver.list(config_of(thread), limit=limit, filter=filter))
    )
    assert len(found) == expected, len(found)
    return taken


serve({"play": play, "grow": grow, "latest": latest, "list": listed})
