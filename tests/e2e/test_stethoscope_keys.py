"""Every key of stethoscope's configurations, from the table that reads them.

For each: the default and both ends of its range are fine, what is beyond, or
of another kind, is refused or taken with a warning, as its row says.
"""

import json
import subprocess
from collections import namedtuple

import pytest

from helpers.program import program_path

Key = namedtuple("Key", "place name type least most unit words default flags")
BASE = {"io": {"input": {"capture": {
    "iface": "lo", "local_ip": "127.0.0.1", "remote_ip": "127.0.0.1",
    "remote_port": 5000}}}}
# What the text of a key may be, where its setter judges it.
TEXTS = {"local_ip": ["::1", ["10.0.0.0/8", "192.0.2.1"]],
         "remote_ip": ["192.0.2.0/24"], "bind_ip": ["::1"]}
BAD = {"local_ip": "host", "remote_ip": "10.0.0.1/8", "bind_ip": "localhost",
       "bpf-filter": "host {nobody}"}
NEEDS = {"bool": "true or false", "count": "a whole number",
         "size": "a size", "time": "a ", "word": "a text in quotes",
         "text": "a text in quotes", "texts": "a text in quotes",
         "object": "an object", "list": "a list"}


def keys():
    said = subprocess.run([program_path(), "completion", "keys"], check=True,
                          capture_output=True, text=True).stdout
    found = [Key(*line.split("\t")) for line in said.splitlines()]
    return [key for key in found if key.place.startswith("stethoscope")]


KEYS = keys()


def of_type(*types):
    chosen = [key for key in KEYS if key.type in types]
    assert chosen
    return pytest.mark.parametrize(
        "key", chosen, ids=[f"{key.place}.{key.name}" for key in chosen])


def check(tmp_path, key, value):
    """(status, what was said) of a configuration with this value."""
    tree = json.loads(json.dumps(BASE))
    at = tree
    for part in key.place.split(".")[1:]:
        at = at.setdefault(part, {})
    at[key.name] = value
    path = tmp_path / "x.json"
    path.write_text(json.dumps(tree), encoding="utf-8")
    done = subprocess.run([program_path(), "check", path], text=True,
                          capture_output=True, check=False, timeout=20)
    said = done.stderr.replace(f"{path}:", "")
    # It stands open to everybody unless told otherwise.
    return done.returncode, "\n".join(
        line for line in said.splitlines() if "whoever reaches" not in line)


def number(text):
    return int(text) if text.isdigit() else text


def fine(tmp_path, key, value):
    status, said = check(tmp_path, key, value)
    # Two ports belong together; that is another sentence.
    if key.name.startswith("first_re"):
        return
    assert (status, said) == (0, ""), (key, value, said)


def test_there_are_keys():
    assert len(KEYS) > 60


@of_type("bool")
def test_bool(tmp_path, key):
    assert key.default == "false"
    if key.name == "enabled" and "pcap" not in key.place and (
            "file" not in key.place):
        fine(tmp_path, key, False)
    else:
        fine(tmp_path, key, key.name != "enabled" or "file" in key.place)
    for text in ("yes", "off", 0):
        status, said = check(tmp_path, key, text)
        if text != "yes":
            assert status == 0
        assert f"{key.name}: " in said and " is taken as " in said
    status, said = check(tmp_path, key, "perhaps")
    assert status == 2 and NEEDS["bool"] in said


@of_type("count", "size", "time")
def test_numbers(tmp_path, key):
    if key.default != "-":
        fine(tmp_path, key, number(key.default))
    fine(tmp_path, key, number(key.least))
    fine(tmp_path, key, number(key.most))
    status, said = check(tmp_path, key, -1)
    assert "out of range" in said
    assert status == (0 if "clamp" in key.flags else 2), said
    status, said = check(tmp_path, key, 10**19)
    assert "out of range" in said
    assert status == (0 if "clamp" in key.flags else 2), said
    status, said = check(tmp_path, key, [])
    assert status == 2 and f"{key.name}: " in said


@of_type("word")
def test_words(tmp_path, key):
    for word in key.words.split(","):
        fine(tmp_path, key, word.swapcase())
    status, said = check(tmp_path, key, "nosuch")
    assert status == 2 and '"nosuch" is none of' in said


@of_type("text", "texts")
def test_texts(tmp_path, key):
    for text in TEXTS.get(key.name, ["x"] if key.name != "bpf-filter" else
                          ["tcp and host {local_ip}", ""]):
        fine(tmp_path, key, text)
    status, said = check(tmp_path, key, 5)
    assert status == 2 and f"{key.name}: {NEEDS[key.type]}" in said
    if key.name in BAD:
        status, said = check(tmp_path, key, BAD[key.name])
        assert status == 2 and f"{key.name}: " in said


@of_type("object", "list")
def test_groups(tmp_path, key):
    status, said = check(tmp_path, key, "x") if key.place.count(
        ".") or key.name != "io" else (2, NEEDS[key.type])
    assert status == 2 and NEEDS[key.type] in said


@of_type("unused")
def test_legacy_keys_warn(tmp_path, key):
    status, said = check(tmp_path, key, {"any": ["thing"]})
    assert status == 0 and f"warning: {key.name} does nothing: " in said


def test_list_of_categories(tmp_path):
    key = Key("stethoscope.control", "default_cats", *["-"] * 7)
    fine(tmp_path, key, ["session", "Stats"])
    status, said = check(tmp_path, key, ["sessions"])
    assert status == 2 and '"sessions" is none of' in said


def test_places_and_habits(tmp_path):
    """Positions, nearest keys, _key, doubles, both spellings."""
    path = tmp_path / "y.json"
    path.write_text("""{ // as people write it
  io: {
    input: {capture: {iface: 'lo', _iface: "en0", local_ip: "127.0.0.1",
      remote_ip: "127.0.0.1", remote_port: "5000", # a number in quotes
      bufer_bytes: 5,
    },},
    output: {listner: {}, listener: {}, _pcap: 5},
  },
  control: {bind_ip: "127.0.0.1", bind_ip: "::1"}, /* twice */
}
""", encoding="utf-8")
    done = subprocess.run([program_path(), "check", path], text=True,
                          capture_output=True, check=False, timeout=20)
    assert done.returncode == 2
    said = done.stderr.replace(f"{path}:", "").splitlines()
    assert said[0].startswith("4:44: warning: remote_port: ")
    assert said[1].startswith('5:7: "bufer_bytes" is no key of '
                              "io.input.capture (did you mean buffer_bytes?)")
    assert said[2].startswith("7:14: listner and listener are the same")
    assert said[3].startswith("9:13: warning: bind_ip comes again")
    assert len(said) == 4, said
