/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent.h - what the keeper and the guest's init say to each other.
 *
 * Init connects to AGENT_PORT of the host (CID 2) before it starts anything.
 * Either side then sends records: a header, then `len` bytes.  All numbers are
 * little-endian.  A record never exceeds AGENT_MAX bytes of payload; one that
 * does, or an unknown type, ends the connection, and with it the VM.
 *
 *   init                              keeper
 *     HELLO (version)          ->
 *                              <-     settings, any order: ARG.. ENV.. CWD ...
 *                              <-     START
 *     TIMES, STARTED or FAILED ->
 *     OUT, ERR                 ->
 *     CREDIT (stdin window)    ->
 *                              <-     IN (within the credit; empty: end)
 *                              <-     SIGNAL, RESIZE
 *     EXIT (wait status)       ->     then init powers the machine off
 *
 * Both ends must treat what they read as hostile: check len before use.
 */
#ifndef VMM_ABI_AGENT_H
#define VMM_ABI_AGENT_H

#include <stdint.h>

#define AGENT_VERSION 1
#define AGENT_PORT    1024
#define AGENT_MAX     65536 /* payload bytes of one record */
#define AGENT_WINDOW  65536 /* stdin bytes in flight at the start */

struct agent_head {
	uint32_t type; /* enum agent_type */
	uint32_t len; /* payload bytes, <= AGENT_MAX */
};

enum agent_type {
	/* Settings, keeper to init.  Strings carry no NUL. */
	AGENT_ARG = 1, /* one element of argv, in order */
	AGENT_ENV, /* NAME=VALUE */
	AGENT_CWD, /* absolute path; made when absent, as docker does */
	AGENT_USER, /* user[:group], names or numbers; absent: root */
	AGENT_HOSTNAME, /* text */
	AGENT_TTY, /* struct agent_size: give the process a terminal */
	AGENT_SHM_SIZE, /* u64 bytes of /dev/shm; absent: half of memory */
	AGENT_ADDR, /* text "10.0.2.15/24" or an IPv6 one, for eth0 */
	AGENT_GATEWAY, /* text, IPv4 or IPv6 */
	AGENT_DNS, /* text, one nameserver; any number */
	AGENT_HOSTS, /* text, one line of /etc/hosts; any number */
	AGENT_READONLY, /* empty: no writable layer, rootfs is read-only */
	AGENT_STDIN, /* empty: stdin will come; absent: /dev/null */
	AGENT_TIME, /* u64 ns since 1970: set the clock if it lags */

	AGENT_START = 64, /* empty: settings are complete */
	AGENT_IN, /* stdin bytes; len 0: end of file */
	AGENT_SIGNAL, /* u32 Linux signal number, to the process group */
	AGENT_RESIZE, /* struct agent_size */

	/* init to keeper */
	AGENT_HELLO = 128, /* u32 AGENT_VERSION */
	AGENT_TIMES, /* struct agent_times */
	AGENT_STARTED, /* u32 pid inside the guest */
	AGENT_FAILED, /* u32 exit status (125, 126, 127), then a sentence */
	AGENT_OUT, /* stdout bytes (all output when there is a tty) */
	AGENT_ERR, /* stderr bytes */
	AGENT_CREDIT, /* u32: that many more stdin bytes may come */
	AGENT_EXIT, /* u32: 0..255, or 128+n for signal n */
};

struct agent_size {
	uint16_t rows, cols;
};

/* CLOCK_MONOTONIC of the guest, ns: where the boot's time went. */
struct agent_times {
	uint64_t init; /* init's first instruction, about */
	uint64_t mounted; /* root file system ready */
	uint64_t network; /* eth0 up, or equal to mounted */
	uint64_t exec; /* just before the container's process */
};

#endif
