/* SPDX-License-Identifier: Apache-2.0 */
/* qemu_job.c - the guest's end of qemu_job.h. */
#include "images/compare/qemu_job.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* What has not been taken yet. */
struct rest {
	char *at, *end;
};

/* The next string, or NULL.  The last byte of all is known to be NUL. */
static char *next(struct rest *rest)
{
	char *text = rest->at;

	if (text == rest->end)
		return NULL;
	rest->at += strlen(text) + 1;
	return text;
}

static int next_number(struct rest *rest, unsigned long max, const char *what,
		       unsigned *ret, struct err *err)
{
	const char *text = next(rest);
	char *end = NULL;

	if (!text || text[0] < '0' || text[0] > '9')
		return err_say(err, EINVAL, "the job has no %s", what);
	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	if (errno || *end || value > max)
		return err_say(err, EINVAL, "the job's %s is '%s'", what, text);
	*ret = (unsigned)value;
	return 0;
}

static int parse_words(struct rest *rest, struct qemu_job *job, struct err *err)
{
	unsigned n = 0;
	int r = next_number(rest, QEMU_JOB_WORDS_MAX, "number of words", &n,
			    err);
	if (r < 0)
		return r;
	if (n == 0)
		return err_say(err, EINVAL, "the job has no command");

	job->words = calloc(n + 1, sizeof(*job->words));
	if (!job->words)
		return err_set(err, ENOMEM, "keep the job's words");
	for (unsigned i = 0; i < n; i++) {
		job->words[i] = next(rest);
		if (!job->words[i])
			return err_say(err, EINVAL,
				       "the job has %u words instead of %u", i,
				       n);
	}
	return 0;
}

static int parse_env(struct rest *rest, struct qemu_job *job, struct err *err)
{
	size_t n = 0, room = 0;

	for (const char *p = rest->at; p < rest->end; p += strlen(p) + 1)
		room++;
	job->env = calloc(room + 1, sizeof(*job->env));
	if (!job->env)
		return err_set(err, ENOMEM, "keep the job's environment");

	for (char *text = next(rest); text; text = next(rest)) {
		const char *sign = strchr(text, '=');

		if (!sign || sign == text)
			return err_say(err, EINVAL,
				       "the job's environment has '%s'", text);
		job->env[n++] = text;
	}
	return 0;
}

int qemu_job_parse(char *data, size_t len, struct qemu_job *ret,
		   struct err *err)
{
	struct rest rest = { data, data + len };

	*ret = (struct qemu_job){ 0 };
	if (len == 0 || data[len - 1] != '\0')
		return err_say(err, EINVAL, "the job does not end with a NUL");

	ret->cwd = next(&rest);
	if (!ret->cwd || ret->cwd[0] != '/')
		return err_say(err, EINVAL, "the job has no directory");
	/* -1 would mean "leave it as it is" to some calls. */
	int r = next_number(&rest, UINT_MAX - 1, "user", &ret->uid, err);
	if (r == 0)
		r = next_number(&rest, UINT_MAX - 1, "group", &ret->gid, err);
	if (r == 0)
		r = parse_words(&rest, ret, err);
	return r < 0 ? r : parse_env(&rest, ret, err);
}

void qemu_job_done(struct qemu_job *job)
{
	free(job->words);
	free(job->env);
	*job = (struct qemu_job){ 0 };
}
