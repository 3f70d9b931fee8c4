/* SPDX-License-Identifier: Apache-2.0 */
/* keeper.c - the keeper's side of a session with init, without a machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/init/keeper.h"

#include <endian.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/init/machine.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/err.h"
#include "vmm/lib/io.h"

/* Far beyond what any step takes, so that a hang is a failure. */
#define PATIENCE_S 60

#define NAMESPACES                                                             \
	(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWNET |            \
	 CLONE_NEWIPC)

bool keeper_possible(void)
{
	if (geteuid() != 0 || access("/bin/busybox", X_OK) != 0) {
		print_message("skipped: needs root and busybox-static\n");
		return false;
	}
	return true;
}

void keeper_start(struct keeper *k)
{
	int sv[2];

	memset(k, 0, sizeof(*k));
	k->credit = AGENT_WINDOW;
	k->out = malloc(KEEPER_TEXT + 1);
	k->err = malloc(KEEPER_TEXT + 1);
	assert_non_null(k->out);
	assert_non_null(k->err);
	k->out[0] = k->err[0] = '\0';
	(void)snprintf(k->base, sizeof(k->base), "/tmp/belljar-init.XXXXXX");
	assert_non_null(mkdtemp(k->base));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv),
			 0);

	(void)fflush(NULL);
	k->pid = fork();
	assert_true(k->pid >= 0);
	if (k->pid == 0) {
		(void)close(sv[0]);
		if (unshare(NAMESPACES) < 0)
			_exit(1);
		/* The namespace's first process is the next child. */
		pid_t pid = fork();
		if (pid == 0)
			_exit(machine_main(sv[1], k->base));
		(void)close(sv[1]);

		int status = 1;
		(void)waitpid(pid, &status, 0);
		_exit(status ? 1 : 0);
	}
	(void)close(sv[1]);
	k->fd = sv[0];

	struct timeval patience = { .tv_sec = PATIENCE_S };
	assert_int_equal(setsockopt(k->fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
				    sizeof(patience)),
			 0);
	keeper_read(k);
	assert_int_equal(k->type, AGENT_HELLO);
}

void keeper_send(struct keeper *k, uint32_t type, const void *data, size_t len)
{
	struct agent_head head = { htole32(type), htole32((uint32_t)len) };

	assert_int_equal(io_write_full(k->fd, &head, sizeof(head)), 0);
	assert_int_equal(io_write_full(k->fd, data, len), 0);
}

void keeper_text(struct keeper *k, uint32_t type, const char *text)
{
	keeper_send(k, type, text, strlen(text));
}

void keeper_u32(struct keeper *k, uint32_t type, uint32_t value)
{
	value = htole32(value);
	keeper_send(k, type, &value, sizeof(value));
}

void keeper_size(struct keeper *k, uint32_t type, uint16_t rows, uint16_t cols)
{
	struct agent_size size = { htole16(rows), htole16(cols) };

	keeper_send(k, type, &size, sizeof(size));
}

void keeper_run(struct keeper *k, const char *const *argv)
{
	for (; *argv; argv++)
		keeper_text(k, AGENT_ARG, *argv);
	keeper_send(k, AGENT_START, NULL, 0);
}

void keeper_sh(struct keeper *k, const char *script)
{
	keeper_run(k, (const char *[]){ "sh", "-c", script, NULL });
}

static void take_text(char *text, size_t *len, const char *data, size_t n)
{
	assert_true(n <= KEEPER_TEXT - *len);
	memcpy(text + *len, data, n);
	*len += n;
	text[*len] = '\0';
}

static uint32_t read_u32(const char *data, size_t len)
{
	uint32_t value;

	assert_true(len >= sizeof(value));
	memcpy(&value, data, sizeof(value));
	return le32toh(value);
}

/* The order that agent.h promises. */
static void take_record(struct keeper *k, const char *data, size_t len)
{
	switch (k->type) {
	case AGENT_HELLO:
		assert_int_equal(read_u32(data, len), AGENT_VERSION);
		return;
	case AGENT_TIMES:
		assert_int_equal(len, sizeof(k->times));
		memcpy(&k->times, data, len);
		return;
	case AGENT_STARTED:
		assert_false(k->started);
		k->started = true;
		return;
	case AGENT_OUT:
		assert_true(k->started);
		take_text(k->out, &k->out_len, data, len);
		return;
	case AGENT_ERR:
		assert_true(k->started);
		take_text(k->err, &k->err_len, data, len);
		return;
	case AGENT_CREDIT:
		k->credit += read_u32(data, len);
		assert_true(k->credit <= AGENT_WINDOW);
		return;
	case AGENT_EXIT:
		assert_true(k->started);
		assert_int_equal(len, sizeof(k->status));
		k->status = read_u32(data, len);
		return;
	case AGENT_FAILED:
		assert_false(k->started);
		k->status = read_u32(data, len);
		(void)snprintf(k->sentence, sizeof(k->sentence), "%.*s",
			       (int)(len - 4), data + 4);
		return;
	default:
		fail_msg("record of unknown type %u", k->type);
	}
}

void keeper_read(struct keeper *k)
{
	struct agent_head head;

	assert_int_equal(io_read_full(k->fd, &head, sizeof(head)),
			 sizeof(head));
	uint32_t len = le32toh(head.len);
	assert_true(len <= AGENT_MAX);

	AUTO_FREE char *data = malloc(len + 1);
	assert_non_null(data);
	assert_int_equal(io_read_full(k->fd, data, len), len);
	k->type = le32toh(head.type);
	take_record(k, data, len);
}

void keeper_expect(struct keeper *k, const char *text)
{
	while (!strstr(k->out, text)) {
		keeper_read(k);
		if (k->type == AGENT_EXIT || k->type == AGENT_FAILED)
			fail_msg("ended without '%s': '%s' '%s' '%s'", text,
				 k->out, k->err, k->sentence);
	}
}

static void wait_for_machine(struct keeper *k, int want)
{
	int status = -1;

	assert_int_equal(waitpid(k->pid, &status, 0), k->pid);
	k->pid = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), want);
	assert_int_equal(rmdir(k->base), 0);
}

uint32_t keeper_finish(struct keeper *k)
{
	char byte;

	while (k->type != AGENT_EXIT && k->type != AGENT_FAILED)
		keeper_read(k);

	/* Nothing follows but the end, which says that the layer is clean. */
	assert_int_equal(io_read_full(k->fd, &byte, 1), 0);
	(void)close(k->fd);
	wait_for_machine(k, 0);
	return k->status;
}

void keeper_hang_up(struct keeper *k)
{
	(void)close(k->fd);
	wait_for_machine(k, 1);
}

void keeper_done(struct keeper *k)
{
	/* A test that failed half-way leaves no more behind than others. */
	if (k->pid > 0) {
		(void)close(k->fd);
		(void)waitpid(k->pid, NULL, 0);
		(void)rmdir(k->base);
	}
	free(k->out);
	free(k->err);
}
