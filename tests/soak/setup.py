"""What is run: two programs and their configurations, and a capture."""

import json
import os
import random

from helpers import savefile
from helpers.packets import C, S, Talk
from talk import Said

MIB = 1 << 20
FRONT, SERVER, BARE, COPIED = 7000, 7001, 7010, 7011
LISTEN = range(7100, 7140)
CONSUMERS = (7002, 7003, 7004, 7005, 7008, 7009, 7012)
LIVE = 7006
BOOK = 60           # sessions of the capture that is read
# Descriptors of the second program: few enough to be shared out.
FEW = 512


def put(path, conf):
    """Write a configuration, whole at any time."""
    with open(f"{path}.new", "w", encoding="ascii") as file:
        json.dump(conf, file, indent=1)
    os.rename(f"{path}.new", path)


def everything(good, small, more):
    """The first: all inputs, all outputs, and whoever looks on."""
    return {
        "inputs": [
            {"name": "front", "type": "proxy", "workers": 2,
             "listen": f"127.0.0.1:{FRONT}",
             "target": f"127.0.0.1:{SERVER}", "connect-timeout": 5},
            {"name": "ear", "type": "tap", "interface": "lo",
             "filter": f"tcp port {FRONT}"},
            {"name": "book", "type": "read", "files": [f"{good}/book.pcap"]}],
        "outputs": [*_judged(good), *_recorded(small), *_sent(), *more],
        "control": {"listen": "127.0.0.1:7007", "history-total": 4 * MIB},
        "runtime": {"stats": f"{good}/sheet", "drain-time": 20}}


def _judged(good):
    for name in ("front", "ear", "book"):
        yield {"type": "jsonl", "to": f"{good}/{name}.jsonl", "name": name,
               "inputs": name, "on-full": "drop" if name == "ear" else "pause"}


def _recorded(small):
    for kind in ("text", "hex", "c", "strip", "raw", "count", "summary",
                 "password"):
        yield f"{kind}:{small}/{{id}}.{kind},on-full=drop"
    for kind in ("flows", "gotcpspy", "netrecord"):
        yield f"{kind}:{small}/{kind},on-full=drop"
    yield f"jsonl:{small}/one.jsonl,on-full=drop,queue=64KiB"
    yield {"type": "pcapng", "to": f"{small}/capture.pcapng",
           "name": "capture", "rotate": {"size": "1M", "keep": 4},
           "on-full": "drop"}
    yield {"type": "pcap", "to": f"{small}/timed.pcap",
           "rotate": {"every": 3, "keep": 4}, "on-full": "drop",
           "inputs": "front"}
    yield "null:,name=nowhere"


def _sent():
    yield "tee:127.0.0.1:7002,retry=100ms"
    yield "tee:127.0.0.1:7012,compare=yes,input=front,name=compared"
    yield "connect:127.0.0.1:7003/7004,retry=100ms,linger=1"
    yield ("connect:127.0.0.1:7008/7009,retry=100ms,linger=1,on-full=pause,"
           "queue=64KiB,startup=256KiB,input=front,name=waited")
    yield f"listen:127.0.0.1:{LISTEN[0]}-{LISTEN[-1]},linger=1"
    yield f"pcapng-listen:127.0.0.1:{LIVE}"
    yield "payload:127.0.0.1:7005,input=ear"


def pipes(good):
    """The second: bytes go through pipes, as no output wants them."""
    return {
        "inputs": [
            {"name": name, "type": "proxy", "workers": 2,
             "listen": f"127.0.0.1:{port}", "target": f"127.0.0.1:{SERVER}"}
            for name, port in (("bare", BARE), ("copied", COPIED))],
        "outputs": [
            {"type": "flows", "to": f"{good}/flows", "inputs": "copied",
             "on-full": "pause"},
            {"type": "summary", "to": f"{good}/summary", "inputs": "bare"}],
        "runtime": {"stats": f"{good}/sheet-pipes", "drain-time": 20}}


def book(path, ledger, next_number, dice):
    """A capture of sessions in turn, each entered as one that was heard."""
    frames = []
    for n in range(BOOK):
        said = Said(next_number(), int(2 ** dice.uniform(0, 17)))
        talk = Talk(f"10.9.{n}.1:{30000 + n}",
                    isn=(dice.getrandbits(32), dice.getrandbits(32)))
        said.whole = True
        said.done.set()
        ledger.enter(f"10.9.{n}.1:{30000 + n}", said)
        frames.append([*talk.open(), *talk.stream(C, said.text()),
                       *talk.stream(S, said.text()), *talk.close()])
        said.forget()
    order = random.Random(dice.random())
    mixed = []
    while frames:
        one = order.choice(frames)
        mixed.append(one.pop(0))
        if not one:
            frames.remove(one)
    savefile.pcap(path, mixed)
