/* SPDX-License-Identifier: Apache-2.0 */
/*
 * result.h - what `belljar compare` found: peers, rows, and every sample.  One
 * value, which the runner fills, stats.h judges, the writers print, and a file
 * keeps:
 *
 *	{
 *	  "version": 1,
 *	  "suite": "full", "image": "demo", "command": "python3 train.py",
 *	  "begun": "2025-01-31T12:00:00Z",
 *	  "runs": 20, "done": 20, "partial": false, "emulated": false,
 *	  "machine": { "cpu": "...", "cpus": 8, ... },
 *	  "peers": [ { "name": "runc", "version": "1.1.5" },
 *		     { "name": "gvisor", "absent": "no runsc in PATH" } ],
 *	  "rows": [
 *	    { "name": "sys.getpid", "group": "System calls",
 *	      "title": "getpid", "unit": "ns", "better": "lower",
 *	      "samples": { "runc": [ 61.5, 61.2, ... ] },
 *	      "failed": { "qemu": "the reason, a sentence" } },
 *	    { "name": "gpu.step", ..., "empty": "no GPU was asked for" }
 *	  ]
 *	}
 *
 * Samples are in the order in which they were taken, none left out.  Rows of a
 * tail (p90, p99) are not there: their samples are those of the row that they
 * are the tail of.  Group, title, unit and better are for readers of the file;
 * belljar itself goes by the name.
 */
#ifndef VMM_COMPARE_RESULT_H
#define VMM_COMPARE_RESULT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "vmm/compare/rows.h"
#include "vmm/lib/err.h"

#define RESULT_PEERS_MAX   8
#define RESULT_TEXT_MAX	   256
#define RESULT_SAMPLES_MAX 1000000 /* of one peer in one row */
#define RESULT_FILE_MAX	   (64UL << 20)

/* The samples of one peer in one row, in the order in which they were taken. */
struct samples {
	double *v;
	size_t n;
	size_t room;
	/* "": none.  Why there are none, or no more: shown, never left out. */
	char failed[RESULT_TEXT_MAX];
};

struct result_peer {
	char name[16]; /* "belljar" */
	char version[64];
	char absent[RESULT_TEXT_MAX]; /* "": it took part */
};

struct result {
	char suite[16]; /* "quick", "full", "training", or "command" */
	char image[RESULT_TEXT_MAX];
	char command[RESULT_TEXT_MAX]; /* words with blanks between */
	char begun[32]; /* ISO 8601, UTC */
	unsigned runs; /* rounds that were asked for */
	unsigned done; /* rounds that every peer finished */
	bool partial; /* stopped before its end */
	bool emulated; /* of hardware that is emulated: ratios only */
	struct json_object *machine; /* strings and numbers; owned */
	struct result_peer peers[RESULT_PEERS_MAX];
	size_t nr_peers;
	/* [row][peer]; rows of no samples and no failure were not in the suite
	 */
	struct samples samples[NR_ROWS][RESULT_PEERS_MAX];
	char empty[NR_ROWS][RESULT_TEXT_MAX]; /* why no peer could: GPU rows */
};

/* An empty one; NULL when memory has run out. */
struct result *result_new(void);

/* Accepts NULL. */
void result_free(struct result *res);

static inline void result_auto_free(struct result **res)
{
	result_free(*res);
}

#define AUTO_RESULT __attribute__((cleanup(result_auto_free)))

/* The index of peer @name, -1: none. */
int result_peer(const struct result *res, const char *name);

/*
 * Append one sample.  -ENOMEM, -EINVAL when it is no finite number, -E2BIG
 * beyond RESULT_SAMPLES_MAX.
 */
int result_add(struct result *res, enum row row, size_t peer, double value);

/* Say why @peer has no (more) samples of @row; the first reason stays. */
void result_fail(struct result *res, enum row row, size_t peer, const char *fmt,
		 ...) __attribute__((format(printf, 4, 5)));

/*
 * Whether anybody has samples of @row, or failed at it, or it is empty.  A tail
 * has what the row has that it is of.
 */
bool result_has(const struct result *res, enum row row);

/* The caller owns it; NULL when memory has run out. */
struct json_object *result_to_json(const struct result *res);

/* The same as text; *@ret_doc, which the caller owns, owns that. */
const char *result_to_text(const struct result *res,
			   struct json_object **ret_doc);

/*
 * Read what result_to_json() made, perhaps by another version: rows unknown
 * here are left out.  @res is empty before.  -EINVAL or -ENOENT with a
 * sentence.
 */
int result_from_json(struct json_object *doc, struct result *res,
		     struct err *err);

/* The same from the file @path, of at most RESULT_FILE_MAX bytes. */
int result_read(const char *path, struct result *res, struct err *err);

/* Replace the file @path by the result, as a whole (rename). */
int result_write(const struct result *res, const char *path, struct err *err);

#endif
