/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - requests to a monitor, and its answers. */
#include "vmm/manager/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/abi/control.h"
#include "vmm/lib/io.h"
#include "vmm/lib/json.h"
#include "vmm/manager/timing.h"

#define NS_MS 1000000ULL

void client_init(struct client *ret, int fd, const char *name)
{
	*ret = (struct client){ .fd = fd,
				.answer_ms = CLIENT_ANSWER_MS,
				.name = name };
}

int client_open(const struct vmdir *vm, struct client *ret, struct err *err)
{
	char path[PATH_MAX];

	if (!vmdir_running(vm))
		return err_say(err, ESRCH,
			       "VM '%s' has ended; 'belljar ps' lists those "
			       "that run",
			       vm->name);
	vmdir_file(vm->run, "control.sock", path);
	int fd = io_unix_connect(path, err);
	if (fd == -ENOENT || fd == -ECONNREFUSED)
		return err_say(err, -fd,
			       "VM '%s' is starting or ending; try again when "
			       "'belljar ps' shows it running",
			       vm->name);
	if (fd < 0)
		return err_wrap(err, "VM '%s'", vm->name);
	client_init(ret, fd, vm->name);
	return 0;
}

void client_close(struct client *c)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
	c->len = 0;
}

static int gone(const struct client *c, struct err *err)
{
	return err_say(err, EPIPE,
		       "VM '%s' ended before it answered; 'belljar ps -a' says "
		       "how",
		       c->name);
}

/* The monitor takes what is so short at once, or is not there any more. */
int client_send(const struct client *c, const char *request, struct err *err)
{
	char line[CONTROL_MAX_REQUEST];
	int n = snprintf(line, sizeof(line), "%s\n", request);

	if (n < 0 || n >= (int)sizeof(line))
		return err_say(err, EMSGSIZE, "'%s' is too long a request",
			       request);
	if (io_send(c->fd, line, (size_t)n, MSG_NOSIGNAL) != n)
		return gone(c, err);
	return 0;
}

/* More of the answer, until @until (ns).  Nothing else comes on that socket. */
static int receive(struct client *c, uint64_t until, struct err *err)
{
	struct pollfd p = { c->fd, POLLIN, 0 };
	uint64_t now = timing_now();
	int ms = until > now ? (int)((until - now) / NS_MS) + 1 : 0;

	if (c->len == sizeof(c->buf))
		return err_say(err, EPROTO,
			       "the monitor of VM '%s' answers with more than "
			       "%d bytes; end it with 'belljar rm -f'",
			       c->name, CLIENT_ANSWER_MAX);
	int ready = poll(&p, 1, ms);
	if (ready < 0 && errno == EINTR)
		return 0;
	if (ready <= 0)
		return err_say(err, ETIMEDOUT,
			       "the monitor of VM '%s' did not answer in %u s; "
			       "try again, or end it with 'belljar rm -f'",
			       c->name, c->answer_ms / 1000);
	ssize_t n = io_recv(c->fd, c->buf + c->len, sizeof(c->buf) - c->len, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return gone(c, err);
	c->len += (size_t)n;
	return 0;
}

/* A refusal in the monitor's words; bytes that a terminal obeys are not. */
static int refused(const struct client *c, struct json_object *o,
		   struct err *err)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "%s",
		       json_str_or(o, "error", "it said no reason"));
	for (char *p = text; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
	return err_say(err, EREMOTEIO, "VM '%s' refused: %s", c->name, text);
}

/* The line of @len bytes at the beginning of the buffer. */
static int take_answer(struct client *c, size_t len, struct json_object **ret,
		       struct err *err)
{
	AUTO_JSON struct json_object *o = NULL;
	struct json_object *ok = NULL;
	int r = json_parse(c->buf, len, "an answer", &o, NULL);

	c->len -= len + 1;
	memmove(c->buf, c->buf + len + 1, c->len);
	if (r < 0 || !json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, "ok", &ok))
		return err_say(err, EPROTO,
			       "the monitor of VM '%s' answers nonsense; end "
			       "it with 'belljar rm -f'",
			       c->name);
	if (!json_object_get_boolean(ok))
		return refused(c, o, err);
	*ret = o;
	o = NULL;
	return 0;
}

int client_wait(struct client *c, uint64_t until, struct json_object **ret,
		struct err *err)
{
	const char *end = NULL;
	int r = 0;

	while (r == 0 && !(end = memchr(c->buf, '\n', c->len)))
		r = receive(c, until, err);
	return r < 0 ? r : take_answer(c, (size_t)(end - c->buf), ret, err);
}

int client_ask(struct client *c, const char *request, struct json_object **ret,
	       struct err *err)
{
	uint64_t until = timing_now() + c->answer_ms * NS_MS;
	int r = client_send(c, request, err);

	return r < 0 ? r : client_wait(c, until, ret, err);
}
