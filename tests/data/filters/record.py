#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compiles an OCI profile with the installed libseccomp as crun does and writes raw sock_filter records.

record.py PROFILE.json OUT.bpf [optimize-level]
Rules go in file order, a rule equal to the default is skipped, a repeated argument index makes every
condition a rule of its own, the action for other architectures stays KILL_THREAD.
"""
import ctypes
import json
import sys

ACTIONS = {"KILL": 0, "KILL_THREAD": 0, "KILL_PROCESS": 0x80000000, "TRAP": 0x30000, "ERRNO": 0x50000,
           "TRACE": 0x7FF00000, "LOG": 0x7FFC0000, "ALLOW": 0x7FFF0000}
OPERATORS = {"NE": 1, "LT": 2, "LE": 3, "EQ": 4, "GE": 5, "GT": 6, "MASKED_EQ": 7}
ARCHS = {"X86": 0x40000003, "X86_64": 0xC000003E, "X32": 0x4000003E, "ARM": 0x40000028,
         "AARCH64": 0xC00000B7}
CTL_OPTIMIZE = 8
EEXIST = -17


class Compare(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64),
                ("b", ctypes.c_uint64)]


def action(name, errno_ret):
    value = ACTIONS[name.removeprefix("SCMP_ACT_")]
    if value in (ACTIONS["ERRNO"], ACTIONS["TRACE"]):
        value |= 1 if errno_ret is None else errno_ret
    return value


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        profile = json.load(file)
    lib = ctypes.CDLL("libseccomp.so.2")
    lib.seccomp_init.restype = ctypes.c_void_p
    default = action(profile["defaultAction"], profile.get("defaultErrnoRet"))
    context = ctypes.c_void_p(lib.seccomp_init(ctypes.c_uint32(default)))
    for arch in profile.get("architectures", []):
        token = ctypes.c_uint32(ARCHS[arch.removeprefix("SCMP_ARCH_")])
        assert lib.seccomp_arch_add(context, token) in (0, EEXIST)
    for rule in profile.get("syscalls", []):
        value = action(rule["action"], rule.get("errnoRet"))
        if value == default:
            continue
        tests = [Compare(arg["index"], OPERATORS[arg["op"].removeprefix("SCMP_CMP_")], arg["value"],
                         arg.get("valueTwo", 0)) for arg in rule.get("args", [])]
        indexes = [test.arg for test in tests]
        groups = [tests] if len(set(indexes)) == len(indexes) else [[test] for test in tests]
        for name in rule["names"]:
            number = lib.seccomp_syscall_resolve_name(name.encode())
            if number == -1:
                continue
            for group in groups:
                array = (Compare * max(1, len(group)))(*group)
                code = lib.seccomp_rule_add_array(context, ctypes.c_uint32(value), number, len(group),
                                                  array)
                assert code == 0, (name, code)
    if len(sys.argv) > 3:
        assert lib.seccomp_attr_set(context, CTL_OPTIMIZE, ctypes.c_uint32(int(sys.argv[3]))) == 0
    with open(sys.argv[2], "wb") as out:
        assert lib.seccomp_export_bpf(context, out.fileno()) == 0


main()
