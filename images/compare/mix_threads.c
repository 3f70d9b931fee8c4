/* SPDX-License-Identifier: Apache-2.0 */
/* mix_threads.c - memory, and threads that share it. */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "images/compare/mix.h"
#include "images/compare/suite.h"

#define THREADS 2
#define TURNS	32

int mix_memory(struct err *err)
{
	char *p = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return err_set(err, errno, "map memory");

	int r = 0;
	for (size_t i = 0; i < MIB; i += 4 * KIB)
		p[i] = 1;
	if (mprotect(p, MIB, PROT_READ) < 0)
		r = err_set(err, errno, "protect memory");
	else if (madvise(p, MIB, MADV_DONTNEED) < 0)
		r = err_set(err, errno, "give memory back");
	if (munmap(p, MIB) < 0 && r == 0)
		r = err_set(err, errno, "unmap memory");
	return r;
}

/* Who may go on; the others sleep on a futex. */
struct turns {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned turn; /* under @lock */
};

struct player {
	struct turns *turns;
	unsigned me;
	pthread_t thread;
};

static void *play(void *arg)
{
	const struct player *p = arg;
	struct turns *t = p->turns;

	for (unsigned n = 0; n < TURNS; n++) {
		(void)pthread_mutex_lock(&t->lock);
		while (t->turn % THREADS != p->me)
			(void)pthread_cond_wait(&t->changed, &t->lock);
		t->turn++;
		(void)pthread_cond_broadcast(&t->changed);
		(void)pthread_mutex_unlock(&t->lock);
	}
	return NULL;
}

int mix_threads(struct err *err)
{
	struct turns turns = {
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER,
	};
	/* Number 0 is this thread, so that nobody waits for one not there. */
	struct player players[THREADS] = { { .turns = &turns, .me = 0 },
					   { .turns = &turns, .me = 1 } };

	int r = -pthread_create(&players[1].thread, NULL, play, &players[1]);
	if (r < 0)
		return err_set(err, -r, "start a thread");
	(void)play(&players[0]);
	r = -pthread_join(players[1].thread, NULL);
	if (r < 0)
		return err_set(err, -r, "wait for a thread");
	return turns.turn == THREADS * TURNS
		       ? 0
		       : err_say(err, EPROTO, "threads lost a turn");
}
