/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - one virtual machine, from its command line to its exit status.
 * Read this first: parse and open everything, create the VM, enter the jail,
 * run, end.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/list.h"
#include "vmm/lib/log.h"
#include "vmm/monitor/control.h"
#include "vmm/monitor/standin.h"
#include "vmm/monitor/vm.h"

/* Descriptors of a monitor: devices, connections of vsock and control. */
#define FILES_MAX 4096

struct monitor {
	struct loop loop;
	struct loop_fd signals;
	struct vm vm;
	struct control control;
};

static void on_signal(struct loop_fd *src, uint32_t events)
{
	struct monitor *m = container_of(src, struct monitor, signals);
	struct signalfd_siginfo info;

	(void)events;
	if (read(src->fd, &info, sizeof(info)) == sizeof(info))
		vm_finish(&m->vm, VM_KILLED);
}

/* Blocked before the first thread, so that only the loop sees them. */
static int watch_signals(struct monitor *m, struct err *err)
{
	sigset_t set;

	standin_signals(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	/* A limit on file sizes is an error of the disk, not an end. */
	(void)signal(SIGXFSZ, SIG_IGN);

	m->signals = (struct loop_fd){ .ready = on_signal };
	m->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (m->signals.fd < 0)
		return err_set(err, errno, "watch signals");
	int r = loop_set(&m->loop, &m->signals, EPOLLIN);
	return r < 0 ? err_set(err, -r, "watch signals") : 0;
}

/*
 * All is open and nothing runs: the walls go up, then the threads start, each
 * behind its filter, then we are behind ours, and only then the guest runs.
 */
static int start(struct monitor *m, const struct config *c, struct err *err)
{
	struct jail_walls walls = {
		.asked = c->jail,
		/* A function of the host may want an eventfd a vector. */
		.files = c->nr_vfio ? 0 : FILES_MAX,
	};
	int r = jail_enclose(&walls, err);

	if (r == 0 && c->events_fd >= 0)
		control_event_jail(c->events_fd, &walls);
	else if (r == 0)
		r = jail_report(walls.missing, walls.errnum, walls.asked.mode,
				err);
	if (r == 0)
		r = vm_start(&m->vm, err);
	if (r == 0)
		r = jail_filter(c->nr_vfio ? JAIL_MAIN_VFIO : JAIL_MAIN, err);
	if (r < 0)
		return r;
	control_event(c->events_fd, "started", NULL);
	vm_resume(&m->vm);
	return 0;
}

static int run(struct monitor *m, struct config *c, struct err *err)
{
	int r = loop_init(&m->loop, err);
	if (r < 0)
		return r;

	r = watch_signals(m, err);
	if (r == 0) {
		r = vm_create(&m->vm, c, &m->loop, err);
		if (r == 0)
			r = control_init(&m->control, &m->vm, &m->loop,
					 c->control_fd, err);
		if (r == 0) {
			control_event(c->events_fd, "created", NULL);
			control_event_memory(c->events_fd, &m->vm.gm,
					     m->vm.map_ns);
			r = start(m, c, err);
			if (r == 0)
				r = loop_run(&m->loop);
			control_done(&m->control);
		} else if (r == -EINTR) {
			/* A signal while RAM was allocated. */
			vm_finish(&m->vm, VM_KILLED);
			r = 0;
		}
		vm_destroy(&m->vm);
	}
	loop_done(&m->loop);
	if (m->signals.fd >= 0)
		(void)close(m->signals.fd);
	return r;
}

static int exit_status(const struct monitor *m, int r, const struct err *err)
{
	if (r < 0) {
		log_error("%s", err->msg);
		return CONTROL_FAILED;
	}
	switch (m->vm.end) {
	case VM_FAILED:
		log_error("%s", m->vm.why.msg);
		return CONTROL_FAILED;
	case VM_KILLED:
		return CONTROL_KILLED;
	default:
		return 0;
	}
}

int main(int argc, char **argv)
{
	struct config config;
	struct err err = { 0 };
	bool done;

	/* One arena: the threads allocate next to nothing. */
	(void)mallopt(M_ARENA_MAX, 1);
	/* Executed through a descriptor, it has none. */
	(void)prctl(PR_SET_NAME, "belljar-monitor");
	log_init(NULL, LOG_WARN);
	int r = config_parse(argc, argv, &config, &done, &err);
	if (r < 0 || done) {
		if (r < 0)
			log_error("%s", err.msg);
		config_done(&config);
		return r < 0 ? CONTROL_FAILED : 0;
	}
	log_init(config.id, config.verbose ? LOG_DEBUG : LOG_WARN);

	int status;
	r = standin_fork(&config, &status, &err);
	if (r != 0) {
		if (r < 0)
			log_error("%s", err.msg);
		config_done(&config);
		return r < 0 ? CONTROL_FAILED : status;
	}

	AUTO_FREE struct monitor *m = calloc(1, sizeof(*m));
	if (!m) {
		log_error("out of memory");
		config_done(&config);
		return CONTROL_FAILED;
	}
	m->signals.fd = -1;
	r = run(m, &config, &err);
	status = exit_status(m, r, &err);
	control_event(config.events_fd, "ended",
		      r < 0 ? "error" : control_end_name(m->vm.end));
	config_done(&config);
	return status;
}
