#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rows.py ROWS RECORD ROLE... - are the jail's rows the calls that are made?

ROWS is what build/escape/rows prints of vmm/jail/seccomp_rules.h, RECORD what
recorder.c wrote while belljar's companions did all that they ever do.  For each
ROLE every row must have been needed, and no call made without one."""

import sys

# One heap for all threads: who meets its end grows it.
ANYBODY = {'brk', 'mmap', 'munmap'}
MOST = 30  # distinct system calls of the monitor after its start


def read_rows(path):
    rows = {}  # (role, number, request or None) -> (name, often)
    with open(path) as f:
        for line in f:
            role, nr, name, request, how = line.split()
            key = None if request == '-' else int(request, 16)
            rows[role, int(nr), key] = name, how == 'often'
    return rows


def read_record(path):
    calls = set()
    with open(path) as f:
        for line in f:
            role, nr, request = line.split()
            key = None if request == '-' else int(request, 16)
            calls.add((role, int(nr), key))
    return calls


def main():
    rows, calls = read_rows(sys.argv[1]), read_record(sys.argv[2])
    passed = failed = 0
    for role in sys.argv[3:]:
        # What the same thread needs without devices is asked there.
        base = role.removesuffix('_vfio')
        mine = {k: v for k, v in rows.items() if k[0] == role and
                (base == role or (base, *k[1:]) not in rows)}
        never = [name for k, (name, often) in mine.items()
                 if often and k not in calls and name not in ANYBODY]
        missing = sorted(str(k[1:]) for k in calls
                         if k[0] == role and k not in rows)
        if never or missing:
            failed += 1
            print(f'not ok - {role}: never needed: {" ".join(never) or "-"}; '
                  f'without a row: {" ".join(missing) or "-"}')
        else:
            passed += 1
            print(f'ok - {role}: {len(mine)} rows, all needed')
    if not any(rows[k][0] in ANYBODY for k in calls if k in rows):
        failed += 1
        print('not ok - nobody allocated or freed memory')
    for few in ('main', 'vcpu', 'loop', 'disk_uring'), \
            ('main', 'vcpu', 'loop', 'disk'), \
            ('main_vfio', 'vcpu_vfio', 'loop', 'disk_uring'), \
            ('main_vfio', 'vcpu_vfio', 'loop', 'disk'):
        n = len({k[1] for k in rows if k[0] in few})
        what = 'with devices of the host' if 'main_vfio' in few else 'as usual'
        what += ', ' + ('io_uring' if 'disk_uring' in few else 'no io_uring')
        ok = n <= MOST
        passed, failed = passed + ok, failed + (not ok)
        print(f'{"ok" if ok else "not ok"} - the monitor {what}: {n} distinct '
              f'system calls after its start, at most {MOST}')
    print(f'rows: {passed} passed, {failed} failed')
    return 1 if failed else 0


sys.exit(main())
