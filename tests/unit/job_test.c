/* SPDX-License-Identifier: Apache-2.0 */
/* job_test.c - jobs and what they take, with /bin/sh as the command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/compare/job.h"
#include "vmm/compare/proctree.h"
#include "vmm/manager/timing.h"

#define SECOND 1000000000ULL
#define MIB    (1ULL << 20)

static uint64_t in(unsigned seconds)
{
	return timing_now() + seconds * SECOND;
}

static struct job *start(struct job_spec spec, const char *script)
{
	char shell[] = "sh", option[] = "-c";
	char *argv[] = { shell, option, (char *)(uintptr_t)script, NULL };
	struct job *job = NULL;
	struct err err;

	spec.argv = argv;
	spec.lines = true;
	assert_int_equal(job_start(&spec, timing_now(), &job, &err), 0);
	return job;
}

static struct job *run(struct job_spec spec, const char *script)
{
	struct job *job = start(spec, script);
	struct err err = { 0 };

	if (jobs_finish(&job, 1, -1, in(20), &err) < 0)
		fail_msg("%s", err.msg);
	return job;
}

static void lines_come_with_their_times(void **state)
{
	(void)state;
	struct job *job = run((struct job_spec){ 0 },
			      "echo one; echo oops >&2; printf 'two\\r\\n'; "
			      "printf three; exit 7");
	struct job_line line[3];

	for (int i = 0; i < 3; i++)
		assert_true(job_line(job, &line[i]));
	assert_string_equal(line[0].text, "one");
	assert_string_equal(line[1].text, "two");
	assert_string_equal(line[2].text, "three");
	assert_false(job_line(job, &line[0]));
	assert_true(job->begin < job->first && job->first <= line[0].ns);
	/* Not before its exit: another process takes the time of that. */
	assert_true(line[0].ns <= line[1].ns && job->exit > job->begin);
	assert_int_equal(job->status, 7);

	char how[300];
	job_say(job, how, sizeof(how));
	assert_string_equal(how, "ended with status 7: oops");
	job_free(job);
}

static void a_signal_is_a_status(void **state)
{
	(void)state;
	struct job *job = run((struct job_spec){ 0 }, "kill -9 $$");

	assert_int_equal(job->status, 137);
	job_free(job);
}

static void what_is_no_program_says_so(void **state)
{
	char name[] = "/nowhere/at/all";
	char *argv[] = { name, NULL };
	const struct job_spec spec = { .argv = argv };
	struct job *job = NULL;
	struct err err;
	char how[300];

	(void)state;
	assert_int_equal(job_start(&spec, 1, &job, &err), 0);
	assert_int_equal(jobs_finish(&job, 1, -1, in(20), &err), 0);
	job_say(job, how, sizeof(how));
	assert_string_equal(how, "execute '/nowhere/at/all': No such file or "
				 "directory");
	job_free(job);
}

static int refuse(void *arg, struct err *err)
{
	return err_say(err, EPERM, "%s", (const char *)arg);
}

static void walls_that_fail_say_so(void **state)
{
	char why[] = "no walls";

	(void)state;
	struct job *job = run((struct job_spec){ .enter = refuse, .arg = why },
			      "echo here");

	assert_string_equal(job->failed, "no walls");
	assert_int_equal(job->nr_lines, 0);
	job_free(job);
}

static void input_reaches_it(void **state)
{
	struct job_line line;
	struct err err;

	(void)state;
	struct job *job =
		start((struct job_spec){ .input = true },
		      "echo ready; read x; echo got $x; cat; echo end");
	assert_int_equal(job_expect(job, "ready", -1, in(20), &line, &err), 0);
	assert_int_equal(job_write(job, "word\n"), 0);
	assert_int_equal(job_expect(job, "got word", -1, in(20), &line, &err),
			 0);
	job_close_input(job);
	assert_int_equal(job_expect(job, "end", -1, in(20), &line, &err), 0);
	job_free(job);
}

static void a_line_that_never_comes(void **state)
{
	struct job_line line;
	struct err err;

	(void)state;
	struct job *job = start((struct job_spec){ 0 }, "echo no >&2; exit 3");
	assert_int_equal(job_expect(job, "ready", -1, in(20), &line, &err),
			 -EPIPE);
	assert_string_equal(err.msg, "ended with status 3: no");
	job_free(job);

	job = start((struct job_spec){ .input = true }, "cat");
	assert_int_equal(job_expect(job, "ready", -1,
				    timing_now() + SECOND / 20, &line, &err),
			 -ETIMEDOUT);
	job_free(job);
}

/* Who makes a session of its own and loses its parent stays below. */
#define ESCAPE                                                                 \
	"setsid sh -c 'setsid sh -c \"echo \\$\\$; exec sleep 1000\" & exit' " \
	"& wait; "

static pid_t escaped(struct job *job)
{
	struct job_line line;
	struct err err;

	assert_int_equal(job_expect(job, "", -1, in(20), &line, &err), 0);
	return (pid_t)strtol(line.text, NULL, 10);
}

static void nothing_survives_its_end(void **state)
{
	struct err err;

	(void)state;
	struct job *job =
		start((struct job_spec){ .input = true }, ESCAPE "cat; exit 4");
	pid_t pid = escaped(job);
	job_close_input(job);
	assert_int_equal(jobs_finish(&job, 1, -1, in(20), &err), 0);
	assert_int_equal(job->status, 4);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
	job_free(job);
}

static void nothing_survives_job_free(void **state)
{
	(void)state;
	struct job *job = start((struct job_spec){ .input = true },
				ESCAPE "trap '' TERM INT; cat");
	pid_t pid = escaped(job);
	pid_t *pids = NULL;

	assert_true(proctree_list(job->warden, &pids) >= 2);
	free(pids);
	job_free(job);
	assert_int_equal(kill(pid, 0), -1);
}

/* Even SIGKILL for compare itself ends its jobs. */
static void nothing_survives_compare(void **state)
{
	pid_t *pid = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int ends[2];
	char byte;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	pid_t compare = fork();
	if (compare == 0) {
		(void)close(ends[0]);
		/* It holds the pipe until it ends, by the script's fd 9. */
		(void)dup2(ends[1], 2);
		struct job *job =
			start((struct job_spec){ .input = true }, ESCAPE "cat");
		*pid = escaped(job);
		(void)kill(getpid(), SIGKILL);
	}
	(void)close(ends[1]);
	(void)waitpid(compare, NULL, 0);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	/* Init's now, and killed: its end is a fact to wait for. */
	for (uint64_t end = in(20); kill(*pid, 0) == 0;)
		assert_true(timing_now() < end);
	(void)munmap(pid, 4096);
	(void)close(ends[0]);
}

#define BURN "i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done; "

static void cpu_time_of_all_is_counted_once(void **state)
{
	struct job_line line;
	uint64_t live = 0;
	struct err err;

	(void)state;
	struct job *job = start((struct job_spec){ .input = true },
				"(" BURN ") & (" BURN ") & wait; " BURN
				"echo ready; read x");
	assert_int_equal(job_expect(job, "ready", -1, in(60), &line, &err), 0);
	assert_int_equal(proctree_cpu(job->warden, &live), 0);
	job_close_input(job);
	assert_int_equal(jobs_finish(&job, 1, -1, in(20), &err), 0);
	/* Ticks of 10 ms for each of the two that had ended. */
	assert_true(live > 3000000);
	assert_true(job->cpu_ns + 1000000 >= live);
	assert_true(job->cpu_ns < live + 60000000);
	job_free(job);
}

/* A child that has 64 MiB of its own. */
static int take_memory(void *arg)
{
	size_t size = 64 * MIB;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char byte;

	(void)arg;
	memset(p, 1, size);
	(void)!write(1, "ready\n", 6);
	(void)!read(0, &byte, 1);
	return 0;
}

static void memory_of_all_is_counted(void **state)
{
	char name[] = "taker";
	char *argv[] = { name, NULL };
	const struct job_spec spec = {
		.argv = argv, .run = take_memory, .input = true, .lines = true
	};
	struct job_line line;
	struct job *job = NULL;
	uint64_t pss = 0;
	struct err err;

	(void)state;
	assert_int_equal(job_start(&spec, 1, &job, &err), 0);
	assert_int_equal(job_expect(job, "ready", -1, in(60), &line, &err), 0);
	assert_int_equal(proctree_pss(job->warden, &pss), 0);
	assert_true(pss >= 64 * MIB && pss < 160 * MIB);
	job_free(job);
}

static void a_stop_signal_interrupts(void **state)
{
	struct job_line line;
	struct err err;
	sigset_t set;

	(void)state;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR2);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	int stop = signalfd(-1, &set, SFD_CLOEXEC);
	struct job *job = start((struct job_spec){ .input = true }, "cat");

	(void)kill(getpid(), SIGUSR2);
	assert_int_equal(job_expect(job, "x", stop, in(20), &line, &err),
			 -EINTR);
	job_free(job);
	(void)close(stop);
}

/* Between begin and end: what cat does there, and not what sh did before. */
static void system_calls_are_told_apart(void **state)
{
	static struct notify notify;
	struct job_line line;
	struct err err;

	(void)state;
	struct job *job = start((struct job_spec){ .notify = &notify },
				"mkdir -p /tmp; echo begin; kill -0 $$; "
				"umask 022; echo end; exit 5");
	int r = job_expect(job, "begin", -1, in(20), &line, &err);
	if (r < 0 && strstr(job->failed, "watch system calls")) {
		job_free(job);
		skip();
	}
	assert_int_equal(r, 0);
	notify.recording = true;
	assert_int_equal(job_expect(job, "end", -1, in(20), &line, &err), 0);
	notify.recording = false;
	assert_int_equal(jobs_finish(&job, 1, -1, in(20), &err), 0);
	assert_int_equal(job->status, 5);
	assert_true(notify.seen[62]); /* kill, x86-64 */
	assert_true(notify.seen[95]); /* umask */
	assert_true(notify.seen[1]); /* write */
	assert_false(notify.seen[59]); /* execve came before */
	assert_true(notify_count(&notify) >= 3);
	job_free(job);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_with_their_times),
		cmocka_unit_test(a_signal_is_a_status),
		cmocka_unit_test(what_is_no_program_says_so),
		cmocka_unit_test(walls_that_fail_say_so),
		cmocka_unit_test(input_reaches_it),
		cmocka_unit_test(a_line_that_never_comes),
		cmocka_unit_test(nothing_survives_its_end),
		cmocka_unit_test(nothing_survives_job_free),
		cmocka_unit_test(nothing_survives_compare),
		cmocka_unit_test(cpu_time_of_all_is_counted_once),
		cmocka_unit_test(memory_of_all_is_counted),
		cmocka_unit_test(a_stop_signal_interrupts),
		cmocka_unit_test(system_calls_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
