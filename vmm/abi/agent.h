/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent.h - what the keeper and the guest's init say to each other.
 *
 * Init connects to AGENT_PORT of the host (CID 2) before it starts anything.
 * Either side then sends records: a header, then `len` bytes.  All numbers are
 * little-endian.  A record never exceeds AGENT_MAX bytes of payload; one that
 * does, an unknown type, or one at the wrong time, ends the connection, and
 * with it the VM.
 *
 *   init                              keeper
 *     HELLO (version)          ->
 *                              <-     settings, any order: ARG.. ENV.. CWD ...
 *                              <-     START
 *     WARN, any number         ->
 *     TIMES                    ->
 *     STARTED or FAILED        ->
 *     OUT, ERR                 ->
 *     CREDIT (stdin window)    ->
 *                              <-     IN (within the credit; empty: end)
 *                              <-     SIGNAL, RESIZE
 *     EXIT (wait status)       ->
 *
 * FAILED may come at any time before STARTED, without TIMES when the root file
 * system or the network failed.  After FAILED or EXIT init says no more: it
 * unmounts the writable layer, shuts its direction of the stream down (the
 * keeper reads end of file: the layer is clean), waits until the keeper has
 * closed, AGENT_LINGER_MS at most, and powers the machine off.  A connection
 * that ends earlier ends the container's process by SIGKILL.
 *
 * STARTED comes before the first OUT or ERR; all output comes before EXIT.
 * Flow control: OUT and ERR are limited by the stream alone, so the keeper
 * keeps reading even while it cannot write.  Stdin has a window: the keeper
 * may send AGENT_WINDOW bytes of IN, then what CREDIT allows; init reads
 * always.  Credit comes back also for bytes that the process will never read
 * because it has closed its stdin.
 *
 * Both ends must treat what they read as hostile: check len before use.
 */
#ifndef VMM_ABI_AGENT_H
#define VMM_ABI_AGENT_H

#include <stdint.h>

#define AGENT_VERSION 1
#define AGENT_PORT    1024
#define AGENT_MAX                                                              \
	131072 /* payload bytes of one record; Linux's longest arg             \
		*/
#define AGENT_WINDOW	65536 /* stdin bytes in flight at the start */
#define AGENT_SETTINGS	8388608 /* payload bytes of all settings */
#define AGENT_WARN_MAX	32 /* WARN records; init says no more than that */
#define AGENT_LINGER_MS 10000 /* init's patience with a keeper after EXIT */

struct agent_head {
	uint32_t type; /* enum agent_type */
	uint32_t len; /* payload bytes, <= AGENT_MAX */
};

enum agent_type {
	/*
	 * Settings, keeper to init.  Text has no NUL and, but for ARG and ENV,
	 * no line break.  Of settings that are not "any number" the last wins.
	 */
	AGENT_ARG = 1, /* one element of argv, in order; at least one */
	AGENT_ENV, /* NAME=VALUE, any number; the last of a NAME wins */
	AGENT_CWD, /* absolute path; made when absent, as docker does */
	AGENT_USER, /* user[:group], names or numbers; absent: root */
	AGENT_HOSTNAME, /* text, at most 64 bytes */
	AGENT_TTY, /* struct agent_size: give the process a terminal */
	AGENT_SHM_SIZE, /* u64 bytes of /dev/shm; absent: half of memory */
	AGENT_ADDR, /* text "10.0.2.15/24" or an IPv6 one; any number */
	AGENT_GATEWAY, /* text, IPv4 or IPv6; any number */
	AGENT_DNS, /* text, one nameserver; any number */
	AGENT_HOSTS, /* text, one line of /etc/hosts; any number */
	AGENT_READONLY, /* empty: no writable layer, rootfs is read-only */
	AGENT_STDIN, /* empty: stdin will come; absent: /dev/null */
	AGENT_TIME, /* u64 ns since 1970: set the clock if it lags */
	AGENT_MODULES, /* text: kernel modules are on the disk "modules" when
			  "disk", in the image when "image"; absent: none */
	AGENT_MODULE, /* text "NAME [PARAMETER=VALUE..]", any number: load it
			 though no device asks, in order */
	AGENT_SHARE, /* text "TAG ro|rw KIND PATH", any number: mount at PATH,
			which is absolute and without "." and "..", by KIND: dir
			is the virtio-fs TAG, file the file "file" in it;
			squashfs, erofs and ext4 are the disk whose serial
			number is TAG, with that file system; erofs+dax and
			ext4+dax the virtio-pmem number TAG, counted from 0 */

	AGENT_START = 64, /* empty: settings are complete */
	AGENT_IN, /* stdin bytes, only with STDIN; len 0: end of file */
	AGENT_SIGNAL, /* u32 Linux signal number, to the process alone */
	AGENT_RESIZE, /* struct agent_size; without TTY: ignored */

	/* init to keeper */
	AGENT_HELLO = 128, /* u32 AGENT_VERSION */
	AGENT_TIMES, /* struct agent_times */
	AGENT_STARTED, /* u32 pid, as init sees it */
	AGENT_FAILED, /* u32 exit status (125, 126, 127), then a sentence */
	AGENT_OUT, /* stdout bytes (all output when there is a tty) */
	AGENT_ERR, /* stderr bytes */
	AGENT_CREDIT, /* u32: that many more stdin bytes may come */
	AGENT_EXIT, /* u32: 0..255, or 128+n for signal n */
	AGENT_WARN, /* text, a warning for the user; see AGENT_WARN_MAX */
};

struct agent_size {
	uint16_t rows, cols;
};

/* CLOCK_MONOTONIC of the guest, ns: where the boot's time went. */
struct agent_times {
	uint64_t init; /* init's first instruction, about */
	uint64_t mounted; /* root file system ready */
	uint64_t network; /* eth0 up, or about equal to mounted */
	uint64_t exec; /* just before the container's process */
};

#endif
