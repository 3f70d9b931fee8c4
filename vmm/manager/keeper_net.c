/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_net.c - the VM's network: belljar-net at the other end of a socket, a
 * tap of the host, or a port of a network by name, with belljar-net behind it.
 * The monitor gets one end and knows no more of it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/abi/net.h"
#include "vmm/lib/allow.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/manager/keeper_priv.h"
#include "vmm/manager/tap.h"

#define LINE_LEN       256
#define FDS_LEN	       (TAP_QUEUES_MAX * 16UL)
#define QUEUES_DEFAULT 4U /* at most; one for each vCPU */
#define VHOST_NET      "/dev/vhost-net"
/* Locally administered, one station (IEEE 802): the rest is the VM's. */
#define MAC_FIRST 0x02

static int say_ready(struct keeper *k, const char *line)
{
	if (strcmp(line, "ready") == 0)
		return 1;
	(void)json_object_array_add(k->ports, json_object_new_string(line));
	return 0;
}

/* Lines of published ports, then "ready".  End of file: it has failed. */
static int wait_ready(struct keeper *k, int fd, struct err *err)
{
	char line[LINE_LEN];
	size_t len = 0;
	bool signalled;
	char c;

	while (io_read_full(fd, &c, 1) == 1) {
		if (c != '\n' && len + 1 < sizeof(line)) {
			line[len++] = c;
			continue;
		}
		line[len] = '\0';
		len = 0;
		if (say_ready(k, line))
			return 0;
	}
	while (k->net.err >= 0)
		keeper_child_read(&k->net);
	int status = keeper_child_reap(&k->net, &signalled);
	char said[400];
	keeper_child_sentence(k, &k->net, said, sizeof(said));
	if (said[0])
		return err_say(err, EIO, "%s", said);
	return err_say(err, EIO,
		       "belljar-net ended with status %d before it "
		       "was ready",
		       status);
}

/* What the guest may reach, as it was looked up before the VM was made. */
static int add_allow(struct spawn *s, const struct allow_list *list)
{
	char text[ALLOW_TEXT_MAX];
	int r = 0;

	for (size_t i = 0; list && r == 0 && i < list->n; i++) {
		allow_format(&list->v[i], text, sizeof(text));
		r = strv_add(&s->args, "--allow=%s", text);
	}
	return r;
}

static unsigned user_mtu(const struct keeper *k)
{
	unsigned mtu = k->plan->spec->options->network.mtu;

	return mtu ? mtu : NET_MTU;
}

/* Where it is in a network by name, if it is. */
static int add_place(const struct keeper *k, struct spawn *s)
{
	char text[INET_ADDRSTRLEN];

	if (!k->address.s_addr)
		return 0;
	(void)inet_ntop(AF_INET, &k->address, text, sizeof(text));
	return strv_add(&s->args, "--guest=%s/%u", text, k->named.prefix);
}

/* belljar-net with @net_end, which stays the caller's. */
static int start_net(struct keeper *k, int net_end, struct err *err)
{
	const struct run_options *o = k->plan->spec->options;
	char path[PATH_MAX];
	AUTO_SPAWN struct spawn s;
	int p[2];

	vmdir_file(k->plan->mgr->libdir, "belljar-net", path);
	spawn_init(&s, path, "belljar-net");
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(err, errno, "create a pipe");
	AUTO_CLOSE int ready_rd = p[0];
	AUTO_CLOSE int ready_wr = p[1];
	AUTO_CLOSE int stderr_wr = -1;
	int r = keeper_pipe(&k->net.err, &stderr_wr, err);
	if (r < 0)
		return r;
	(void)io_set_nonblock(k->net.err, false);

	s.err = stderr_wr;
	r = strv_add(&s.args, "--frames=fd:%d", spawn_fd(&s, net_end));
	if (r == 0)
		r = strv_add(&s.args, "--ready=fd:%d", spawn_fd(&s, ready_wr));
	for (size_t i = 0; r == 0 && i < o->publish.n; i++)
		r = strv_add(&s.args, "--publish=%s", o->publish.v[i]);
	if (r == 0)
		r = strv_add(&s.args, "--mtu=%u", user_mtu(k));
	if (r == 0)
		r = add_place(k, &s);
	if (r == 0)
		r = add_allow(&s, k->plan->spec->allow);
	if (r == 0)
		r = strv_add(&s.args, "--id=%s", k->plan->vm->id);
	if (r < 0)
		return err_set(err, -r, "start belljar-net");
	r = keeper_companion(k, 1, &s, err);
	if (r < 0)
		return r;
	(void)close(TAKE_FD(ready_wr));
	(void)close(TAKE_FD(stderr_wr));
	r = wait_ready(k, ready_rd, err);
	if (r < 0)
		return r;
	(void)io_set_nonblock(k->net.err, true);
	return 0;
}

/* Both ends of the frames' socket: one for the monitor, one for the network. */
static int open_user(struct keeper *k, struct net_ends *ret, struct err *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(err, errno, "create a socket pair");
	AUTO_CLOSE int monitor_end = pair[0];
	AUTO_CLOSE int net_end = pair[1];
	int r = start_net(k, net_end, err);
	if (r == 0)
		ret->fd[ret->nr++] = TAKE_FD(monitor_end);
	return r;
}

static int open_named(struct keeper *k, struct net_ends *ret, struct err *err)
{
	AUTO_CLOSE int guest = -1;
	AUTO_CLOSE int uplink = -1;
	int r = keeper_switch_join(k, &guest, &uplink, err);

	k->mtu = user_mtu(k);
	if (r == 0 && uplink >= 0)
		r = start_net(k, uplink, err);
	if (r == 0)
		ret->fd[ret->nr++] = TAKE_FD(guest);
	return r;
}

/* Two VMs on one bridge differ: the rest is the beginning of the VM's id. */
static void choose_mac(const struct keeper *k, uint8_t mac[6])
{
	const struct network_options *n = &k->plan->spec->options->network;
	char digits[3] = "";

	if (n->has_mac) {
		memcpy(mac, n->mac, 6);
		return;
	}
	mac[0] = MAC_FIRST;
	for (unsigned i = 1; i < 6; i++) {
		memcpy(digits, k->plan->vm->id + (i - 1) * 2UL, 2);
		mac[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
}

/* How many to try; limits are those of one. */
static unsigned choose_queues(const struct keeper *k)
{
	const struct run_options *o = k->plan->spec->options;
	unsigned cpus = k->plan->spec->cpus;

	if (o->network.queues)
		return o->network.queues;
	if (o->limits.net_bps || o->limits.net_pps)
		return 1;
	return cpus < QUEUES_DEFAULT ? cpus : QUEUES_DEFAULT;
}

static int check_queues(const struct network_options *n,
			const struct tap_end *end, struct err *err)
{
	if (end->nr >= n->queues)
		return 0;
	return err_say(err, EINVAL,
		       "--network: queues=%u: the tap '%s' has one; make it "
		       "with 'ip tuntap add dev %s mode tap multi_queue', or "
		       "leave queues out",
		       n->queues, end->name, end->name);
}

static int open_tap(struct keeper *k, struct net_ends *ret, struct err *err)
{
	const struct network_options *n = &k->plan->spec->options->network;
	char name[IF_NAMESIZE];
	struct tap_end end;
	unsigned queues = choose_queues(k);
	int r;

	choose_mac(k, k->mac);
	if (n->kind == NETWORK_TAP) {
		r = tap_attach(TAP_CLONE, n->name, queues, &end, err);
	} else {
		(void)snprintf(name, sizeof(name), "bj%s", k->plan->vm->id);
		r = tap_make(TAP_CLONE, name, n->name, k->mac, queues, &end,
			     err);
	}
	if (r == 0) {
		r = check_queues(n, &end, err);
		if (r < 0)
			tap_close(&end);
	}
	if (r < 0)
		return r;
	(void)snprintf(k->tap, sizeof(k->tap), "%s", end.name);
	k->mtu = end.mtu;
	memcpy(ret->fd, end.fd, sizeof(ret->fd));
	ret->nr = end.nr;
	return 0;
}

static void close_all(int *fd, unsigned *nr)
{
	while (*nr)
		(void)close(fd[--*nr]);
}

/*
 * The kernel's part, where there is one: nobody asked for it by name, so its
 * absence is a word for who looks where time goes.  *@ret stays -1 then.
 */
int keeper_net_vhost(struct keeper *k, struct net_ends *ends, struct err *err)
{
	const struct run_options *o = k->plan->spec->options;
	char note[128];

	if (!k->tap[0] || o->network.vhost == VHOST_OFF || o->limits.net_bps ||
	    o->limits.net_pps)
		return 0;
	while (ends->nr_vhosts < ends->nr) {
		int fd = open(VHOST_NET, O_RDWR | O_CLOEXEC);

		if (fd < 0)
			break;
		ends->vhost[ends->nr_vhosts++] = fd;
	}
	if (ends->nr_vhosts == ends->nr)
		return 0;
	int e = errno;
	close_all(ends->vhost, &ends->nr_vhosts);
	if (o->network.vhost == VHOST_ON)
		return err_say(err, e,
			       "--network: vhost=on: open '" VHOST_NET
			       "': %s; load the module ('modprobe vhost_net') "
			       "or leave it out",
			       strerrordesc_np(e));
	(void)snprintf(note, sizeof(note),
		       "no vhost-net (open '" VHOST_NET
		       "': %s): the monitor moves the frames",
		       strerrordesc_np(e));
	if (o->timing)
		(void)frame_send_str(&k->cli, KEEPER_NOTE, note);
	return 0;
}

int keeper_net_open(struct keeper *k, struct net_ends *ret, struct err *err)
{
	switch (k->plan->spec->options->network.kind) {
	case NETWORK_USER:
		return open_user(k, ret, err);
	case NETWORK_NAMED:
		return open_named(k, ret, err);
	case NETWORK_NONE:
		return 0;
	default:
		return open_tap(k, ret, err);
	}
}

void keeper_net_close(struct net_ends *ends)
{
	close_all(ends->fd, &ends->nr);
	close_all(ends->vhost, &ends->nr_vhosts);
}

/* ",@key=fd:N" for each of them from @first on. */
static void list_fds(char ret[FDS_LEN], struct spawn *s, const char *key,
		     const int *fd, unsigned first, unsigned nr)
{
	size_t n = 0;

	ret[0] = '\0';
	for (unsigned i = first; i < nr; i++)
		n += (size_t)snprintf(ret + n, FDS_LEN - n, ",%s=fd:%d", key,
				      spawn_fd(s, fd[i]));
}

int keeper_net_add(const struct keeper *k, struct spawn *s,
		   const struct net_ends *ends)
{
	const struct limit_options *l = &k->plan->spec->options->limits;
	char rate[KEEPER_RATE_LEN], tap[64] = "";
	char queues[FDS_LEN], kernel[FDS_LEN];
	const uint8_t *m = k->mac;

	keeper_rate_tail(rate, 1, l->net_bps, "pps", l->net_pps);
	(void)snprintf(tap, sizeof(tap), ",mtu=%u", user_mtu(k));
	if (k->mtu)
		(void)snprintf(tap, sizeof(tap),
			       ",mac=%02x:%02x:%02x:%02x:%02x:%02x,mtu=%u",
			       m[0], m[1], m[2], m[3], m[4], m[5],
			       k->mtu > UINT16_MAX ? UINT16_MAX : k->mtu);
	int n = spawn_fd(s, ends->fd[0]);
	list_fds(queues, s, "queue", ends->fd, 1, ends->nr);
	list_fds(kernel, s, "vhost", ends->vhost, 0, ends->nr_vhosts);
	return strv_add(&s->args, "--net=fd:%d%s%s%s%s", n, queues, tap, kernel,
			rate);
}
