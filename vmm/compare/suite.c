/* SPDX-License-Identifier: Apache-2.0 */
/* suite.c - what --suite means. */
#include <stddef.h>
#include <string.h>

#include "vmm/compare/runner.h"

static const char *const all_programs[] = {
	"cpu.integer",	    "cpu.float",   "cpu.matrix",   "ram.copy",
	"ram.random",	    "sys.getpid",  "sys.pipe",	   "sys.forkexec",
	"sys.fault",	    "sys.mmap",	   "block.random", "block.read",
	"block.write",	    "block.fsync", "train.step",   "train.loader",
	"train.checkpoint", NULL,
};

static const char *const training_programs[] = {
	"cpu.matrix",	"block.read",	    "train.step",
	"train.loader", "train.checkpoint", NULL,
};

static const struct suite suites[] = {
	{ .name = "quick",
	  .runs = 5,
	  .budget_ms = 200,
	  .starts = 4,
	  .idle = 3,
	  .peak_mib = 64,
	  .programs = all_programs,
	  .measures = { &measure_start, &measure_memory, &measure_programs,
			&measure_net, &measure_isolation, &measure_gpu } },
	{ .name = "full",
	  .runs = 10,
	  .budget_ms = 1000,
	  .starts = 10,
	  .idle = 10,
	  .peak_mib = 256,
	  .programs = all_programs,
	  .measures = { &measure_start, &measure_memory, &measure_programs,
			&measure_net, &measure_isolation, &measure_gpu } },
	{ .name = "training",
	  .runs = 10,
	  .budget_ms = 1000,
	  .starts = 4,
	  .programs = training_programs,
	  .measures = { &measure_start, &measure_programs, &measure_gpu } },
	{ .name = SUITE_GPU,
	  .runs = 10,
	  .budget_ms = 500,
	  .measures = { &measure_gpu } },
};

const struct suite suite_command = {
	.name = "command",
	.runs = 5,
	.measures = { &measure_command },
};

const struct suite *suite_find(const char *name)
{
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		if (strcmp(suites[i].name, name) == 0)
			return &suites[i];
	return NULL;
}
