#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""blk.py BUILD [--rounds N] [--requests N] [--modes MODE,...] FILE... - the
disk's engines against each other, on FILEs that exist (one on a tmpfs, one on a
disk, say): time, processor time of the disk's thread and system calls for each
request, medians of interleaved rounds, and the ratios of io_uring to threads.
Modes are cached, cold and direct (blk.c).

The processor time is that of all threads but the driver's, so what the kernel's
workers carry out is in it.  System calls are those of the disk's thread, from
runs of their own under strace."""

import argparse
import statistics
import subprocess

ENGINES = ('threads', 'io_uring')
# Requests of each work, as a part of --requests.
WORKS = {'read1': 1 / 4, 'read32': 1, 'write32': 1, 'seq': 1 / 32,
         'seqwrite': 1 / 32}
# Where each request waits for a disk there are fewer.
PARTS = {'cached': 1, 'cold': 1 / 4, 'direct': 1 / 4}


def run(program, args, requests):
    out = subprocess.run([program, *args, str(requests)],
                         check=True, capture_output=True, text=True).stdout
    ns, cpu, kicks = out.split()
    return int(ns), int(cpu), int(kicks) / requests


def calls(program, args, requests):
    """Of the disk's thread, for each request: the difference of two runs."""
    counts = []
    for n in (requests, 3 * requests):
        # The driver's thread is the first one, and not followed.
        text = subprocess.run(
            ['strace', '-f', '-qq', '-e', 'signal=none', '-o', '/dev/stdout',
             program, *args, str(n)],
            check=True, capture_output=True, text=True).stdout
        lines = [line for line in text.splitlines() if line[:1].isdigit()]
        first = lines[0].split()[0]
        counts.append(sum(line.split()[0] != first and
                          'resumed>' not in line for line in lines))
    return (counts[1] - counts[0]) / (2 * requests)


def compare(program, path, mode, work, requests, rounds):
    got = {e: [] for e in ENGINES}
    for _ in range(rounds):
        for e in ENGINES:
            got[e].append(run(program, (e, mode, work, path), requests))
    median = {e: [statistics.median(v) for v in zip(*got[e])]
              for e in ENGINES}
    for e in ENGINES:
        median[e].append(calls(program, (e, mode, work, path),
                               requests // 100 + 64))
        ns, cpu, kicks, c = median[e]
        print(f'{path} {mode} {work} {e} {ns:.0f} {cpu:.0f} {kicks:.2f} '
              f'{c:.2f}')
    ratio = [new / old if old else float('nan') for new, old in
             zip(median['io_uring'], median['threads'])]
    print(f'{path} {mode} {work} ratio {ratio[0]:.2f} {ratio[1]:.2f} '
          f'{ratio[2]:.2f} {ratio[3]:.2f}', flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('build')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--requests', type=int, default=20000)
    parser.add_argument('--modes', default='cached')
    parser.add_argument('file', nargs='+')
    args = parser.parse_args()

    print('file mode work engine ns/request cpu-ns/request kicks/request '
          'calls/request')
    for path in args.file:
        for mode in args.modes.split(','):
            for work, part in WORKS.items():
                n = max(64, int(args.requests * part * PARTS[mode]))
                compare(f'{args.build}/bench/blk', path, mode, work, n,
                        args.rounds)


main()
