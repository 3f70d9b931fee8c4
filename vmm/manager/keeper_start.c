/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_start.c - open all that the VM needs, then start servers of shares and
 * belljar-monitor with descriptors and nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/manager/keeper_priv.h"
#include "vmm/manager/kernel.h"
#include "vmm/manager/kvm_check.h"
#include "vmm/manager/limits.h"
#include "vmm/manager/spawn.h"

#define GUEST_CID 3 /* each VM has a vsock world of its own */
#define FILES_MAX 16 /* kernel, disks and initramfs files */

/* Without a serial port, the driver would look for one and print there. */
#define NO_SERIAL " quiet 8250.nr_uarts=0"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int keeper_give(struct keeper *k, struct spawn *s, struct files *f, int fd,
		const char *name)
{
	int n = spawn_fd(s, fd);

	f->fd[f->n++] = fd;
	k->fd_names[n - 3] = strdup(name);
	return n;
}

/* Open @path, hand it to the monitor as "@option fd:N@tail". */
static int add_file(struct keeper *k, struct spawn *s, const char *option,
		    const char *path, int flags, const char *tail,
		    struct files *f, struct err *err)
{
	int fd = open(path, flags | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return err_set(err, errno, "open the %s '%s'", option + 2,
			       path);
	int n = keeper_give(k, s, f, fd, path);
	return strv_add(&s->args, "%s", option) < 0 ||
			       strv_add(&s->args, "fd:%d%s", n, tail) < 0
		       ? err_set(err, ENOMEM, "start the monitor")
		       : 0;
}

static void files_done(struct files *f)
{
	for (unsigned i = 0; i < f->n; i++)
		(void)close(f->fd[i]);
	f->n = 0;
}

static int add_initrd(struct keeper *k, struct spawn *s, const char *path,
		      struct files *f, struct err *err)
{
	if (f->n == FILES_MAX - 2)
		return err_say(err, E2BIG,
			       "--initrd: too many files; join them with cat");
	return add_file(k, s, "--initrd", path, O_RDONLY, "", f, err);
}

/* Kernel first, then modules, the user's files, and our init last. */
static int add_boot(struct keeper *k, struct spawn *s, struct files *f,
		    char ours[PATH_MAX], struct err *err)
{
	const struct spec *spec = k->plan->spec;
	int r = add_file(k, s, "--kernel", spec->kernel.image, O_RDONLY, "", f,
			 err);

	if (r == 0 && spec->kernel.modules[0])
		r = add_initrd(k, s, spec->kernel.modules, f, err);
	for (size_t i = 0; r == 0 && i < spec->options->initrds.n; i++)
		r = add_initrd(k, s, spec->options->initrds.v[i], f, err);
	if (r == 0)
		r = add_initrd(k, s, ours, f, err);
	return r;
}

void keeper_rate_tail(char ret[KEEPER_RATE_LEN], unsigned nr, uint64_t bytes,
		      const char *ops_key, uint64_t ops)
{
	int n = 0;

	ret[0] = '\0';
	if (bytes)
		n = snprintf(ret, KEEPER_RATE_LEN, ",bps=%" PRIu64,
			     limits_share(bytes, nr));
	if (ops)
		(void)snprintf(ret + n, KEEPER_RATE_LEN - (size_t)n,
			       ",%s=%" PRIu64, ops_key, limits_share(ops, nr));
}

static void disk_tail(const struct keeper *k, char ret[KEEPER_RATE_LEN])
{
	const struct run_options *o = k->plan->spec->options;
	unsigned nr = 1U + (k->plan->modules >= 0) + !o->read_only +
		      shares_images(&o->shares);

	keeper_rate_tail(ret, nr, o->limits.disk_bps, "iops",
			 o->limits.disk_iops);
}

static int add_disk(struct keeper *k, struct spawn *s, int fd, const char *id,
		    struct err *err)
{
	char rate[KEEPER_RATE_LEN];

	disk_tail(k, rate);
	return strv_add(&s->args, "--disk=fd:%d,ro,id=%s%s", spawn_fd(s, fd),
			id, rate) < 0
		       ? err_set(err, ENOMEM, "start the monitor")
		       : 0;
}

static int add_layer(struct keeper *k, struct spawn *s, struct files *f,
		     char path[PATH_MAX], struct err *err)
{
	char rate[KEEPER_RATE_LEN], tail[KEEPER_RATE_LEN + 16];

	if (k->plan->spec->options->read_only)
		return 0;
	disk_tail(k, rate);
	(void)snprintf(tail, sizeof(tail), ",id=layer%s", rate);
	vmdir_file(k->plan->vm->path, "layer.ext4", path);
	return add_file(k, s, "--disk", path, O_RDWR, tail, f, err);
}

/* Opened to be read: other VMs may have the same. */
static int add_images(struct keeper *k, struct spawn *s, struct files *f,
		      struct err *err)
{
	const struct shares *shares = &k->plan->spec->options->shares;
	char rate[KEEPER_RATE_LEN], tail[KEEPER_RATE_LEN + 40];
	int r = 0;

	disk_tail(k, rate);
	for (unsigned i = 0; r == 0 && i < shares->n; i++) {
		if (!shares->v[i].image)
			continue;
		/* What the guest reads from memory asks nobody, at any rate. */
		(void)snprintf(tail, sizeof(tail), ",ro,id=" KEEPER_TAG "%u%s",
			       i, shares->v[i].dax ? "" : rate);
		r = add_file(k, s, shares->v[i].dax ? "--pmem" : "--disk",
			     shares->v[i].source, O_RDONLY, tail, f, err);
	}
	return r;
}

static bool is_minimal(const struct spec *spec)
{
	return strcmp(spec->kernel.flavour, "minimal") == 0;
}

static int add_numbers(struct keeper *k, struct spawn *s, struct err *err)
{
	const struct spec *spec = k->plan->spec;
	const struct run_options *o = spec->options;
	int r = strv_add(&s->args, "--cpus=%u", spec->cpus);

	if (r == 0)
		r = strv_add(&s->args, "--memory=%lluk",
			     (unsigned long long)(spec->memory >> 10));
	if (r == 0 && spec->memory_max)
		r = strv_add(&s->args, "--memory-max=%lluk",
			     (unsigned long long)(spec->memory_max >> 10));
	if (r == 0)
		r = strv_add(&s->args, "--hw=%s", o->fdt ? "fdt" : "acpi");
	if (r == 0)
		r = strv_add(&s->args, "--id=%s", k->plan->vm->id);
	if (r == 0)
		r = strv_add(&s->args, "--cmdline=%s%s%s%s", KERNEL_CMDLINE,
			     o->serial ? " console=ttyS0" : NO_SERIAL,
			     is_minimal(spec) ? KERNEL_CMDLINE_MINIMAL : "",
			     spec->memory_max ? KERNEL_CMDLINE_PLUG : "");
	if (r == 0)
		r = strv_add(&s->args, "--rng");
	/* Of huge pages, or pinned for devices, none can be given back. */
	if (r == 0 && !o->hugepages && !devices_given(k->plan->spec->devices))
		r = strv_add(&s->args, "--balloon");
	return r < 0 ? err_set(err, -r, "start the monitor") : 0;
}

int keeper_pipe(int *ret_ours, int *ret_theirs, struct err *err)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(err, errno, "create a pipe");
	(void)io_set_nonblock(p[0], true);
	*ret_ours = p[0];
	*ret_theirs = p[1];
	return 0;
}

int keeper_companion(struct keeper *k, unsigned companion, struct spawn *s,
		     struct err *err)
{
	struct keeper_child *c = companion ? &k->net : &k->monitor;
	struct jail_birth birth;
	int r = keeper_jail_prepare(k, companion, s, &birth, err);

	if (r < 0)
		return r;
	r = spawn_start(s, &c->pid, &c->pidfd, err);
	if (r == 0 && !s->birth)
		keeper_cgroup_add(k, c->pid);
	s->birth = NULL;
	if (r == 0)
		return keeper_jail_born(k, &birth, err);
	if (r == -ENOENT)
		return err_say(err, ENOENT,
			       "'%s' is missing; build it with 'make', or say "
			       "with BELLJAR_LIBDIR where it is",
			       s->path);
	return r;
}

static int listen_at(const struct keeper *k, const char *name, struct err *err)
{
	char path[PATH_MAX];

	vmdir_file(k->plan->vm->run, name, path);
	return io_unix_listen(path, err);
}

/* The monitor's ends of what connects it with us. */
struct wires {
	struct net_ends net;
	int listen, dial, control, events, err, serial, kvm;
};

static void wires_done(struct wires *w)
{
	const int fds[] = { w->listen, w->dial,	  w->control, w->events,
			    w->err,    w->serial, w->kvm };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	keeper_net_close(&w->net);
}

static int open_wires(struct keeper *k, struct wires *w, struct err *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(err, errno, "create a socket pair");
	k->dial = pair[0];
	w->dial = pair[1];
	(void)io_set_nonblock(k->dial, true);

	w->kvm = kvm_check_open(k->plan->mgr->kvm, err);
	if (w->kvm < 0)
		return w->kvm;
	w->listen = listen_at(k, "vsock.sock", err);
	if (w->listen < 0)
		return w->listen;
	w->control = listen_at(k, "control.sock", err);
	if (w->control < 0)
		return w->control;
	int r = keeper_pipe(&k->events, &w->events, err);
	if (r == 0)
		r = keeper_pipe(&k->monitor.err, &w->err, err);
	if (r == 0 && k->plan->spec->options->serial)
		r = keeper_pipe(&k->serial, &w->serial, err);
	return r;
}

static int add_serial(const struct keeper *k, struct spawn *s, int fd)
{
	char rate[KEEPER_RATE_LEN];

	keeper_rate_tail(rate, 1, k->plan->spec->options->limits.console_bps,
			 NULL, 0);
	return strv_add(&s->args, "--serial=fd:%d%s", spawn_fd(s, fd), rate);
}

static int add_wires(const struct keeper *k, struct spawn *s,
		     const struct wires *w, struct err *err)
{
	int r = strv_add(&s->args, "--kvm=fd:%d", spawn_fd(s, w->kvm));

	if (r == 0)
		r = strv_add(&s->args, "--control=fd:%d",
			     spawn_fd(s, w->control));
	if (r == 0)
		r = strv_add(&s->args, "--events=fd:%d",
			     spawn_fd(s, w->events));
	if (r == 0)
		r = strv_add(&s->args, "--vsock=cid=%d,listen=fd:%d,dial=fd:%d",
			     GUEST_CID, spawn_fd(s, w->listen),
			     spawn_fd(s, w->dial));
	if (r == 0 && w->net.nr)
		r = keeper_net_add(k, s, &w->net);
	if (r == 0 && w->serial >= 0)
		r = add_serial(k, s, w->serial);
	return r < 0 ? err_set(err, -r, "start the monitor") : 0;
}

static int start_monitor(struct keeper *k, struct wires *w, struct err *err)
{
	char path[PATH_MAX], ours[PATH_MAX], layer[PATH_MAX];
	__attribute__((cleanup(files_done))) struct files f = { .n = 0 };
	AUTO_SPAWN struct spawn s;

	vmdir_file(k->plan->mgr->libdir, "belljar-monitor", path);
	vmdir_file(k->plan->mgr->libdir, "initrd.cpio", ours);
	spawn_init(&s, path, base_name(path));
	s.err = w->err;

	int r = add_boot(k, &s, &f, ours, err);
	if (r == 0)
		r = add_disk(k, &s, k->plan->rootfs, "image", err);
	if (r == 0 && k->plan->modules >= 0)
		r = add_disk(k, &s, k->plan->modules, "modules", err);
	if (r == 0)
		r = add_layer(k, &s, &f, layer, err);
	if (r == 0)
		r = add_images(k, &s, &f, err);
	if (r == 0)
		r = add_numbers(k, &s, err);
	if (r == 0)
		r = keeper_devices_add(k, &s, &f, err);
	if (r == 0)
		r = keeper_shares_add(k, &s, err);
	if (r == 0)
		r = add_wires(k, &s, w, err);
	if (r == 0)
		r = keeper_companion(k, 0, &s, err);
	keeper_shares_given(k);
	return r;
}

static int open_logs(struct keeper *k, struct err *err)
{
	char path[PATH_MAX];

	vmdir_file(k->plan->vm->path, "log", path);
	int r = capped_open(&k->log, path, k->plan->spec->log_max, err);
	if (r < 0 || !k->plan->spec->options->serial)
		return r;
	vmdir_file(k->plan->vm->path, "console.log", path);
	return capped_open(&k->console, path, k->plan->spec->log_max, err);
}

int keeper_start(struct keeper *k, struct err *err)
{
	struct wires w = { { .nr = 0 }, -1, -1, -1, -1, -1, -1, -1 };
	int r = open_logs(k, err);

	if (r == 0)
		r = keeper_devices_take(k, err);
	if (r == 0)
		r = keeper_cgroup_make(k, err);
	if (r == 0) {
		keeper_jail_take(k);
		r = open_wires(k, &w, err);
	}
	if (r == 0)
		r = keeper_net_open(k, &w.net, err);
	if (r == 0)
		r = keeper_net_vhost(k, &w.net, err);
	if (r == 0)
		r = keeper_shares_start(k, err);
	if (r == 0)
		r = start_monitor(k, &w, err);
	wires_done(&w);
	return r;
}
