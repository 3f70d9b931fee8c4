/* SPDX-License-Identifier: Apache-2.0 */
/* keeper_end.c - what the end of a VM means, and what is left of it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/lib/json.h"
#include "vmm/manager/keeper_priv.h"
#include "vmm/manager/record.h"

#define TAIL_MAX 1024 /* bytes of the console shown when a guest dies */

void keeper_decide(struct keeper *k, int status, const char *fmt, ...)
{
	if (k->status >= 0)
		return;
	k->status = status;
	if (!fmt)
		return;

	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(k->why.msg, sizeof(k->why.msg), fmt, ap);
	va_end(ap);
	k->why.code = EIO;
}

static void guest_died(struct keeper *k)
{
	const struct run_options *o = k->plan->spec->options;
	const char *hint = o->serial ? "its console said last"
				     : "try more --memory, or look with "
				       "--serial";

	k->guest_died = k->status < 0;
	keeper_decide(k, EXIT_BELLJAR,
		      "the guest ended without its container's exit status "
		      "(a kernel panic, or out of memory); %s",
		      hint);
}

void keeper_judge(struct keeper *k)
{
	int status = k->monitor_status;
	char said[400];

	if (keeper_cgroup_oom(k))
		return;
	if (k->monitor_signalled && status == 128 + SIGSYS) {
		keeper_decide(k, EXIT_BELLJAR,
			      "the monitor made a system call that its jail "
			      "forbids, and was killed: its guest may have "
			      "tried to break out (docs/security.md)");
		return;
	}
	/* Memory of a file that is not there any more (vmm/monitor/pmem.c). */
	if (k->monitor_signalled && status == 128 + SIGBUS) {
		keeper_child_sentence(k, &k->monitor, said, sizeof(said));
		if (said[0])
			keeper_decide(k, EXIT_BELLJAR, "%s", said);
	}
	if (k->monitor_signalled) {
		keeper_decide(k, status, "the monitor was killed (signal %d)",
			      status - 128);
		return;
	}
	if (status == 124) {
		keeper_decide(k, 137,
			      "the VM was killed through its control "
			      "socket");
		return;
	}
	if (status == 0) {
		guest_died(k);
		return;
	}
	keeper_child_sentence(k, &k->monitor, said, sizeof(said));
	if (said[0])
		keeper_decide(k, EXIT_BELLJAR, "%s", said);
	else
		keeper_decide(k, EXIT_BELLJAR,
			      "the monitor ended with status %d and said "
			      "nothing",
			      status);
}

/* The end of console.log, without bytes that could steer a terminal. */
static char *console_tail(const struct keeper *k)
{
	char path[PATH_MAX];
	AUTO_FREE char *tail = calloc(1, TAIL_MAX + 1);
	struct stat st;

	vmdir_file(k->plan->vm->path, "console.log", path);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !tail || fstat(fd, &st) < 0)
		return NULL;
	off_t from = st.st_size > TAIL_MAX ? st.st_size - TAIL_MAX : 0;
	ssize_t n = io_pread_full(fd, tail, TAIL_MAX, from);
	char *to = tail;

	for (ssize_t i = 0; i < n; i++)
		if (tail[i] == '\n' || tail[i] == '\t' ||
		    (tail[i] >= 0x20 && tail[i] < 0x7f))
			*to++ = tail[i];
	*to = '\0';
	return to == tail ? NULL : TAKE_PTR(tail);
}

static int write_exit(const struct keeper *k, struct json_object *times,
		      struct err *err)
{
	AUTO_JSON struct json_object *o = json_object_new_object();

	if (!o)
		return err_set(err, ENOMEM, "write exit.json");
	(void)json_object_object_add(o, "status",
				     json_object_new_int(k->status));
	if (k->why.code)
		json_put_str(o, "error", k->why.msg);
	(void)json_object_object_add(o, "finished", record_time(time(NULL)));
	(void)json_object_object_add(o, "usage", cgroup_usage_json(&k->usage));
	(void)json_object_object_add(o, "times", json_object_get(times));
	return vmdir_write(k->plan->vm, "exit.json", o, err);
}

static int write_record(const struct keeper *k, struct err *err)
{
	struct err lack = { 0 };
	const struct record_end end = {
		.status = k->status,
		.error = k->why.code ? k->why.msg : NULL,
		.timed_out = k->timed_out,
		.missing = k->missing,
		.limits_missing =
			cgroup_check(&k->cgroup, &lack) < 0 ? lack.msg : NULL,
		.usage = &k->usage,
	};

	return record_write(k->plan->spec, k->plan->vm, k->plan->started, &end,
			    err);
}

static void send_text(struct keeper *k, uint32_t type, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (len > 0 && len <= AGENT_MAX)
		(void)frame_send(&k->cli, type, text, len);
}

/* A VM that never ran leaves no folder, with or without --rm. */
static bool keep_folder(const struct keeper *k)
{
	return !k->plan->spec->options->rm && k->timing.started != 0;
}

void keeper_finish(struct keeper *k)
{
	AUTO_JSON struct json_object *times = timing_to_json(&k->timing);
	AUTO_FREE char *tail = NULL;
	struct err err = { 0 };
	int r;

	if (k->timed_out)
		k->status = EXIT_TIMEOUT;
	if (k->guest_died)
		tail = console_tail(k);
	if (write_record(k, &err) < 0)
		send_text(k, KEEPER_NOTE, err.msg);
	if (keep_folder(k)) {
		r = write_exit(k, times, &err);
		if (r == 0)
			r = io_remove_tree(k->plan->vm->run, &err);
	} else {
		r = vmdir_remove(k->plan->vm, &err);
	}

	if (r < 0)
		send_text(k, KEEPER_NOTE, err.msg);
	send_text(k, KEEPER_TIMES, json_object_to_json_string(times));
	send_text(k, KEEPER_FAILURE, k->why.code ? k->why.msg : NULL);
	send_text(k, KEEPER_TAIL, tail);
	(void)frame_send_u32(&k->cli, KEEPER_END, (uint32_t)k->status);
}
