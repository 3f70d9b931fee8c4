/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_switch.c - join a network that VMs share: two wires of its switch, one
 * for the monitor and one for belljar-net.  The first VM starts the switch,
 * which nobody has to end: it does so itself when the last has left.
 *
 * All of this under the network's lock, so there is one switch, and a keeper
 * that meets one which is just ending starts the next.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/abi/switch.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/lib/json.h"
#include "vmm/manager/keeper_priv.h"

#define ANSWER_MS 20000 /* a busy host may take its time */
#define TRIES	  4

/* What one try needs to know. */
struct joining {
	struct keeper *k;
	const char *socket;
	int said; /* read end of the stderr of a switch that we started; -1 */
};

static int give_up(const struct joining *j, const char *what, struct err *err)
{
	struct keeper_child c = { .pidfd = -1, .err = j->said };
	char said[400] = "";

	if (c.err >= 0) {
		keeper_child_read(&c);
		keeper_child_sentence(j->k, &c, said, sizeof(said));
	}
	return err_say(err, EIO, "network '%s': its switch %s%s%s",
		       j->k->named.name, what, said[0] ? ": " : "", said);
}

static int refuse(const struct keeper *k, int error, struct err *err)
{
	const char *net = k->named.name;
	char subnet[NETWORK_SUBNET];

	networks_subnet(&k->named, subnet);
	switch (error) {
	case EADDRNOTAVAIL:
		return err_say(err, error,
			       "network '%s' is full: every address of %s that "
			       "a VM can have is taken, or %d VMs are on it; "
			       "end one, or make another network",
			       net, subnet, SWITCH_PORTS);
	case EEXIST:
		return err_say(err, error,
			       "a VM of the name '%s' is on network '%s' "
			       "already; choose another --name",
			       k->plan->vm->name, net);
	default:
		return err_say(err, error ? error : EPROTO,
			       "network '%s': its switch is of another version "
			       "of belljar; end the VMs that are on it",
			       net);
	}
}

/* Ask for a wire.  -EAGAIN: nobody is there, or who was has gone. */
static int ask(const struct joining *j, uint32_t wire,
	       struct switch_welcome *ret, struct err *err)
{
	struct keeper *k = j->k;
	struct switch_hello h = { .version = SWITCH_VERSION, .wire = wire };
	AUTO_CLOSE int fd = io_packet_connect(j->socket, err);

	if (fd == -ENOENT || fd == -ECONNREFUSED)
		return -EAGAIN;
	if (fd < 0)
		return fd;
	(void)snprintf(h.id, sizeof(h.id), "%s", k->plan->vm->id);
	(void)snprintf(h.name, sizeof(h.name), "%s", k->plan->vm->name);
	if (io_send(fd, &h, sizeof(h), MSG_NOSIGNAL) < 0)
		return -EAGAIN;

	struct pollfd p = { .fd = fd, .events = POLLIN };
	if (poll(&p, 1, ANSWER_MS) == 0)
		return give_up(j, "does not answer", err);
	ssize_t n = io_recv(fd, ret, sizeof(*ret), MSG_DONTWAIT);
	if (n <= 0)
		return -EAGAIN;
	if (n != sizeof(*ret) || ret->version != SWITCH_VERSION || ret->error)
		return refuse(k, n == sizeof(*ret) ? (int)ret->error : 0, err);
	return TAKE_FD(fd);
}

static int set_up(struct keeper *k, struct spawn *s, int listener,
		  const struct jail_ids *ids)
{
	char subnet[NETWORK_SUBNET];

	networks_subnet(&k->named, subnet);
	int r = strv_add(&s->args, "--listen=fd:%d", spawn_fd(s, listener));
	if (r == 0)
		r = strv_add(&s->args, "--subnet=%s", subnet);
	if (r == 0 && k->named.internal)
		r = strv_add(&s->args, "--internal");
	if (r == 0 && ids->lock >= 0)
		r = strv_add(&s->args, "--hold=fd:%d", spawn_fd(s, ids->lock));
	if (r == 0)
		r = strv_add(&s->args, "--id=%s", k->named.name);
	return r;
}

/* No child of the VM's: in no group of it, with a user of its own. */
static int execute(struct keeper *k, struct spawn *s, int listener,
		   struct err *err)
{
	struct jail_birth birth;
	struct jail_ids ids;
	pid_t pid;

	keeper_jail_ids(k, &ids);
	int r = set_up(k, s, listener, &ids);
	if (r == 0)
		r = keeper_jail_switch(k, &ids, s, &birth);
	if (r < 0) {
		jail_ids_done(&ids);
		return err_set(err, -r, "start '%s'", s->path);
	}
	AUTO_CLOSE int pidfd = -1;
	r = spawn_start(s, &pid, &pidfd, err);
	jail_ids_done(&ids);
	if (r == -ENOENT)
		return err_say(err, ENOENT,
			       "'%s' is missing; build it with 'make', or say "
			       "with BELLJAR_LIBDIR where it is",
			       s->path);
	return r < 0 ? r : keeper_jail_born(k, &birth, err);
}

static int start_switch(struct joining *j, struct err *err)
{
	struct keeper *k = j->k;
	AUTO_SPAWN struct spawn s;
	char path[PATH_MAX];

	/* What is left of one that has ended. */
	(void)unlink(j->socket);
	AUTO_CLOSE int listener = io_packet_listen(j->socket, err);
	if (listener < 0)
		return listener;
	AUTO_CLOSE int said = -1;
	AUTO_CLOSE int theirs = -1;
	int r = keeper_pipe(&said, &theirs, err);
	if (r < 0)
		return r;
	vmdir_file(k->plan->mgr->libdir, "belljar-switch", path);
	spawn_init(&s, path, "belljar-switch");
	s.err = theirs;
	s.alone = true;
	r = execute(k, &s, listener, err);
	if (r < 0)
		return r;
	if (j->said >= 0)
		(void)close(j->said);
	j->said = TAKE_FD(said);
	return 0;
}

static int join_guest(struct joining *j, struct switch_welcome *ret,
		      struct err *err)
{
	int r = -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < TRIES; i++) {
		r = ask(j, SWITCH_GUEST, ret, err);
		/* Nobody answered: the next try finds the one we start. */
		if (r == -EAGAIN && i < TRIES - 1) {
			int started = start_switch(j, err);

			if (started < 0)
				return started;
		}
	}
	return r == -EAGAIN ? give_up(j, "does not start", err) : r;
}

/* The port is ours by now: with its wire closed it ends. */
static int join(struct joining *j, int *ret_guest, int *ret_uplink,
		struct err *err)
{
	struct keeper *k = j->k;
	struct switch_welcome w, again;
	AUTO_CLOSE int guest = join_guest(j, &w, err);

	if (guest < 0)
		return guest;
	if (!k->named.internal) {
		int r = ask(j, SWITCH_UPLINK, &again, err);

		if (r < 0)
			return r == -EAGAIN ? give_up(j, "has ended", err) : r;
		*ret_uplink = r;
	}
	memcpy(&k->address, w.addr, sizeof(k->address));
	memcpy(k->mac, w.mac, sizeof(k->mac));
	*ret_guest = TAKE_FD(guest);
	return 0;
}

int keeper_switch_join(struct keeper *k, int *ret_guest, int *ret_uplink,
		       struct err *err)
{
	const struct manager *mgr = k->plan->mgr;
	struct joining j = { .k = k, .said = -1 };
	char path[PATH_MAX];
	int r = networks_socket(mgr, k->plan->spec->options->network.name, true,
				path, err);

	if (r == 0)
		r = networks_open(mgr, k->plan->spec->options->network.name,
				  true, &k->named, err);
	if (r < 0)
		return r;
	j.socket = path;
	r = join(&j, ret_guest, ret_uplink, err);
	networks_close(&k->named);
	if (j.said >= 0)
		(void)close(j.said);
	return r;
}

int keeper_switch_settings(struct keeper *k)
{
	const struct in_addr gateway = networks_host(&k->named, SWITCH_GATEWAY);
	const struct in_addr dns = networks_host(&k->named, SWITCH_DNS);
	char text[INET_ADDRSTRLEN], prefix[INET_ADDRSTRLEN + 8];

	(void)inet_ntop(AF_INET, &k->address, text, sizeof(text));
	(void)snprintf(prefix, sizeof(prefix), "%s/%u", text, k->named.prefix);
	int r = frame_send_str(&k->agent, AGENT_ADDR, prefix);
	(void)inet_ntop(AF_INET, &gateway, text, sizeof(text));
	if (r == 0 && !k->named.internal)
		r = frame_send_str(&k->agent, AGENT_GATEWAY, text);
	(void)inet_ntop(AF_INET, &dns, text, sizeof(text));
	return r == 0 ? frame_send_str(&k->agent, AGENT_DNS, text) : r;
}

void keeper_switch_state(const struct keeper *k, struct json_object *to)
{
	char text[24];
	const uint8_t *m = k->mac;

	if (!k->address.s_addr)
		return;
	json_put_str(to, "address",
		     inet_ntop(AF_INET, &k->address, text, sizeof(text)));
	(void)snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x",
		       m[0], m[1], m[2], m[3], m[4], m[5]);
	json_put_str(to, "mac", text);
}
