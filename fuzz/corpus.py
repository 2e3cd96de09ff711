#!/usr/bin/env python3
"""The kept inputs of a target: one JSON text a line in corpus/TARGET.txt, one file each in found/TARGET for libFuzzer.

  fuzz/corpus.py unpack render    lays the kept inputs out in found/render, where a run adds to them
  fuzz/corpus.py pack render      keeps as few as cover the same code, out of found/render
"""
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def unpack(target: str, found: pathlib.Path) -> int:
    found.mkdir(parents=True, exist_ok=True)
    lines = (HERE / "corpus" / f"{target}.txt").read_text("utf-8").splitlines()
    for line in lines:
        data = json.loads(line).encode("utf-8")
        (found / hashlib.sha1(data).hexdigest()).write_bytes(data)
    return len(lines)


def pack(target: str, found: pathlib.Path) -> int:
    with tempfile.TemporaryDirectory() as least:
        options = ["-set_cover_merge=1", "-use_counters=0", "-max_len=2048", "-timeout=10"]
        command = ["cargo", "+nightly", "fuzz", "run", target, least, str(found), "--", *options]
        subprocess.run(command, check=True, cwd=HERE.parent)
        return write(target, pathlib.Path(least))


def write(target: str, folder: pathlib.Path) -> int:
    # The targets read bytes that are no UTF-8 in the same way.
    texts = {file.read_bytes().decode("utf-8", "replace") for file in folder.iterdir()}
    lines = [json.dumps(text) for text in sorted(texts, key=lambda text: (len(text), text))]
    (HERE / "corpus" / f"{target}.txt").write_text("\n".join(lines) + "\n", "utf-8")
    return len(lines)


if __name__ == "__main__":
    commands = {"unpack": unpack, "pack": pack}
    if len(sys.argv) != 3 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    command, target = sys.argv[1:]
    print(commands[command](target, HERE / "found" / target), "inputs")
