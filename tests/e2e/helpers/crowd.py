"""A crowd in a network of its own: thousands of short conversations.

It runs there as a program (`python3 crowd.py PLAN`), since what it does is
counted in sockets per second.  PLAN is an object in JSON:

    relay, wire     ports to call; every fifth conversation takes the second
    servers         ports to listen at, and to answer at
    copies          {name: port}: consumers of "c2s" or "s2c", a connection
                    for each conversation; the way is the name's end
    streams         {path: port}: written to that file, as it comes
    calls           {path: port}: the same, but we call

A line on its input is a number: so many conversations more.  The answer is a
line, too: how many conversations each consumer has heard to the last byte,
and what else was heard ("wrong").  The line "0" only asks.

A conversation: the client says question(n), the server answer(n); the client
closes, or the server does, or the client resets.
"""

import asyncio
import json
import random
import socket
import struct
import sys

AT_ONCE = 48
HOST = "127.0.0.1"


def question(n):
    """What client number n says; its beginning tells how much it is."""
    return _words(b"question", n)


def answer(n):
    return _words(b"answer", n)


def _words(what, n):
    body = random.Random(n * 2 + len(what)).randbytes(n % 300).hex().encode()
    return b"<%s %08d %04d:%s>" % (what, n, len(body), body)


def number_of(words):
    """n of whole words, -1 if they are not whole."""
    try:
        n = int(words.split(b" ", 2)[1])
    except (IndexError, ValueError):
        return -1
    return n if words in (question(n), answer(n)) else -1


def how_it_ends(n):
    """Who ends it: "client", "server", "reset"."""
    return ("client", "server", "client", "server", "reset")[n // 5 % 5]


class Heard:
    """What one consumer has heard."""

    def __init__(self):
        self.seen = set()
        self.wrong = []

    def take(self, words, what):
        n = number_of(words)
        if n < 0 or n in self.seen or not words.startswith(b"<" + what):
            self.wrong.append(words[:40].decode("latin-1"))
        else:
            self.seen.add(n)


class Server(asyncio.Protocol):
    """Answers a question, and closes if it is its turn to."""

    def connection_made(self, transport):
        self.transport = transport
        self.got = b""

    def data_received(self, data):
        self.got += data
        n = number_of(self.got)
        if n >= 0:
            self.transport.write(answer(n))
            if how_it_ends(n) == "server":
                self.transport.close()


class Copy(asyncio.Protocol):
    """Hears one conversation to its end, however that comes."""

    def __init__(self, heard, what):
        self.heard = heard
        self.what = what
        self.got = b""

    def data_received(self, data):
        self.got += data

    def connection_lost(self, _error):
        self.heard.take(self.got, self.what)


class Stream(asyncio.Protocol):
    """Keeps all that it is sent; greeted is done when something has come."""

    def __init__(self, path):
        self.path = path
        self.greeted = asyncio.get_running_loop().create_future()

    def data_received(self, data):
        if not self.greeted.done():
            self.greeted.set_result(True)
        with open(self.path, "ab") as file:
            file.write(data)


class Client(asyncio.Protocol):
    """Conversation number n; over is done when it has ended."""

    def __init__(self, n, over):
        self.n = n
        self.over = over
        self.got = b""

    def connection_made(self, transport):
        self.transport = transport
        transport.write(question(self.n))

    def data_received(self, data):
        self.got += data
        if len(self.got) < len(answer(self.n)):
            return
        how = how_it_ends(self.n)
        if how == "client":
            self.transport.close()
        elif how == "reset":
            self.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()

    def connection_lost(self, error):
        if not self.over.done():
            self.over.set_result(
                error is None and self.got == answer(self.n))


class Crowd:
    """All of it, on one loop."""

    def __init__(self, plan):
        self.plan = plan
        self.copies = {name: Heard() for name in plan["copies"]}
        self.said = 0
        self.failed = []
        self.room = asyncio.Semaphore(AT_ONCE)

    async def listen(self):
        loop = asyncio.get_running_loop()

        async def at(port, make):
            await loop.create_server(make, HOST, port, backlog=4096)

        for port in self.plan["servers"]:
            await at(port, Server)
        for name, port in self.plan["copies"].items():
            what = b"question" if name.endswith("c2s") else b"answer"
            await at(port, lambda h=self.copies[name], w=what: Copy(h, w))
        for path, port in self.plan["streams"].items():
            await at(port, lambda p=path: Stream(p))

    async def call(self):
        loop = asyncio.get_running_loop()
        for path, port in self.plan["calls"].items():
            _, stream = await loop.create_connection(
                lambda p=path: Stream(p), HOST, port)
            await stream.greeted

    async def talk(self, n):
        over = asyncio.get_running_loop().create_future()
        port = self.plan["wire" if n % 5 == 4 else "relay"]
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: Client(n, over), HOST, port)
            if not await over:
                self.failed.append(n)
        except OSError as error:
            self.failed.append(f"{n}: {error}")
        finally:
            self.room.release()

    async def more(self, count):
        tasks = set()
        for n in range(self.said, self.said + count):
            await self.room.acquire()
            task = asyncio.create_task(self.talk(n))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        self.said += count
        await asyncio.gather(*tasks)

    def report(self):
        return {"failed": self.failed[:10],
                **{name: len(heard.seen)
                   for name, heard in self.copies.items()},
                "wrong": [(name, heard.wrong[:5])
                          for name, heard in self.copies.items()
                          if heard.wrong]}

    async def run(self):
        await self.listen()
        print("ready", flush=True)
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            if self.said == 0:
                await self.call()
            await self.more(int(line))
            print(json.dumps(self.report()), flush=True)


if __name__ == "__main__":
    asyncio.run(Crowd(json.loads(sys.argv[1])).run())
