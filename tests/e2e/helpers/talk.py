"""Random conversations in numbers: what was sent, and what arrived.

Every conversation has random pieces, random pauses and both directions at
once; a slow one reads little at a time.  The client's first bytes tell the
server what to send, so that both are known from a seed alone.
"""

import asyncio
import contextlib
import dataclasses
import random
import struct

from helpers.peers import parse
from helpers.wait import SCALE, SLOW

HEAD = struct.Struct(">QQQ?")


@dataclasses.dataclass
class Talk:
    """One conversation: c2s and s2c bytes each way.

    client      the client's address, once it has talked
    sent, received   {"c2s": bytes, "s2c": bytes}
    """
    seed: int
    c2s: int
    s2c: int
    slow: bool = False
    client: str = ""
    sent: dict = dataclasses.field(default_factory=dict)
    received: dict = dataclasses.field(default_factory=dict)

    def stream(self, direction):
        """The bytes of a direction."""
        if direction == "c2s":
            head = HEAD.pack(self.seed, self.c2s, self.s2c, self.slow)
            return head + random.Random(self.seed).randbytes(self.c2s)
        return random.Random(-1 - self.seed).randbytes(self.s2c)


def some(count, most, seed, slow=0.0):
    """So many conversations of up to `most` bytes each way.

    Sizes are spread over the orders of magnitude, none is also one.
    """
    rng = random.Random(seed)

    def size():
        return rng.choice([0, 1, int(most ** rng.random()), most])

    return [Talk(seed * 1000000 + number, size(), size(),
                 rng.random() < slow) for number in range(count)]


async def _send(writer, data, rng):
    at = 0
    while at < len(data):
        step = int(65536 ** rng.random()) if rng.random() < 0.5 else 65536
        writer.write(data[at:at + step])
        await writer.drain()
        at += step
        if rng.random() < 0.05:
            await asyncio.sleep(rng.random() * 0.005)
    writer.write_eof()


async def _receive(reader, rng, slow):
    got = bytearray()
    while part := await reader.read(4096 if slow else 1 << 18):
        got += part
        if slow and rng.random() < 0.2:
            await asyncio.sleep(rng.random() * 0.003)
    return bytes(got)


async def _client(address, talk, gate):
    reader, writer = await _open(address)
    try:
        talk.client = "%s:%d" % writer.get_extra_info("sockname")[:2]
        rng = random.Random(talk.seed + 1)
        talk.sent["c2s"] = talk.stream("c2s")
        # The head goes first, so that the server counts this session in.
        writer.write(talk.sent["c2s"][:HEAD.size])
        await gate.wait()
        _, talk.received["s2c"] = await asyncio.gather(
            _send(writer, talk.sent["c2s"][HEAD.size:], rng),
            _receive(reader, rng, talk.slow))
    finally:
        writer.close()


async def _open(address):
    family, where = parse(address)
    assert isinstance(where, tuple), "TCP only"
    return await asyncio.open_connection(
        *where, family=family, limit=1 << 16)


class _Server:
    def __init__(self, talks):
        self.by_seed = {talk.seed: talk for talk in talks}
        self.open = 0
        self.most = 0
        self.errors = []
        self.left = asyncio.Event()

    async def serve(self, reader, writer):
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            head = await reader.readexactly(HEAD.size)
            talk = self.by_seed[HEAD.unpack(head)[0]]
            rng = random.Random(talk.seed + 2)
            talk.sent["s2c"] = talk.stream("s2c")
            _, rest = await asyncio.gather(
                _send(writer, talk.sent["s2c"], rng),
                _receive(reader, rng, talk.slow))
            assert "c2s" not in talk.received, "a conversation came twice"
            talk.received["c2s"] = head + rest
        except Exception as error:  # pylint: disable=broad-except
            self.errors.append(error)
        finally:
            self.open -= 1
            with contextlib.suppress(OSError):
                writer.close()


async def _everything(start, talks, together, seconds):
    at_server = _Server(talks)
    listener = await asyncio.start_server(
        at_server.serve, "127.0.0.1", 0, backlog=1024, limit=1 << 16)
    target = "127.0.0.1:%d" % listener.sockets[0].getsockname()[1]
    address = await asyncio.to_thread(start, target)
    gate = asyncio.Event()
    clients = [asyncio.ensure_future(_client(address, talk, gate))
               for talk in talks]
    async with asyncio.timeout(seconds * SCALE):
        while together and at_server.most < len(talks):
            done = [one for one in clients if one.done()]
            if done:
                done[0].result()
            await asyncio.sleep(0.01 * SLOW)
        gate.set()
        await asyncio.gather(*clients)
        while at_server.open:
            await asyncio.sleep(0.001 * SLOW)
    listener.close()
    if at_server.errors:
        raise at_server.errors[0]


def hold(start, talks, together=False, seconds=60):
    """Let all conversations take place, and check that each arrived.

    start(target) starts the relay and returns the address to call.  With
    together, all of them are open before any goes on.
    """
    asyncio.run(_everything(start, talks, together, seconds))
    for talk in talks:
        for direction in ("c2s", "s2c"):
            assert talk.received[direction] == talk.sent[direction], (
                f"{direction} of {talk.seed}: {len(talk.sent[direction])} "
                f"bytes sent, {len(talk.received[direction])} received")
