#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rows.py ROWS TRACE... - are the jail's rows the calls that are made?

ROWS is what build/jail/rows prints: "ROLE CALL" for each row of
vmm/jail/seccomp_rules.h.  TRACEs are strace's (-f --decode-pids=comm) of runs
in which belljar's companions did all that they ever do.  Of each thread what
counts comes after it has put its filter on.  Fails when a row was never
needed, or when a call killed its process."""

import re
import sys

LINE = re.compile(r'^(\d+)(?:<([^>]*)>)? +(.*)$')
CALL = re.compile(r'^([a-z0-9_]+)\((.*)$')
REQUEST = re.compile(r'^[^,]*, ([A-Z0-9_]+)')
ROLES = [(re.compile(r'^vcpu\d+$'), 'vcpu'), (re.compile(r'^blk$'), 'disk'),
         (re.compile(r'^devices$'), 'loop'),
         (re.compile(r'^belljar-monito'), 'main'),
         (re.compile(r'^belljar-net$'), 'net')]
# Rows in which strace has another name for the same number.
SAME = {'KVM_IRQFD': 'KVM_IRQFD', 'poll': 'poll'}


def role_of(comm, vfio):
    for pattern, role in ROLES:
        if pattern.match(comm or ''):
            return role + '_vfio' if vfio and role in ('vcpu', 'main') else role
    return None


def read(path, seen, killed):
    """Add (role, call) of one trace; a VM with devices has other roles."""
    with open(path, errors='replace') as f:
        lines = f.read().splitlines()
    vfio = any('VFIO_SET_IOMMU' in line or 'VFIO_DEVICE_BIND' in line
               for line in lines)
    filtered = set()
    for line in lines:
        m = LINE.match(line)
        if not m:
            continue
        pid, comm, rest = m.groups()
        role = role_of(comm, vfio)
        if 'SECCOMP_SET_MODE_FILTER' in rest:
            filtered.add(pid)
            continue
        if pid not in filtered or role is None:
            continue
        if 'killed by SIGSYS' in rest:
            killed.setdefault((role, last.get(pid, '?')), path)
            continue
        c = CALL.match(rest)
        if not c:
            continue
        name = c.group(1)
        if name == 'ioctl':
            r = REQUEST.match(c.group(2))
            name = r.group(1) if r else name
        last[pid] = name
        seen.setdefault((role, name), path)


last = {}


def main():
    rows = set()
    with open(sys.argv[1]) as f:
        for line in f:
            role, call = line.split()
            rows.add((role, call))
    seen, killed = {}, {}
    for path in sys.argv[2:]:
        read(path, seen, killed)
    roles = {role for role, _ in seen}
    never = sorted(r for r in rows if r not in seen and r[0] in roles)
    for role, call in never:
        print(f'not ok - {role}: {call} was never needed')
    for (role, call), path in sorted(killed.items()):
        print(f'not ok - {role}: {call} has no row and killed its process '
              f'({path})')
    missing = sorted(r for r in seen if r not in rows)
    for role, call in missing:
        print(f'# {role}: {call} was made without a row')
    monitor = {call for role, call in rows if role != 'net'}
    calls = {'ioctl' if c.isupper() else c for c in monitor}
    plain = len(calls)
    if plain > 30:
        print(f'not ok - the monitor has rows for {plain} calls, not 30')
    for role in sorted(roles):
        n = sum(1 for r, _ in rows if r == role)
        print(f'ok - {role}: {n} rows, all needed')
    bad = len(never) + len(killed) + (plain > 30)
    print(f'# {plain} distinct system calls of the monitor after the start')
    print(f'rows: {len(roles)} passed, {bad} failed')
    return 1 if bad else 0


sys.exit(main())
