/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_compare.c - `belljar compare`: options, then either a comparison or an
 * earlier one printed again.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "vmm/compare/compare.h"
#include "vmm/compare/stats.h"
#include "vmm/compare/writers.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/lib/parse.h"
#include "vmm/manager/cli.h"
#include "vmm/manager/cmd.h"

#define RUNS_MAX 1000

enum {
	KEY_WITH = 0x100,
	KEY_RUNS,
	KEY_SUITE,
	KEY_FORMAT,
	KEY_REPORT,
	KEY_OUTPUT,
	KEY_FROM,
	KEY_AGREE,
	KEY_GPUS,
	KEY_CDI_SPEC_DIR,
	KEY_GPU_IMAGE,
	KEY_KERNEL,
	KEY_KERNEL_MODULES,
	KEY_KERNEL_MODULE,
	KEY_KERNEL_FIRMWARE,
};

static const struct argp_option options[] = {
	{ "with", KEY_WITH, "PEER[,PEER..]", 0,
	  "Only these of bare, runc, crun, belljar, qemu, gvisor (default: all "
	  "that are here); ratios are to the first of bare, runc, crun",
	  0 },
	{ "runs", KEY_RUNS, "N", 0, "Rounds (default: 5, or 10: --suite full)",
	  0 },
	{ "suite", KEY_SUITE, "quick|full|training|gpu", 0,
	  "What to measure when no IMAGE is given (default: quick)", 0 },
	{ "memory", 'm', "SIZE", 0,
	  "Memory of each (default: half of the host's, 2g at most)", 0 },
	{ "format", KEY_FORMAT, "table|json|csv|markdown", 0,
	  "Of what is printed (default: table)", 0 },
	{ "report", KEY_REPORT, "FILE.html", 0, "Write a page with plots too",
	  0 },
	{ "output", KEY_OUTPUT, "FILE.json", 0,
	  "Keep the samples in FILE (default: DATA/compare/compare-TIME.json)",
	  0 },
	{ "from", KEY_FROM, "FILE.json", 0,
	  "Measure nothing: print the result in FILE", 0 },
	{ "agree", KEY_AGREE, "FILE.json", 0,
	  "With --from: do both agree within their intervals?", 0 },
	{ "quiet", 'q', NULL, 0, "No progress", 0 },

	{ NULL, 0, NULL, 0, "GPU:", 1 },
	{ "gpus", KEY_GPUS, "all|1|device=GPU", 0,
	  "Measure this one, which each has in turn; as for 'belljar run'", 1 },
	{ "cdi-spec-dir", KEY_CDI_SPEC_DIR, "DIR", 0,
	  "Look for CDI files, which say what containers get, in DIR only", 1 },
	{ "gpu-image", KEY_GPU_IMAGE, "IMAGE", 0,
	  "For VMs that have it: an image with the driver's libraries", 1 },
	{ "kernel", KEY_KERNEL, "minimal|stock|FILE", 0,
	  "Of these VMs, as for 'belljar run'; so are the following", 1 },
	{ "kernel-modules", KEY_KERNEL_MODULES, "DIR|image", 0,
	  "Modules for it: the driver", 1 },
	{ "kernel-module", KEY_KERNEL_MODULE, "NAME[ PARAM=VALUE..]", 0,
	  "Load one of them in any case", 1 },
	{ "kernel-firmware", KEY_KERNEL_FIRMWARE, "DIR", 0,
	  "Firmware for the driver", 1 },
	{ 0 },
};

struct options {
	struct compare_plan plan;
	enum format format;
	const char *report, *output, *from, *agree;
	struct err *err;
};

static int set_with(struct options *o, char *list)
{
	const char *names[RESULT_PEERS_MAX + 1] = { NULL };
	char *save = NULL;

	for (size_t i = 0; i < RESULT_PEERS_MAX && peers_all[i]; i++)
		names[i] = peers_all[i]->name;
	memset(o->plan.with, 0, sizeof(o->plan.with));
	o->plan.chosen = false;
	for (char *word = strtok_r(list, ",", &save); word;
	     word = strtok_r(NULL, ",", &save)) {
		size_t i = 0;

		while (names[i] && strcmp(names[i], word) != 0)
			i++;
		if (!names[i]) {
			const char *near = cli_closest(word, names);

			return err_say(o->err, EINVAL,
				       "--with: no peer is called '%s'%s%s%s; "
				       "there are bare, runc, crun, belljar, "
				       "qemu and gvisor",
				       word, near ? " (did you mean '" : "",
				       near ? near : "", near ? "'?)" : "");
		}
		o->plan.with[i] = o->plan.chosen = true;
	}
	return o->plan.chosen ? 0
			      : err_say(o->err, EINVAL, "--with: name a peer");
}

static int set_suite(struct options *o, const char *name)
{
	o->plan.suite = suite_find(name);
	return o->plan.suite
		       ? 0
		       : err_say(o->err, EINVAL,
				 "--suite: there is no '%s'; there are quick, "
				 "full, training and gpu",
				 name);
}

static int set_format(struct options *o, const char *name)
{
	o->format = writers_format(name);
	if (o->format < NR_FORMATS && o->format != FORMAT_HTML)
		return 0;
	return err_say(o->err, EINVAL,
		       "--format: '%s' is none of table, json, csv and "
		       "markdown%s",
		       name,
		       o->format == FORMAT_HTML
			       ? "; --report FILE.html writes a page"
			       : "");
}

static int set_number(struct options *o, const char *text)
{
	uint64_t n;
	int r = parse_u64(text, "--runs", 1, RUNS_MAX, &n, o->err);

	if (r == 0)
		o->plan.runs = (unsigned)n;
	return r;
}

/* What `belljar run` is to be told of its kernel. */
static int set_kernel(struct options *o, int key, const char *arg)
{
	const char *name = key == KEY_KERNEL	       ? "kernel"
			   : key == KEY_KERNEL_MODULES ? "kernel-modules"
			   : key == KEY_KERNEL_MODULE  ? "kernel-module"
						       : "kernel-firmware";

	return strv_add(&o->plan.gpu.vm_options, "--%s=%s", name, arg) < 0
		       ? err_set(o->err, ENOMEM, "read options")
		       : 0;
}

static int set_cdi(struct options *o, const char *dir)
{
	return strv_add(&o->plan.gpu.cdi_dirs, "%s", dir) < 0
		       ? err_set(o->err, ENOMEM, "read options")
		       : 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case KEY_WITH:
		return -set_with(o, arg);
	case KEY_RUNS:
		return -set_number(o, arg);
	case KEY_SUITE:
		return -set_suite(o, arg);
	case 'm':
		return -parse_size(arg, "--memory", &o->plan.memory, o->err);
	case KEY_FORMAT:
		return -set_format(o, arg);
	case KEY_REPORT:
		o->report = arg;
		return 0;
	case KEY_OUTPUT:
		o->output = arg;
		return 0;
	case KEY_FROM:
		o->from = arg;
		return 0;
	case KEY_AGREE:
		o->agree = arg;
		return 0;
	case 'q':
		o->plan.quiet = true;
		return 0;
	case KEY_GPUS:
		return -device_parse_gpus(arg, &o->plan.gpu.asks, o->err);
	case KEY_CDI_SPEC_DIR:
		return -set_cdi(o, arg);
	case KEY_GPU_IMAGE:
		o->plan.gpu.image = arg;
		return 0;
	case KEY_KERNEL:
	case KEY_KERNEL_MODULES:
	case KEY_KERNEL_MODULE:
	case KEY_KERNEL_FIRMWARE:
		return -set_kernel(o, key, arg);
	case ARGP_KEY_ARG:
		/* The image: what follows is the command. */
		o->plan.image = arg;
		o->plan.command = state->argv + state->next;
		state->next = state->argc;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int check_gpu(const struct compare_plan *p, struct err *err)
{
	const struct gpu_plan *gpu = &p->gpu;

	if (gpu->asks.n && p->image)
		return err_say(err, EINVAL,
			       "--gpus is for the built-in image; leave it "
			       "out, or the image '%s'",
			       p->image);
	if (!gpu->asks.n && p->suite && strcmp(p->suite->name, SUITE_GPU) == 0)
		return err_say(err, EINVAL,
			       "--suite gpu needs a GPU: give --gpus too");
	if (!gpu->asks.n &&
	    (gpu->image || gpu->cdi_dirs.n || gpu->vm_options.n))
		return err_say(err, EINVAL,
			       "%s is about the GPU of --gpus; give that too",
			       gpu->image	 ? "--gpu-image"
			       : gpu->cdi_dirs.n ? "--cdi-spec-dir"
						 : "--kernel and the like");
	return 0;
}

static int check(const struct options *o, struct err *err)
{
	const struct compare_plan *p = &o->plan;

	if (p->image && p->suite)
		return err_say(err, EINVAL,
			       "--suite %s is for the built-in image; leave it "
			       "out, or the image '%s'",
			       p->suite->name, p->image);
	int r = check_gpu(p, err);
	if (r < 0)
		return r;
	if (o->from &&
	    (p->image || p->suite || p->chosen || p->runs || p->gpu.asks.n))
		return err_say(err, EINVAL,
			       "--from measures nothing; leave out the image "
			       "and what says how to measure");
	if (o->agree && !o->from)
		return err_say(err, EINVAL,
			       "--agree %s needs --from FILE: the other result",
			       o->agree);
	return 0;
}

/* Said before the measurements, which may take an hour. */
static int check_writable(const char *path, struct err *err)
{
	bool there = access(path, F_OK) == 0;
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0)
		return err_set(err, errno, "write '%s'", path);
	if (!there)
		(void)unlink(path);
	return 0;
}

static int write_report(const struct result *res, const char *path,
			struct err *err)
{
	AUTO_FREE char *page = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&page, &len);

	if (!f)
		return err_set(err, ENOMEM, "write '%s'", path);
	int r = html_write(res, f, err);
	if (fclose(f) != 0 && r == 0)
		r = err_set(err, ENOMEM, "write '%s'", path);
	return r < 0 ? r : io_write_file(path, page, len, err);
}

static int print(const struct options *o, const struct result *res,
		 struct err *err)
{
	int r = writers_render(res, o->format, stdout, err);

	if (r == 0 && o->report)
		r = write_report(res, o->report, err);
	return r;
}

/* Exit status 1: they do not. */
static int agree(const struct options *o, const struct result *res,
		 struct err *err)
{
	AUTO_RESULT struct result *other = result_new();
	struct agreement a;
	int r = other ? result_read(o->agree, other, err)
		      : err_set(err, ENOMEM, "read '%s'", o->agree);

	if (r == 0) {
		r = stats_agree(res, other, &a);
		if (r < 0)
			(void)err_set(err, -r, "compare two results");
	}
	if (r == 0) {
		double part = a.rows ? 100.0 * a.agree / a.rows : 0;

		(void)printf("%u of %u rows of a peer agree within their "
			     "intervals (%.1f%%); %u more have too few samples "
			     "to tell\n",
			     a.agree, a.rows, part, a.open);
		r = a.rows && part >= COMPARE_AGREE_PERCENT ? 0 : 1;
	}
	return r;
}

static int print_earlier(const struct options *o, struct result *res,
			 struct err *err)
{
	int r = result_read(o->from, res, err);

	if (r == 0 && o->agree)
		return agree(o, res, err);
	return r == 0 ? print(o, res, err) : r;
}

static int default_output(const struct manager *mgr, char path[PATH_MAX],
			  struct err *err)
{
	char dir[PATH_MAX], name[64];
	time_t now = time(NULL);
	struct tm tm;

	if (snprintf(dir, sizeof(dir), "%s/compare", mgr->data) >=
	    (int)sizeof(dir) - (int)sizeof(name))
		return err_set(err, ENAMETOOLONG, "'%s'", mgr->data);
	int r = io_mkdirs(dir, 0755, err);
	if (r < 0)
		return r;
	(void)localtime_r(&now, &tm);
	(void)strftime(name, sizeof(name), "compare-%Y%m%d-%H%M%S.json", &tm);
	(void)snprintf(path, PATH_MAX, "%.*s/%s", PATH_MAX - 80, dir, name);
	return 0;
}

/* Signals that end us are read from a descriptor, so that we can clean up. */
static int watch_signals(sigset_t *old)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, old);
	(void)signal(SIGPIPE, SIG_IGN); // NOLINT(cert-err33-c)
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int came(int stop)
{
	struct signalfd_siginfo info;

	return read(stop, &info, sizeof(info)) == sizeof(info)
		       ? (int)info.ssi_signo
		       : SIGINT;
}

/*
 * The first signal ends the measurements; what there is is kept.  From
 * then on the next one ends us, as nothing is left that would stay behind.
 */
static int measure(struct manager *mgr, struct options *o, struct result *res,
		   struct err *err)
{
	char path[PATH_MAX];
	int sig = 0;
	sigset_t old;

	if (o->report && check_writable(o->report, err) < 0)
		return cmd_fail(err);
	int r = o->output ? check_writable(o->output, err)
			  : default_output(mgr, path, err);
	if (r < 0)
		return cmd_fail(err);
	AUTO_CLOSE int stop = watch_signals(&old);
	r = stop < 0 ? err_set(err, errno, "watch for signals")
		     : compare_measure(mgr, &o->plan, stop, res, err);
	if (r == -EINTR)
		sig = came(stop);
	if (r == 0 || (sig && res->nr_peers && res->suite[0])) {
		const char *to = o->output ? o->output : path;

		r = result_write(res, to, err);
		if (r == 0)
			(void)fprintf(stderr, "belljar: samples are in '%s'\n",
				      to);
	}
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	if (r == 0)
		r = print(o, res, err);
	if (r < 0 && r != -EINTR)
		return cmd_fail(err);
	if (sig) {
		(void)fprintf(stderr, "belljar: interrupted\n");
		return 128 + sig;
	}
	if (compare_any(res))
		return 0;
	(void)err_say(err, EIO,
		      "no measurement succeeded; the reasons are in "
		      "the table");
	return cmd_fail(err);
}

int cmd_compare(struct manager *mgr, int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[IMAGE [COMMAND...]]",
		.doc = "Run the same image and command bare, in containers and "
		       "in VMs, and print what each costs.",
	};
	AUTO_RESULT struct result *res = result_new();
	struct err err = { 0 };
	struct options o = { .err = &err };

	if (!res)
		return cmd_fail((err_set(&err, ENOMEM, "compare"), &err));
	int r = cli_parse_before(&argp, "belljar compare", argc, argv, &o,
				 &err);
	if (r == 0)
		r = check(&o, &err);
	if (r < 0)
		r = cmd_fail(&err);
	else if (r == CLI_HELPED)
		r = 0;
	else if (o.from) {
		r = print_earlier(&o, res, &err);
		if (r < 0)
			r = cmd_fail(&err);
	} else {
		r = measure(mgr, &o, res, &err);
	}
	gpu_plan_done(&o.plan.gpu);
	return r;
}
