/* SPDX-License-Identifier: Apache-2.0 */
/* Reads, writes and descriptors that do what was asked or say why not. */
#ifndef VMM_LIB_IO_H
#define VMM_LIB_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "vmm/lib/err.h"

/* Read until @len bytes or end of file.  Bytes read, or -errno. */
ssize_t io_read_full(int fd, void *buf, size_t len);

/* Write all of @len (blocking @fd).  0 or -errno. */
int io_write_full(int fd, const void *buf, size_t len);

/* Read at an offset, leaving the file position alone. */
ssize_t io_pread_full(int fd, void *buf, size_t len, off_t off);

/*
 * The first line of a small file, without its end and cut at @size; @path may
 * be relative to the directory @at.  0 or -errno, @buf is "" then.
 */
int io_read_line(int at, const char *path, char *buf, size_t size);

/*
 * A small file (at most @max bytes) as one NUL-terminated string, which the
 * caller frees.  -EFBIG when it is larger.
 */
int io_read_file(const char *path, size_t max, char **ret, struct err *err);

/*
 * Replace @path by @len bytes of @data so that a reader sees the old file or
 * the new one, and a full disk leaves the old one.
 */
int io_write_file(const char *path, const void *data, size_t len,
		  struct err *err);

/* mkdir -p with @mode for new directories. */
int io_mkdirs(const char *path, mode_t mode, struct err *err);

/* Remove @path and what is below it; following no symlink.  Absent: 0. */
int io_remove_tree(const char *path, struct err *err);

/* Set or clear O_NONBLOCK / FD_CLOEXEC.  0 or -errno. */
int io_set_nonblock(int fd, bool on);
int io_set_cloexec(int fd, bool on);

/*
 * "fd:3", the value of option @name: a descriptor that was open when we were
 * started, and that nobody we start inherits.  0, or -errno with a sentence.
 */
int io_inherit(const char *arg, const char *name, int *ret, struct err *err);

/*
 * One call of ppoll(), recvmsg() or sendmsg() each, whatever is asked: a jailed
 * process has few system calls.  What of @events (POLLIN..) is true of @fd now;
 * or what recv() and send() return.
 */
short io_poll_now(int fd, short events);
ssize_t io_recv(int sock, void *buf, size_t len, int flags);
ssize_t io_send(int sock, const void *buf, size_t len, int flags);

/*
 * Listening Unix stream socket at @path (mode 0600 by umask 077); the name
 * must not exist.  Returns the descriptor or -errno.
 */
int io_unix_listen(const char *path, struct err *err);
/* Connected to the socket of that name, non-blocking; or -errno. */
int io_unix_connect(const char *path, struct err *err);
/* The same, of SOCK_SEQPACKET: messages stay apart. */
int io_packet_listen(const char *path, struct err *err);
int io_packet_connect(const char *path, struct err *err);

/*
 * One message of a SOCK_SEQPACKET or stream socket with at most one
 * descriptor along (@fd -1 for none).  Receiving: bytes, 0 at end of file,
 * or -errno; *@ret_fd is -1 or a new O_CLOEXEC descriptor the caller owns.
 */
int io_send_fd(int sock, const void *buf, size_t len, int fd);
ssize_t io_recv_fd(int sock, void *buf, size_t len, int *ret_fd);

#endif
