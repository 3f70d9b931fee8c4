/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_doctor.c - `belljar doctor`: can this machine run VMs, and if not why. */
#include <stdbool.h>
#include <stdio.h>

#include "vmm/lib/json.h"
#include "vmm/manager/checks.h"
#include "vmm/manager/cli.h"
#include "vmm/manager/cmd.h"

static const char *const level_names[] = { "ok", "warn", "fail" };

struct doctor {
	bool json;
	struct err *err;
};

static const struct argp_option options[] = {
	{ "format", 'f', "text|json", 0, "How to print it", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct doctor *d = state->input;

	if (key != 'f')
		return ARGP_ERR_UNKNOWN;
	return -cli_choose("--format", arg, "text", "json", &d->json, d->err);
}

static struct json_object *check_json(const char *thing, const struct check *c)
{
	struct json_object *o = json_object_new_object();

	json_put_str(o, "thing", thing);
	json_put_str(o, "level", level_names[c->level]);
	json_put_str(o, "fact", c->fact);
	if (c->remedy[0])
		json_put_str(o, "remedy", c->remedy);
	return o;
}

int cmd_doctor(struct manager *mgr, int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Check whether this machine can run VMs: exit status 0 "
		       "when it can, 1 when not.",
	};
	struct err err;
	struct doctor d = { .err = &err };
	bool runnable = true;

	int r = cli_parse(&argp, "belljar doctor", argc, argv, &d, &err);
	if (r != 0)
		return r < 0 ? cmd_fail(&err) : 0;

	AUTO_JSON struct json_object *list = json_object_new_array();
	for (const struct check_question *q = check_questions; q->thing; q++) {
		struct check c = { .fact = "" };

		q->ask(mgr, &c);
		runnable = runnable && c.level != CHECK_FAIL;
		if (d.json)
			(void)json_object_array_add(list,
						    check_json(q->thing, &c));
		else
			(void)printf("%-4s  %s: %s%s%s\n", level_names[c.level],
				     q->thing, c.fact, c.remedy[0] ? "; " : "",
				     c.remedy);
	}
	if (d.json)
		(void)printf("%s\n", json_object_to_json_string_ext(
					     list, JSON_C_TO_STRING_PRETTY));
	return runnable ? 0 : 1;
}
