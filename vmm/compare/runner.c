/* SPDX-License-Identifier: Apache-2.0 */
/* runner.c - rounds, turns, and what becomes of those that fail. */
#include "vmm/compare/runner.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/manager/timing.h"

#define NS_PER_MS 1000000ULL
/* Emulated hardware takes a hundred times as long as any other. */
#define LIMIT_MS 300000U

void runner_add(struct runner *run, enum row row, size_t peer, double value)
{
	/* A value that is no number is a failure of its measurement. */
	if (run->counted && result_add(run->res, row, peer, value) == -EINVAL)
		result_fail(run->res, row, peer, "measured no finite number");
}

struct said runner_take(struct runner *run, size_t peer, char *text)
{
	struct said said = { .row = NR_ROWS };
	char *save = NULL, *ops;
	const char *word = strtok_r(text, " ", &save);
	const char *name = strtok_r(NULL, " ", &save);
	const char *rest = strtok_r(NULL, "", &save);
	enum row row = name ? row_find(name) : NR_ROWS;

	if (row == NR_ROWS)
		return said;
	if (strcmp(word, "failed") == 0) {
		said = (struct said){ .row = row,
				      .failed = true,
				      .why = rest ? rest : "failed" };
		result_fail(run->res, row, peer, "%s", said.why);
	} else if (rest && strcmp(word, "value") == 0) {
		runner_add(run, row, peer, strtod(rest, &ops));
		said = (struct said){ .row = row, .ops = strtod(ops, NULL) };
	}
	return said;
}

uint64_t runner_limit(unsigned extra_ms)
{
	return timing_now() + (LIMIT_MS + extra_ms) * NS_PER_MS;
}

int runner_start(struct runner *run, size_t peer, const struct peer_job *job,
		 struct notify *notify, struct instance **ret, struct err *err)
{
	return instance_start(run->peers[peer], &run->world, job, notify,
			      run->measure != &measure_command, ret, err);
}

void runner_say(struct runner *run, const char *fmt, ...)
{
	bool tty = isatty(STDERR_FILENO);
	char text[160];
	va_list ap;

	if (run->quiet)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (tty)
		(void)fprintf(stderr, "\r\033[K%s", text);
	else
		(void)fprintf(stderr, "%s\n", text);
	run->drawn = tty;
}

void runner_say_end(struct runner *run)
{
	if (run->drawn)
		(void)fputs("\r\033[K", stderr);
	run->drawn = false;
}

/* Rows of tails have no samples of their own. */
static void fail(struct runner *run, size_t peer, const char *why)
{
	const struct measure *m = run->measure;

	if (m->fail)
		m->fail(run, peer, why);
	for (size_t i = 0; i < m->nr_rows; i++)
		result_fail(run->res, m->rows[i], peer, "%s", why);
}

static int turn(struct runner *run, size_t which, size_t peer, unsigned runs)
{
	struct err err = { 0 };

	if (!run->peers[peer] || run->dead[which][peer])
		return 0;
	if (run->counted)
		runner_say(run, "round %u of %u: %s: %s", run->round, runs,
			   run->measure->name, run->peers[peer]->name);
	else
		runner_say(run, "warm-up: %s: %s", run->measure->name,
			   run->peers[peer]->name);
	int r = run->measure->run(run, peer, &err);
	if (r == -EINTR)
		return r;
	if (r < 0) {
		run->dead[which][peer] = true;
		fail(run, peer, err.msg);
	}
	return 0;
}

static int one_round(struct runner *run, unsigned runs)
{
	size_t n = run->res->nr_peers;

	for (size_t m = 0; m < MEASURES_MAX && run->suite->measures[m]; m++) {
		run->measure = run->suite->measures[m];
		if (!run->counted && !run->measure->warm)
			continue;
		if (run->measure->wanted && !run->measure->wanted(run))
			continue;
		for (size_t k = 0; k < n; k++) {
			int r = turn(run, m, (k + run->round) % n, runs);

			if (r < 0)
				return r;
		}
		if (run->measure->judge)
			run->measure->judge(run);
	}
	return 0;
}

int runner_run(struct runner *run, unsigned runs)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i <= runs; i++) {
		run->round = i;
		run->counted = i > 0;
		r = one_round(run, runs);
		if (r == 0)
			run->res->done = i;
	}
	runner_say_end(run);
	run->res->partial = r < 0;
	return r;
}
