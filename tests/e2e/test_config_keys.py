"""Every key of a configuration, from the tables that read them.

"teeline completion keys" has a line for each: where it stands, its type, its
range, its default.  What follows from these is tried here: the default, least
and greatest value are fine, what is beyond them or of another kind is refused
with the sentence that the kind of value promises.  That a good value takes
effect is shown by tests/unit/cli/test_conf.c, where the plan can be seen.
"""

import re
import subprocess
from collections import namedtuple

import pytest

from helpers.program import TOP, program_path

Key = namedtuple("Key", "place name type least most unit words default flags")

# An object in which a key of this place can stand, and would be alone.
WITHIN = {
    "file": "{%s}",
    "file.control": "{control: {%s}}",
    "file.logging": "{logging: {%s}}",
    "file.runtime": "{runtime: {%s}}",
    "input.proxy": '{inputs: [{type: "proxy", %s}]}',
    "input.tap": '{inputs: [{type: "tap", %s}]}',
    "input.read": '{inputs: [{type: "read", %s}]}',
}

# Good values of keys whose text the setter judges.
TEXTS = {
    "listen": ["8081", '"[::1]:0"'],
    "target": ['"example.com:80"', '"unix:/run/x"'],
    "name": ['"a.b-c_1"'],
    "files": ['"a"', '["a", "b"]'],
    "filter": ['"tcp port 80"'],
    "interface": ['"lo"'],
    "source": ['"192.0.2.7"', '"::1"'],
    "user": ['"root"', '"0"'],
    "stats": ['"-"'],
    "writable": ['"a"', '["a", "b/c"]'],
    "file": ['"x.log"'],
    "token-file": ['"x"'],
    "to": ['"x"'],
    "inputs": ['"proxy"'],
    # Keys of outputs, which kinds judge themselves.
    "on-full": ['"drop"'],
    "append": ["true", '"no"'],
    "queue": ["65536", '"1MiB"'],
    "port": ["80", '"http"'],
    "client": ['"192.0.2.1"'],
    "server": ['"[2001:db8::7]"'],
    "dir": ['"both"'],
    "compare": ["false", '"no"'],
    "midstream": ["true", '"no"'],
    "connect-timeout": ["2", '"1.5s"'],
    "retry": ["2", '"100ms"'],
    "tries": ["5"],
    "startup": ['"1KiB"', "0"],
    "keep": ['"tail"'],
    "header": ['"line"'],
    "role": ['"server"'],
    "linger": ["1", '"3s"'],
    "local": ['"192.0.2.1 10.0.0.0/8"'],
    "remote-port": ["5000"],
    "closed": ['"x-{reason}"'],
    "timeout-word": ['"idle"'],
    "first": ['"10000/10001"'],
    "level": ['"warning"'],
    "layers": ['"17+44"'],
    "prefix": ['"header"'],
    "keepalive": ["true", '"no"'],
}

# What "to" may say where a kind looks at it.
TO = {
    "tee": "h:1", "connect": "h:1/2", "listen": "127.0.0.1:20000-20009",
    "syslog": "text", "payload": "h:1", "pcapng-listen": "127.0.0.1:0",
}

NEEDS = {"bool": "true or false", "count": "a whole number",
         "size": 'a size (65536, "64KiB")',
         "time": 'a time (1.5, "500ms", "2m")', "word": "a text in quotes",
         "text": "a text in quotes", "plain": "a text in quotes or a number",
         "texts": "a text in quotes, or a list of such",
         "list": "a list ([ ... ])", "object": "an object ({ ... })"}


def keys():
    said = subprocess.run([program_path(), "completion", "keys"], check=True,
                          capture_output=True, text=True).stdout
    found = [Key(*line.split("\t")) for line in said.splitlines()]
    # Those of the other dialect: test_stethoscope_keys.py.
    return [key for key in found if not key.place.startswith("stethoscope")]


KEYS = keys()


def spelled(key):
    return f"{key.place} {key.name}"


def of_type(*types):
    chosen = [key for key in KEYS if key.type in types]
    return pytest.mark.parametrize("key", chosen, ids=map(spelled, chosen))


def document(key, value):
    """A configuration with this value, otherwise fine (and its offset)."""
    member = f"{key.name}: {value}"
    if key.place.startswith("output."):
        kind, *deeper = key.place.split(".")[1:]
        rest = f'type: "{kind}"'
        if kind in TO or any(other.name == "to" and
                             other.place == f"output.{kind}"
                             for other in KEYS):
            rest += f', to: "{TO.get(kind, "x")}"'
        if key.name in ("type", "to") and not deeper:
            rest = f'type: "{kind}"' if key.name == "to" else rest[14:]
        if deeper:
            every = "" if key.name == "every" else "every: 9, "
            member = f"rotate: {{{every}{member}}}"
        text = f"{{outputs: [{{{rest}, {member}}}]}}"
    else:
        text = WITHIN[key.place] % member
    # What any configuration, and any input, has to have.
    if key.place == "input.proxy":
        more = {"listen": "1", "target": '"h:1"'}
        for name, given in more.items():
            if name != key.name:
                text = text.replace(member, f"{name}: {given}, {member}")
    if key.place == "input.read" and key.name != "files":
        text = text.replace(member, f'files: "x", {member}')
    if key.name == "type" and key.place.startswith("input."):
        text = text.replace(f'type: "{key.place[6:]}", ', "", 1)
    if not text.startswith("{inputs"):
        proxy = '{type: "proxy", listen: 0, target: "h:1"}'
        text = text[:-1] + f", inputs: [{proxy}]}}"
    return text


def check(tmp_path, text):
    """(status, what was said without the place) of this configuration."""
    path = tmp_path / "x.conf"
    path.write_text(text, encoding="utf-8")
    done = subprocess.run([program_path(), "check", path], text=True,
                          capture_output=True, check=False, timeout=60)
    place = re.compile(rf"^{re.escape(str(path))}:\d+:\d+: ", re.MULTILINE)
    said = place.sub("", done.stderr)
    assert done.stderr.count("\n") == len(place.findall(done.stderr)), (
        f"not every line has a place: {done.stderr}")
    return done.returncode, said


def good(tmp_path, key, value):
    text = document(key, value)
    status, said = check(tmp_path, text)
    assert (status, said) == (0, ""), text


def bad(tmp_path, key, value, sentence):
    text = document(key, value)
    status, said = check(tmp_path, text)
    assert (status, said) == (2, sentence + "\n"), text


def number(text):
    """A bound as a value: "4KiB" needs quotes, 10 none."""
    return text if text.isdigit() else f'"{text}"'


def test_there_are_keys():
    assert len(KEYS) > 100
    assert {key.place.split(".")[0] for key in KEYS} == {
        "file", "input", "output"}


@of_type("bool", "count", "size", "time", "word")
def test_default(tmp_path, key):
    """What the manual calls the default is a value."""
    if key.default in ("-", "none"):
        return
    if key.type in ("word", "size"):
        good(tmp_path, key, f'"{key.default}"')
    elif key.type == "time":
        good(tmp_path, key, f'"{key.default}"')
    else:
        good(tmp_path, key, key.default)


@of_type("count", "size", "time")
def test_bounds(tmp_path, key):
    good(tmp_path, key, number(key.least))
    good(tmp_path, key, number(key.most))


def shown_range(key):
    if key.most == "18446744073709551615":
        return f"{key.least} or more"
    return f"{key.least} to {key.most}"


@of_type("count", "size", "time")
def test_beyond_the_bounds(tmp_path, key):
    span = shown_range(key)
    for value in ["-1", "99999999999999999999999999"]:
        bad(tmp_path, key, value,
            f"{key.name}: {value} is out of range: {span}")
    if key.least == "1":
        bad(tmp_path, key, "0", f"{key.name}: 0 is out of range: {span}")


@of_type("count")
def test_no_whole_number(tmp_path, key):
    bad(tmp_path, key, "1.5", f'{key.name}: "1.5" is no whole number')
    bad(tmp_path, key, '"many"',
        f"{key.name}: a whole number is needed, this is a text")


@of_type("size")
def test_no_size(tmp_path, key):
    bad(tmp_path, key, '"12x"',
        f'{key.name}: "12x" is no size: bytes are meant, or a whole number '
        "with a unit, as in 64KiB or 1M")


@of_type("time")
def test_no_time(tmp_path, key):
    bad(tmp_path, key, '"soon"',
        f'{key.name}: "soon" is no time: seconds are meant, or a number with '
        "a unit, as in 1.5, 500ms or 2m")


@of_type("bool")
def test_truth(tmp_path, key):
    good(tmp_path, key, "true")
    good(tmp_path, key, "false")
    bad(tmp_path, key, '"yes"',
        f"{key.name}: true or false is needed, this is a text")


@of_type("word")
def test_words(tmp_path, key):
    words = key.words.split(",")
    if key.name != "type":
        for word in words:
            good(tmp_path, key, f'"{word}"')
    bad(tmp_path, key, '"zzzzzzzzz"',
        f'{key.name}: "zzzzzzzzz" is none of {", ".join(words)}')


@of_type("text", "texts", "plain")
def test_texts(tmp_path, key):
    if key.name == "type":
        return  # without it there is no other key: see test_config.py
    if key.name == "to" and key.place != "output.text":
        good(tmp_path, key, f'"{TO.get(key.place[7:], "x")}"')
    else:
        given = TEXTS[key.name]
        if (key.place, key.name) == ("output.tee", "on-full"):
            given = ['"close"']  # a copy is whole or not at all
        for value in given:
            good(tmp_path, key, value)
    status, said = check(tmp_path, document(key, '""'))
    assert status == 2 and f"{key.name}: " in said
    assert " must not be empty" in said


@of_type("bool", "count", "size", "time", "word", "text", "texts", "plain",
         "list", "object")
def test_another_kind(tmp_path, key):
    """An object where none can be, a number where one must be."""
    kind, value = (("an object", "{}") if key.type != "object"
                   else ("a number", "7"))
    if key.name == "type":
        return  # likewise
    status, said = check(tmp_path, document(key, value))
    assert status == 2
    wanted = f": {NEEDS[key.type]} is needed, this is {kind}\n"
    assert wanted in said and key.name in said


def places():
    return sorted({key.place for key in KEYS})


@pytest.mark.parametrize("place", places())
def test_unknown_key(tmp_path, place):
    """The nearest known key of the same object is offered."""
    known = [key.name for key in KEYS if key.place == place]
    name = max(known, key=len)
    wrong = name[:-2] + name[-1] + name[-2]
    if wrong == name:
        wrong = name + "x"
    key = Key(place, wrong, *["-"] * 7)
    status, said = check(tmp_path, document(key, "1"))
    assert status == 2
    assert re.search(rf'^"{wrong}" is no key of [^\n]* '
                     rf"\(did you mean {name}\?\)$", said, re.MULTILINE), said


def test_manual_has_the_tables():
    """What the manual says of each key is what the program reads."""
    done = subprocess.run(
        [f"{TOP}/scripts/conf-manual", "--check", program_path()],
        capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
