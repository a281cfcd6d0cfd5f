"""redis with its own client and benchmark through the relay."""

import csv
import io
import subprocess

from helpers import records
from helpers.real import run, tool
from helpers.wait import wait_until


def benchmark(port, *options):
    """Run redis-benchmark; {test: requests per second}."""
    text = run("redis-benchmark", "-h", "127.0.0.1", "-p", port, "--csv",
               *options).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    return {row["test"]: float(row["rps"]) for row in rows}


def commands(redis):
    """How many commands the server has worked through so far."""
    info = run("redis-cli", "-p", redis.port, "info", "commandstats").decode()
    return {line.split(":")[0]: int(line.split("calls=")[1].split(",")[0])
            for line in info.splitlines() if line.startswith("cmdstat_")}


def test_benchmark(teeline, redis, tmp_path):
    """50 connections of small requests, and every one of them recorded."""
    count = 20000
    proxy = teeline.proxy(redis.target, "-f", "none", "-o",
                          f"jsonl:{tmp_path}/log")
    rates = benchmark(proxy.port, "-n", count, "-c", 50, "-t", "set,get")
    assert set(rates) == {"SET", "GET"} and all(rates.values())
    stats = commands(redis)
    assert (stats["cmdstat_set"], stats["cmdstat_get"]) == (count, count)
    proxy.idle().stop()
    sessions = records.jsonl(tmp_path / "log")
    asked = b"".join(one.bytes("c2s") for one in sessions)
    assert asked.count(b"*3\r\n$3\r\nSET\r\n") == count
    assert asked.count(b"*2\r\n$3\r\nGET\r\n") == count
    for one in sessions:
        assert one.close and not one.gaps


def test_pipelines(teeline, redis, tmp_path):
    """Deep pipelines fill both directions at once."""
    proxy = teeline.proxy(redis.target, "-f", "none", "-o",
                          f"flows:{tmp_path}/flows")
    rates = benchmark(proxy.port, "-n", 100000, "-c", 20, "-P", 100, "-d",
                      1000, "-t", "set,get", "-r", 1000)
    assert set(rates) == {"SET", "GET"}
    assert commands(redis)["cmdstat_set"] == 100000
    proxy.idle().stop()
    asked = sum(one.bytes("c2s").count(b"\r\nSET\r\n")
                for one in records.flows(tmp_path / "flows").values())
    assert asked == 100000


def test_values_come_back(teeline, redis):
    """What is stored through the relay is read back through it, exactly."""
    proxy = teeline.proxy(redis.target)
    value = bytes(range(256)) * 4000
    run("redis-cli", "-p", proxy.port, "-x", "set", "key", input=value)
    assert run("redis-cli", "-p", proxy.port, "--raw", "get",
               "key") == value + b"\n"
    direct = run("redis-cli", "-p", redis.port, "strlen", "key")
    assert direct.strip().split()[-1] == str(len(value)).encode()


def test_subscriber_is_told_at_once(teeline, redis):
    """Long silence in one direction holds nothing back in the other."""
    proxy = teeline.proxy(redis.target)
    with subprocess.Popen(
            [tool("redis-cli"), "-p", str(proxy.port), "subscribe", "news"],
            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as reader:
        try:
            wait_until(lambda: run("redis-cli", "-p", redis.port, "pubsub",
                                   "numsub", "news").split()[-1] == b"1",
                       what="the subscription arrived")
            run("redis-cli", "-p", proxy.port, "publish", "news", "hello")
            got = b""
            while b"hello" not in got:
                line = reader.stdout.readline()
                assert line, got
                got += line
        finally:
            reader.kill()
