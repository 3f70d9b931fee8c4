/* SPDX-License-Identifier: Apache-2.0 */
/* keeper_child.c - the companions: what they say and how they end. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/manager/keeper_priv.h"
#include "vmm/manager/spawn.h"

void keeper_child_read(struct keeper_child *c)
{
	size_t room = sizeof(c->said) - 1 - c->said_len;

	/* The end matters: forget the first half of a flood. */
	if (room == 0) {
		size_t half = sizeof(c->said) / 2;

		memmove(c->said, c->said + half, c->said_len - half);
		c->said_len -= half;
		c->noted = c->noted > half ? c->noted - half : 0;
		room = half;
	}
	ssize_t n = read(c->err, c->said + c->said_len, room);
	if (n > 0)
		c->said_len += (size_t)n;
	c->said[c->said_len] = '\0';
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		(void)close(c->err);
		c->err = -1;
	}
}

/* "ID: error: text" -> "text": the CLI puts its own name in front. */
static const char *skip_prefix(const struct keeper *k, const char *line)
{
	static const char *const levels[] = { "error: ", "warn: " };
	size_t id = strlen(k->plan->vm->id);

	if (strncmp(line, k->plan->vm->id, id) == 0 &&
	    strncmp(line + id, ": ", 2) == 0)
		line += id + 2;
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strncmp(line, levels[i], strlen(levels[i])) == 0)
			return line + strlen(levels[i]);
	return line;
}

/* The file behind "fd:N" at @p, or NULL; *@ret_end is behind the number. */
static const char *name_of(const struct keeper *k, const char *p,
			   const char **ret_end)
{
	char *end = NULL;

	if (strncmp(p, "fd:", 3) != 0)
		return NULL;
	unsigned long n = strtoul(p + 3, &end, 10);
	if (end == p + 3 || n < 3 || n - 3 >= SPAWN_FDS_MAX)
		return NULL;
	*ret_end = end;
	return k->fd_names[n - 3];
}

void keeper_child_sentence(const struct keeper *k, const struct keeper_child *c,
			   char *ret, size_t len)
{
	char text[sizeof(c->said)];
	size_t end = c->said_len;
	size_t n = 0;

	memcpy(text, c->said, c->said_len);
	while (end > 0 && text[end - 1] == '\n')
		end--;
	text[end] = '\0';
	const char *line = strrchr(text, '\n');

	line = skip_prefix(k, line ? line + 1 : text);
	while (*line && n + 1 < len) {
		const char *name = name_of(k, line, &line);

		if (!name) {
			ret[n++] = *line++;
			continue;
		}
		int more = snprintf(ret + n, len - n, "%s", name);
		n += more < (int)(len - n) ? (size_t)more : len - n - 1;
	}
	ret[n] = '\0';
}

/* It talks to a hostile guest: what it says is not let loose on a terminal. */
static void send_note(struct keeper *k, const char *line, size_t len)
{
	char text[KEEPER_SAID_MAX];

	memcpy(text, line, len);
	text[len] = '\0';
	/* A library's own words are for nobody here. */
	if (strncmp(text, k->plan->vm->id, strlen(k->plan->vm->id)) != 0)
		return;
	const char *said = skip_prefix(k, text);
	for (char *p = text; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
	(void)frame_send_str(&k->cli, KEEPER_NOTE, said);
}

void keeper_child_note(struct keeper *k, struct keeper_child *c)
{
	for (;;) {
		const char *line = c->said + c->noted;
		const char *end = memchr(line, '\n', c->said_len - c->noted);

		if (!end)
			return;
		c->noted += (size_t)(end - line) + 1;
		if (c->nr_notes == KEEPER_NOTES_MAX)
			continue;
		c->nr_notes++;
		send_note(k, line, (size_t)(end - line));
	}
}

void keeper_child_kill(const struct keeper_child *c)
{
	if (c->pid > 0)
		(void)pidfd_send_signal(c->pidfd, SIGKILL, NULL, 0);
}

int keeper_child_reap(struct keeper_child *c, bool *ret_signalled)
{
	siginfo_t info = { 0 };

	while (waitid(P_PID, (id_t)c->pid, &info, WEXITED) < 0 &&
	       errno == EINTR)
		;
	(void)close(c->pidfd);
	c->pidfd = -1;
	c->pid = 0;
	*ret_signalled = info.si_code != CLD_EXITED;
	return spawn_status(info.si_code, info.si_status);
}
