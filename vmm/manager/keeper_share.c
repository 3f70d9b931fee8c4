/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_share.c - the servers of shared directories, from the keeper's view:
 * there before the monitor, which gets their sockets, gone after it.  One that
 * ends earlier is a note; its share gives errors and the VM goes on.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/lib/io.h"
#include "vmm/manager/keeper_priv.h"
#include "vmm/manager/share_server.h"

#define PATIENCE_MS 30000 /* with a server that starts on a busy host */
#define NOTE_NS	    500000000ULL /* it ends with the monitor too */

static const struct shares *shares(const struct keeper *k)
{
	return &k->plan->spec->options->shares;
}

/* It does not serve: its last words say why. */
static int failed(struct keeper *k, const struct share *share,
		  const char *program, struct keeper_child *c, int r,
		  struct err *err)
{
	char said[400];

	if (r == -EPROTO)
		return err_say(err, EPROTO,
			       "%s: '%s', which was to serve '%s', does not "
			       "speak vhost-user; name a virtiofsd by "
			       "BELLJAR_VIRTIOFSD",
			       share->option, program, share->source);
	if (r == -ETIMEDOUT)
		return err_say(err, ETIMEDOUT,
			       "%s: '%s', which was to serve '%s', has not "
			       "answered within %d s",
			       share->option, program, share->source,
			       PATIENCE_MS / 1000);
	keeper_child_kill(c);
	(void)io_set_nonblock(c->err, false);
	while (c->err >= 0)
		keeper_child_read(c);
	keeper_child_sentence(k, c, said, sizeof(said));
	return err_say(err, EIO,
		       "%s: '%s' ended before it served '%s'; it said last: %s",
		       share->option, program, share->source,
		       said[0] ? said : "nothing");
}

static int start(struct keeper *k, unsigned i, const char *program,
		 struct err *err)
{
	const struct share *share = &shares(k)->v[i];
	struct keeper_share *s = &k->share[i];
	struct share_server server;
	struct jail_birth birth;

	keeper_jail_server(k, &birth);
	int r = share_server_start(program, share, k->plan->vm->run, &birth,
				   &server, err);
	if (r < 0)
		return r;
	s->sock = server.sock;
	s->child.pid = server.pid;
	s->child.pidfd = server.pidfd;
	s->child.err = server.err;
	r = keeper_jail_born(k, &birth, err);
	if (r < 0)
		return r;
	r = share_server_wait(&server, PATIENCE_MS);
	return r < 0 ? failed(k, share, program, &s->child, r, err) : 0;
}

int keeper_shares_start(struct keeper *k, struct err *err)
{
	char program[PATH_MAX];

	if (shares(k)->n == shares_images(shares(k)))
		return 0;
	int r = share_server_find(program, err);
	for (unsigned i = 0; r == 0 && i < shares(k)->n; i++)
		if (!shares(k)->v[i].image)
			r = start(k, i, program, err);
	return r;
}

int keeper_shares_add(struct keeper *k, struct spawn *s, struct err *err)
{
	for (unsigned i = 0; i < shares(k)->n; i++)
		if (!shares(k)->v[i].image &&
		    strv_add(&s->args, "--fs=fd:%d,tag=" KEEPER_TAG "%u",
			     spawn_fd(s, k->share[i].sock), i) < 0)
			return err_set(err, ENOMEM, "start the monitor");
	return 0;
}

void keeper_shares_given(struct keeper *k)
{
	for (unsigned i = 0; i < SHARES_MAX; i++) {
		if (k->share[i].sock >= 0)
			(void)close(k->share[i].sock);
		k->share[i].sock = -1;
	}
}

void keeper_shares_sources(const struct keeper *k,
			   struct pollfd fds[KEEPER_SHARES_FDS])
{
	for (size_t i = 0; i < SHARES_MAX; i++) {
		const struct keeper_child *c = &k->share[i].child;

		fds[2 * i] = (struct pollfd){ c->err, POLLIN, 0 };
		fds[2 * i + 1] = (struct pollfd){ c->pidfd, POLLIN, 0 };
	}
}

void keeper_shares_ready(struct keeper *k,
			 const struct pollfd fds[KEEPER_SHARES_FDS])
{
	for (size_t i = 0; i < SHARES_MAX; i++) {
		struct keeper_share *s = &k->share[i];

		if (fds[2 * i].revents)
			keeper_child_read(&s->child);
		if (!fds[2 * i + 1].revents)
			continue;
		s->status = keeper_child_reap(&s->child, &s->signalled);
		s->note_at = timing_now() + NOTE_NS;
	}
}

uint64_t keeper_shares_due(const struct keeper *k)
{
	uint64_t due = 0;

	for (unsigned i = 0; i < SHARES_MAX; i++) {
		uint64_t at = k->share[i].note_at;

		if (at && (due == 0 || at < due))
			due = at;
	}
	return due;
}

static void note(struct keeper *k, const struct share *share,
		 const struct keeper_share *s)
{
	char text[SHARES_PATH + 256], how[64];
	int signal = s->status - 128;

	if (k->monitor.pid <= 0 || k->status >= 0)
		return;
	if (s->signalled)
		(void)snprintf(how, sizeof(how), "was ended by signal %d (%s)",
			       signal, sigdescr_np(signal));
	else
		(void)snprintf(how, sizeof(how), "ended with status %d",
			       s->status);
	(void)snprintf(text, sizeof(text),
		       "virtiofsd, which served '%s', %s; the VM goes on, and "
		       "whoever uses those files gets an error",
		       share->target, how);
	(void)frame_send_str(&k->cli, KEEPER_NOTE, text);
}

void keeper_shares_check(struct keeper *k, uint64_t now)
{
	for (unsigned i = 0; i < shares(k)->n; i++) {
		struct keeper_share *s = &k->share[i];

		if (s->note_at == 0 || now < s->note_at)
			continue;
		s->note_at = 0;
		note(k, &shares(k)->v[i], s);
	}
}

struct json_object *keeper_shares_json(const struct keeper *k)
{
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; i < shares(k)->n; i++)
		if (!shares(k)->v[i].image)
			(void)json_object_array_add(
				list,
				json_object_new_int(k->share[i].child.pid));
	return list;
}

void keeper_shares_end(struct keeper *k)
{
	bool signalled;

	for (unsigned i = 0; i < SHARES_MAX; i++) {
		struct keeper_share *s = &k->share[i];

		if (s->child.pid > 0) {
			keeper_child_kill(&s->child);
			(void)keeper_child_reap(&s->child, &signalled);
		}
		if (s->child.err >= 0)
			(void)close(s->child.err);
		s->child.err = -1;
	}
	keeper_shares_given(k);
}
