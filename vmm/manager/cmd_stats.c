/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_stats.c - `belljar stats`: what VMs take and do.  On a terminal the
 * picture is drawn anew each second until the user has seen enough or none of
 * the named VMs runs; elsewhere it is drawn once.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/manager/cli.h"
#include "vmm/manager/cmd.h"
#include "vmm/manager/gpu.h"
#include "vmm/manager/vmstat.h"

enum how { HOW_TABLE, HOW_JSON, HOW_PROMETHEUS, HOW_DEVICES };

struct stats {
	bool all, once, devices;
	enum how how;
	char **names;
	size_t nr_names;
	struct err *err;
};

enum { KEY_NO_STREAM = 0x100, KEY_DEVICES };

static const struct argp_option options[] = {
	{ "all", 'a', NULL, 0, "VMs that have ended too", 0 },
	{ "devices", KEY_DEVICES, NULL, 0,
	  "All figures of each device and vCPU", 0 },
	{ "format", 'f', "table|json|prometheus", 0, "How to print it", 0 },
	{ "no-stream", KEY_NO_STREAM, NULL, 0, "Only once, also on a terminal",
	  0 },
	{ 0 },
};

static int choose_format(struct stats *s, const char *arg)
{
	static const char *const names[] = {
		[HOW_TABLE] = "table",
		[HOW_JSON] = "json",
		[HOW_PROMETHEUS] = "prometheus",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(arg, names[i]) == 0) {
			s->how = (enum how)i;
			return 0;
		}
	return err_say(s->err, EINVAL,
		       "--format: '%s' is not one of table, json, prometheus",
		       arg);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct stats *s = state->input;

	switch (key) {
	case 'a':
		s->all = true;
		return 0;
	case 'f':
		return -choose_format(s, arg);
	case KEY_DEVICES:
		s->devices = true;
		return 0;
	case KEY_NO_STREAM:
		s->once = true;
		return 0;
	case ARGP_KEY_ARG:
		s->names = state->argv + state->next - 1;
		s->nr_names = (size_t)state->argc - (size_t)state->next + 1;
		state->next = state->argc;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int check(struct manager *mgr, struct stats *s, struct err *err)
{
	int r = 0;

	if (s->devices && s->how != HOW_TABLE)
		return err_say(err, EINVAL,
			       "--devices is a table; the other formats have "
			       "all figures anyway");
	if (s->devices)
		s->how = HOW_DEVICES;
	for (size_t i = 0; r == 0 && i < s->nr_names; i++) {
		struct vmdir vm = VMDIR_NONE;

		r = vmdir_find(mgr, s->names[i], &vm, err);
	}
	return r;
}

static int print(const struct stats *s, const struct vmstat_list *before,
		 const struct vmstat_list *now, FILE *to)
{
	switch (s->how) {
	case HOW_JSON:
		return vmstat_print_json(before, now, to);
	case HOW_PROMETHEUS:
		return vmstat_print_prometheus(now, to);
	case HOW_DEVICES:
		return vmstat_print_parts(now, to);
	default:
		return vmstat_print_table(before, now, to);
	}
}

/* Processor time is a difference: over this second. */
static void interval(void)
{
	struct timespec left = { .tv_sec = 1 };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

static int take(struct manager *mgr, const struct stats *s, bool ask,
		struct vmstat_list *ret, struct err *err)
{
	return vmstat_take(mgr, s->names, s->nr_names, s->all, ask, ret, err);
}

static int draw_once(struct manager *mgr, const struct stats *s,
		     struct err *err)
{
	struct vmstat_list before = { 0 }, now = { 0 };
	int r = 0;

	if (s->how == HOW_TABLE || s->how == HOW_JSON)
		r = take(mgr, s, false, &before, err);
	if (r == 0 && before.n)
		interval();
	if (r == 0)
		r = take(mgr, s, true, &now, err);
	if (r == 0 && print(s, &before, &now, stdout) < 0)
		r = err_set(err, ENOMEM, "print figures");
	vmstat_done(&before);
	vmstat_done(&now);
	return r;
}

/* Over the last picture, so that nothing flickers; what was longer goes. */
static int redraw(const struct stats *s, const struct vmstat_list *before,
		  const struct vmstat_list *now)
{
	AUTO_FREE char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int r = f ? print(s, before, now, f) : -ENOMEM;

	if (f && fclose(f) != 0)
		r = -ENOMEM;
	if (r < 0)
		return r;
	(void)fputs("\033[H", stdout);
	for (const char *p = text; *p; p++) {
		if (*p == '\n')
			(void)fputs("\033[K", stdout);
		(void)fputc(*p, stdout);
	}
	(void)fputs("\033[J", stdout);
	return fflush(stdout) == 0 ? 0 : -EIO;
}

static bool some_run(const struct vmstat_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].running)
			return true;
	return false;
}

static int stream(struct manager *mgr, const struct stats *s, struct err *err)
{
	struct vmstat_list before = { 0 }, now = { 0 };
	bool more = true;
	int r = 0;

	(void)fputs("\033[2J", stdout);
	while (more) {
		r = take(mgr, s, true, &now, err);
		if (r < 0)
			break;
		r = redraw(s, &before, &now);
		if (r < 0) {
			r = err_set(err, -r, "print figures");
			break;
		}
		more = s->nr_names == 0 || some_run(&now);
		vmstat_done(&before);
		before = now;
		now = (struct vmstat_list){ 0 };
		if (more)
			interval();
	}
	vmstat_done(&before);
	vmstat_done(&now);
	return r;
}

int cmd_stats(struct manager *mgr, int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[VM...]",
		.doc = "Print what VMs take of the host, and what their "
		       "devices did.",
	};
	struct err err;
	struct stats s = { .err = &err };

	int r = cli_parse(&argp, "belljar stats", argc, argv, &s, &err);
	if (r == CLI_HELPED)
		return 0;
	if (r == 0)
		r = vmdir_repair(mgr, &err);
	if (r == 0) {
		gpu_repair(mgr);
		r = check(mgr, &s, &err);
	}
	if (r == 0)
		r = s.once || s.how == HOW_PROMETHEUS || !isatty(STDOUT_FILENO)
			    ? draw_once(mgr, &s, &err)
			    : stream(mgr, &s, &err);
	return r < 0 ? cmd_fail(&err) : 0;
}
