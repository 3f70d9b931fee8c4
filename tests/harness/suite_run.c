/* SPDX-License-Identifier: Apache-2.0 */
/* suite_run.c - run the program of images/compare as a child. */
#include "tests/harness/suite_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/lib/io.h"

static void limit_file_size(rlim_t size)
{
	struct rlimit lim = { size, size };

	if (setrlimit(RLIMIT_FSIZE, &lim) < 0)
		_exit(99);
}

void suite_start(struct suite_run *r, const char *const *words, rlim_t file_max)
{
	suite_start_other(r, "suite", words, file_max);
}

void suite_start_other(struct suite_run *r, const char *name,
		       const char *const *words, rlim_t file_max)
{
	const char *build = getenv("BELLJAR_BUILD");
	char program[4096];
	char *argv[SUITE_WORDS_MAX + 2] = { program };
	int in[2], out[2], err[2];

	for (size_t i = 0; i < SUITE_WORDS_MAX && words[i]; i++)
		argv[i + 1] = (char *)(uintptr_t)words[i];
	(void)snprintf(program, sizeof(program), "%s/compare/%s",
		       build ? build : "build", name);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);

	r->pid = fork();
	assert_true(r->pid >= 0);
	if (r->pid == 0) {
		(void)dup2(in[0], STDIN_FILENO);
		(void)dup2(out[1], STDOUT_FILENO);
		(void)dup2(err[1], STDERR_FILENO);
		if (file_max)
			limit_file_size(file_max);
		(void)execv(program, argv);
		_exit(99);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	(void)close(err[1]);
	r->in = in[1];
	r->out = out[0];
	r->err = err[0];
}

static void collect(int fd, char *to)
{
	ssize_t n = io_read_full(fd, to, SUITE_TEXT_MAX - 1);

	assert_true(n >= 0);
	to[n] = '\0';
	(void)close(fd);
}

void suite_finish(struct suite_run *r)
{
	int status;

	if (r->in >= 0)
		(void)close(r->in);
	collect(r->out, r->text);
	collect(r->err, r->said);
	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
	r->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void suite_expect(const struct suite_run *r, const char *want)
{
	char line[64] = "";
	size_t n = 0;

	while (n < sizeof(line) - 1 && read(r->out, line + n, 1) == 1 &&
	       line[n] != '\n')
		n++;
	line[n] = '\0';
	assert_string_equal(line, want);
}

void suite_send_line(const struct suite_run *r)
{
	assert_int_equal(io_write_full(r->in, "\n", 1), 0);
}
