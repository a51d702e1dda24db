# SPDX-License-Identifier: Apache-2.0
"""What searches found, a text file a harness: found/THING.hex, one input a line, in hexadecimal.

Usage: found.py unpack THING DIR     into files that libFuzzer reads
       found.py pack THING DIR       from files, the shortest first, within bounds
       found.py row THING LOG        a line of the table in README.md from a run's log
"""
import hashlib
import os
import re
import sys

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "found")
LONGEST = 4096      # bytes of one input
MOST = 64 * 1024    # bytes of all inputs of a harness
SEEDS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")


def contents(directory):
    if not os.path.isdir(directory):
        return set()
    inputs = set()
    for name in os.listdir(directory):
        with open(os.path.join(directory, name), "rb") as file:
            inputs.add(file.read())
    return inputs


def unpack(thing, directory):
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(FOLDER, thing + ".hex")
    if not os.path.exists(path):
        return
    with open(path, encoding="ascii") as file:
        for line in file:
            data = bytes.fromhex(line)
            with open(os.path.join(directory, hashlib.sha1(data).hexdigest()), "wb") as out:
                out.write(data)


def pack(thing, directory):
    found = contents(directory) - contents(os.path.join(SEEDS, thing)) - {b""}
    kept, size = [], 0
    for data in sorted(found, key=lambda data: (len(data), data)):
        size += len(data)
        if len(data) > LONGEST or size > MOST:
            break
        kept.append(data.hex() + "\n")
    os.makedirs(FOLDER, exist_ok=True)
    with open(os.path.join(FOLDER, thing + ".hex"), "w", encoding="ascii") as file:
        file.writelines(kept)


def row(thing, log):
    with open(log, encoding="utf-8", errors="replace") as file:
        text = file.read()
    done = re.findall(r"#(\d+)\s+DONE\s+cov: (\d+) ft: (\d+)", text)
    seconds = re.findall(r"Done \d+ runs in (\d+) second", text)
    if not done or not seconds:
        print(f"| {thing} | did not end: {log} | | | |")
        return
    runs, edges, features = done[-1]
    print(f"| {thing} | {seconds[-1]} | {int(runs):,} | {int(edges):,} | {int(features):,} |")


if __name__ == "__main__":
    {"unpack": unpack, "pack": pack, "row": row}[sys.argv[1]](sys.argv[2], sys.argv[3])
