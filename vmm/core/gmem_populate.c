/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gmem_populate.c - all of guest RAM at once, before the guest runs.
 *
 * One team of threads for each host node, on that node's processors: zeroing
 * a page from a remote one costs twice.  A team takes its RAM in chunks from
 * a counter, so that a slow processor holds up nobody.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "vmm/core/gmem_priv.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/hostmem.h"

#define THREADS_MAX 16 /* of one team: memory is the limit before that */
#define CHUNK	    (UINT64_C(64) << 20)
#define STACK_SIZE  (256 << 10)

struct work {
	const struct gmem *gm;
	uint64_t chunk; /* bytes, a multiple of the page */
	bool stop; /* atomic: somebody failed */
	unsigned nr;
	struct team {
		struct work *work;
		int host_node;
		struct host_set cpus; /* .nr 0: wherever the process may run */
		uint64_t chunks;
		uint64_t next; /* atomic: the first chunk nobody took */
		int error; /* atomic: the last errno */
		unsigned nr;
		pthread_t thread[THREADS_MAX];
	} team[GMEM_MAX_NODES];
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* The threads inherit the mask; what is pending for the process shows here. */
static bool asked_to_end(void)
{
	sigset_t set;

	return sigpending(&set) == 0 && (sigismember(&set, SIGTERM) == 1 ||
					 sigismember(&set, SIGINT) == 1);
}

/* Where chunk @n of the team's ranges is. */
static unsigned char *find_chunk(const struct team *t, uint64_t n,
				 uint64_t *ret_len)
{
	uint64_t chunk = t->work->chunk;

	for (unsigned i = 0; i < t->work->gm->nr_ranges; i++) {
		const struct gmem_range *r = &t->work->gm->range[i];
		uint64_t nr = (r->size + chunk - 1) / chunk;

		if (r->host_node != t->host_node)
			continue;
		if (n < nr) {
			uint64_t left = r->size - n * chunk;

			*ret_len = left < chunk ? left : chunk;
			return r->host + n * chunk;
		}
		n -= nr;
	}
	return NULL;
}

static int populate(unsigned char *at, uint64_t len)
{
	while (!asked_to_end()) {
		if (madvise(at, len, MADV_POPULATE_WRITE) == 0)
			return 0;
		/* Again after a signal, or where a page was being moved. */
		if (errno != EINTR && errno != EAGAIN)
			return errno;
	}
	return EINTR;
}

static void *team_thread(void *arg)
{
	struct team *t = arg;
	struct work *w = t->work;
	uint64_t len = 0;

	/* A cpuset may forbid it: then from where we are. */
	if (t->cpus.nr > 0)
		(void)sched_setaffinity(0, sizeof(t->cpus.set), t->cpus.set);
	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		uint64_t n = __atomic_fetch_add(&t->next, 1, __ATOMIC_RELAXED);
		unsigned char *at = find_chunk(t, n, &len);
		int e = at ? populate(at, len) : 0;

		if (e != 0) {
			__atomic_store_n(&t->error, e, __ATOMIC_RELAXED);
			__atomic_store_n(&w->stop, true, __ATOMIC_RELAXED);
		}
		if (!at)
			break;
	}
	return NULL;
}

static struct team *team_of(struct work *w, int host_node)
{
	for (unsigned i = 0; i < w->nr; i++)
		if (w->team[i].host_node == host_node)
			return &w->team[i];
	w->team[w->nr] = (struct team){ .work = w, .host_node = host_node };
	return &w->team[w->nr++];
}

static int gather(struct work *w, struct err *err)
{
	const struct gmem *gm = w->gm;
	int r = 0;

	w->chunk = gm->page > CHUNK ? gm->page : CHUNK;
	for (unsigned i = 0; i < gm->nr_ranges; i++)
		team_of(w, gm->range[i].host_node)->chunks +=
			(gm->range[i].size + w->chunk - 1) / w->chunk;
	for (unsigned i = 0; r == 0 && i < w->nr; i++)
		if (w->team[i].host_node >= 0)
			r = host_node_cpus(gm->root,
					   (unsigned)w->team[i].host_node,
					   &w->team[i].cpus, err);
	return r;
}

/* One for each processor, and none that would find nothing to do. */
static unsigned threads_for(const struct team *t)
{
	struct host_set all = { 0 };
	unsigned nr = t->work->gm->threads;

	if (nr == 0) {
		nr = t->cpus.nr;
		if (nr == 0 &&
		    sched_getaffinity(0, sizeof(all.set), all.set) == 0)
			nr = (unsigned)CPU_COUNT_S(sizeof(all.set), all.set);
	}
	if (nr > THREADS_MAX)
		nr = THREADS_MAX;
	if (nr > t->chunks)
		nr = (unsigned)t->chunks;
	return nr > 0 ? nr : 1;
}

/* Fewer threads than wanted are slower; none at all is an error. */
static int start(struct team *t, struct err *err)
{
	unsigned want = threads_for(t);
	pthread_attr_t attr;
	int r = 0;

	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, STACK_SIZE);
	while (t->nr < want && r == 0) {
		r = pthread_create(&t->thread[t->nr], &attr, team_thread, t);
		if (r == 0)
			(void)pthread_setname_np(t->thread[t->nr++],
						 "populate");
	}
	(void)pthread_attr_destroy(&attr);
	return t->nr > 0 ? 0 : err_set(err, r, "start a thread for guest RAM");
}

static int is_there(const struct gmem *gm, int node, uint64_t need,
		    struct err *err)
{
	char where[32] = "";
	uint64_t have;
	int r = host_available(gm->root, node, &have, err);

	if (r < 0)
		return r;
	/* Page tables, the host's and KVM's, are 1/512 each. */
	if (need + need / 256 <= have)
		return 0;
	if (node >= 0)
		(void)snprintf(where, sizeof(where), " on NUMA node %d", node);
	return err_say(err, ENOMEM,
		       "%" PRIu64 " MiB of guest RAM are to be allocated now, "
		       "and this host has %" PRIu64
		       " MiB available%s; give the VM less memory, or end "
		       "something else",
		       need >> 20, have >> 20, where);
}

/* Of huge pages the pool was asked already. */
static int check_available(const struct work *w, struct err *err)
{
	uint64_t need = w->gm->size;
	struct stat st;
	int r = 0;

	if (w->gm->page > GMEM_PAGE_4K)
		return 0;
	for (unsigned i = 0; r == 0 && i < w->nr; i++)
		if (w->team[i].host_node >= 0)
			r = is_there(w->gm, w->team[i].host_node,
				     gmem_on_node(w->gm, w->team[i].host_node),
				     err);
	if (r < 0)
		return r;
	if (fstat(w->gm->fd, &st) == 0 && (uint64_t)st.st_blocks * 512 < need)
		need -= (uint64_t)st.st_blocks * 512;
	return is_there(w->gm, -1, need, err);
}

static int failed(const struct work *w, const struct team *t, struct err *err)
{
	bool huge = w->gm->page > GMEM_PAGE_4K;
	char where[32] = "";

	if (t->host_node >= 0)
		(void)snprintf(where, sizeof(where), " on NUMA node %d",
			       t->host_node);
	switch (t->error) {
	case EINTR:
		return err_say(err, EINTR,
			       "told to end while guest RAM was allocated");
	case EINVAL:
		return err_say(err, ENOTSUP,
			       "this host's kernel cannot allocate RAM in "
			       "advance (MADV_POPULATE_WRITE); use Linux 5.14 "
			       "or newer");
	case ENOMEM:
	case EFAULT: /* what would have been SIGBUS */
		return err_say(err, ENOMEM,
			       "the host ran out of %s%s while %" PRIu64
			       " MiB of guest RAM were allocated; another "
			       "process took them or a control group limits "
			       "them (%s.max): give the VM less memory",
			       huge ? "huge pages" : "pages", where,
			       w->gm->size >> 20, huge ? "hugetlb" : "memory");
	default:
		return err_set(err, t->error, "allocate guest RAM%s", where);
	}
}

static int run(struct work *w, unsigned *ret_threads, struct err *err)
{
	unsigned threads = 0;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < w->nr; i++) {
		r = start(&w->team[i], err);
		threads += w->team[i].nr;
	}
	if (r < 0)
		__atomic_store_n(&w->stop, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < w->nr; i++)
		for (unsigned n = 0; n < w->team[i].nr; n++)
			(void)pthread_join(w->team[i].thread[n], NULL);
	for (unsigned i = 0; r == 0 && i < w->nr; i++)
		if (w->team[i].error != 0)
			r = failed(w, &w->team[i], err);
	*ret_threads = threads;
	return r;
}

int gmem_populate(struct gmem *gm, struct gmem_report *ret, struct err *err)
{
	unsigned threads = 0;

	if (gm->report.bytes > 0) {
		*ret = gm->report;
		return 0;
	}
	AUTO_FREE struct work *w = calloc(1, sizeof(*w));
	if (!w)
		return err_set(err, ENOMEM, "allocate guest RAM");
	w->gm = gm;
	uint64_t begin = now_ns();
	int r = gather(w, err);
	if (r == 0)
		r = check_available(w, err);
	if (r == 0)
		r = run(w, &threads, err);
	if (r < 0)
		return r;
	gm->report =
		(struct gmem_report){ gm->size, threads, now_ns() - begin };
	*ret = gm->report;
	return 0;
}
