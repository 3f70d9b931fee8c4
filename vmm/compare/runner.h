/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runner.h - the rounds of a comparison: which measurements, of which peers,
 * in which order.  In each round every measurement is made of every peer in
 * turn, and the turn begins with another peer each round, so that what changes
 * with time (clock rates, caches, neighbours) meets all of them alike.
 */
#ifndef VMM_COMPARE_RUNNER_H
#define VMM_COMPARE_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/compare/peer.h"
#include "vmm/compare/result.h"

#define SUITE_IMAGE  "belljar-compare:latest"
#define SUITE_GPU    "gpu" /* nothing else: it needs --gpus */
#define MEASURES_MAX 8
#define ROWS_MAX     32 /* of one measurement */

struct runner;

/* One kind of measurement. */
struct measure {
	const char *name; /* for progress: "start" */
	bool warm; /* has a round before those that count */
	/*
	 * Measure @peer once and add its samples.  -EINTR: told to stop.  Any
	 * other failure is that of all @rows, and ends them for this peer.
	 */
	int (*run)(struct runner *run, size_t peer, struct err *err);
	/* After all peers' turns, where they are judged together; may be NULL.
	 */
	void (*judge)(struct runner *run);
	/* Whether it is to be made at all; NULL: yes. */
	bool (*wanted)(const struct runner *run);
	/* Instead of failing @rows; may be NULL. */
	void (*fail)(struct runner *run, size_t peer, const char *why);
	size_t nr_rows;
	enum row rows[ROWS_MAX];
};

extern const struct measure measure_start, measure_memory, measure_programs,
	measure_net, measure_isolation, measure_gpu, measure_command;

/* What a suite consists of, and how long it may take. */
struct suite {
	const char *name;
	unsigned runs; /* rounds, unless --runs says otherwise */
	unsigned budget_ms; /* of each row of a program */
	unsigned starts; /* one after the other, in each round */
	unsigned idle; /* instances at once */
	unsigned peak_mib;
	const char *const *programs; /* rows, ended by NULL */
	const struct measure *measures[MEASURES_MAX]; /* ended by NULL */
};

extern const struct suite suite_command;

/* "quick", "full", "training", "gpu", or NULL. */
const struct suite *suite_find(const char *name);

struct runner {
	struct result *res;
	const struct suite *suite;
	struct peer_world world;
	/* By their index in res->peers; NULL: absent. */
	const struct peer_ops *peers[RESULT_PEERS_MAX];
	char *const *command; /* of measure_command */
	uint64_t memory; /* bytes of each instance */
	unsigned cpus; /* of this machine */
	int stop; /* signalfd */
	bool quiet;
	bool drawn; /* a line of progress is there */
	/* The round that is being made. */
	bool counted; /* no warm-up */
	unsigned round;
	const struct measure *measure;
	bool dead[MEASURES_MAX][RESULT_PEERS_MAX]; /* failed before */
	struct turn *turns; /* measure_command's, one a peer */
};

/* All rounds.  0, or -EINTR when told to stop: what there is was kept. */
int runner_run(struct runner *run, unsigned runs);

/* Add a sample, unless this is the warm-up. */
void runner_add(struct runner *run, enum row row, size_t peer, double value);

/* What a line of a program said. */
struct said {
	enum row row; /* NR_ROWS: nothing for us */
	bool failed;
	double ops; /* of a value: how many it is of; 0: not said */
	const char *why; /* of a failure; in the line */
};

/*
 * Take a line of a program: "value ROW NUMBER [OPS]" or "failed ROW SENTENCE".
 * @text is taken apart.
 */
struct said runner_take(struct runner *run, size_t peer, char *text);

/* An instance of @peer that runs @args; begin is in its job. */
int runner_start(struct runner *run, size_t peer, const struct peer_job *job,
		 struct notify *notify, struct instance **ret, struct err *err);

/* A time limit that says that something hangs: ns from now. */
uint64_t runner_limit(unsigned extra_ms);

/* For people: "round 2 of 5: start: crun". */
void runner_say(struct runner *run, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void runner_say_end(struct runner *run);

#endif
