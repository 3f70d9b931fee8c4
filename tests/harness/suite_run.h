/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suite_run.h - run the program of images/compare as a child, as the tests of
 * it do.  Whatever goes wrong here fails the test.
 */
#ifndef TESTS_HARNESS_SUITE_RUN_H
#define TESTS_HARNESS_SUITE_RUN_H

#include <sys/resource.h>
#include <sys/types.h>

#define SUITE_WORDS_MAX 8
#define SUITE_TEXT_MAX	65536

/* A run of the program: its ends of pipes, what it said, how it ended. */
struct suite_run {
	pid_t pid;
	int in, out, err; /* @in: -1 when it has been closed */
	/* By suite_finish(): the rest of standard output, and error. */
	char text[SUITE_TEXT_MAX], said[SUITE_TEXT_MAX];
	int status; /* -1: a signal */
};

/*
 * @words is NULL-terminated.  No file of it may grow beyond @file_max bytes;
 * 0 for no limit.
 */
void suite_start(struct suite_run *r, const char *const *words,
		 rlim_t file_max);

/* The same with @name, another program of the image. */
void suite_start_other(struct suite_run *r, const char *name,
		       const char *const *words, rlim_t file_max);

/* Close its standard input, and wait for its end. */
void suite_finish(struct suite_run *r);

/* The next line is @want, exactly. */
void suite_expect(const struct suite_run *r, const char *want);
void suite_send_line(const struct suite_run *r);

/* Start and finish. */
#define SUITE_RUN(r, file_max, ...)                                            \
	do {                                                                   \
		const char *const run_words[SUITE_WORDS_MAX + 1] = {           \
			__VA_ARGS__                                            \
		};                                                             \
		suite_start(r, run_words, file_max);                           \
		suite_finish(r);                                               \
	} while (0)

#endif
