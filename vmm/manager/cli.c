/* SPDX-License-Identifier: Apache-2.0 */
/* cli.c - argp, with our own words for mistakes. */
#include "vmm/manager/cli.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#define KEY_HELP  0x1000
#define WORD_MAX  32 /* longest word that suggestions are made for */
#define WORDS_MAX 64

struct call {
	const struct argp *argp;
	const char *name;
	void *input;
	bool helped;
	struct err *err;
};

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/*
 * How many letters were missed, added, mistaken or swapped with their
 * neighbour; for words no longer than WORD_MAX.
 */
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][WORD_MAX + 1]; /* of letters i - 2, i - 1 and i */
	unsigned len = (unsigned)strlen(b);
	unsigned i = 0;

	for (unsigned j = 0; j <= len; j++)
		rows[0][j] = j;
	for (i = 1; a[i - 1]; i++) {
		unsigned *row = rows[i % 3];
		const unsigned *up = rows[(i + 2) % 3];
		const unsigned *up2 = rows[(i + 1) % 3];

		row[0] = i;
		for (unsigned j = 1; j <= len; j++) {
			row[j] = min3(up[j] + 1, row[j - 1] + 1,
				      up[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && up2[j - 2] + 1 < row[j])
				row[j] = up2[j - 2] + 1;
		}
	}
	return rows[(i + 2) % 3][len];
}

const char *cli_closest(const char *word, const char *const *words)
{
	const char *best = NULL;
	size_t least = 3; /* two mistakes at most */
	size_t len = strlen(word);

	for (; *words && len <= WORD_MAX; words++) {
		if (strlen(*words) > WORD_MAX)
			continue;
		/* Two letters of three wrong is another word. */
		size_t d = distance(word, *words);
		if (d < least && d * 2 <= len) {
			least = d;
			best = *words;
		}
	}
	return best;
}

int cli_choose(const char *option, const char *text, const char *no,
	       const char *yes, bool *ret, struct err *err)
{
	bool is_yes = strcmp(text, yes) == 0;

	if (!is_yes && strcmp(text, no) != 0)
		return err_say(err, EINVAL, "%s: '%s' is neither '%s' nor '%s'",
			       option, text, no, yes);
	*ret = is_yes;
	return 0;
}

int cli_only(const char *verb, const char *what, const char *text,
	     const char **ret, struct err *err)
{
	if (*ret)
		return err_say(err, EINVAL,
			       "%s takes one %s; '%s' is one too many", verb,
			       what, text);
	*ret = text;
	return 0;
}

static const struct argp_option *find_long(const struct argp_option *opts,
					   const char *name, size_t len)
{
	const struct argp_option *real = NULL;

	for (; opts->name || opts->key || opts->doc; opts++) {
		if (!(opts->flags & OPTION_ALIAS))
			real = opts;
		if (opts->name && strlen(opts->name) == len &&
		    strncmp(opts->name, name, len) == 0)
			return real;
	}
	return NULL;
}

static const struct argp_option *find_short(const struct argp_option *opts,
					    char c)
{
	for (; opts->name || opts->key || opts->doc; opts++)
		if (opts->key == c)
			return opts;
	return NULL;
}

static int explain_long(const struct call *call, const char *text)
{
	size_t len = strcspn(text + 2, "=");
	const struct argp_option *o =
		find_long(call->argp->options, text + 2, len);

	if (o && o->arg)
		return err_say(call->err, EINVAL,
			       "option '%s' needs a value; see '%s --help'",
			       text, call->name);
	if (o)
		return err_say(
			call->err, EINVAL,
			"option '--%.*s' takes no value; see '%s --help'",
			(int)len, text + 2, call->name);

	const char *names[WORDS_MAX + 1] = { NULL };
	char word[WORD_MAX + 1];
	size_t n = 0;

	for (o = call->argp->options; o->name || o->key || o->doc; o++)
		if (o->name && n < WORDS_MAX)
			names[n++] = o->name;
	(void)snprintf(word, sizeof(word), "%.*s", (int)len, text + 2);

	const char *near = cli_closest(word, names);
	return err_say(call->err, EINVAL,
		       "unknown option '--%.*s'%s%s%s; see '%s --help'",
		       (int)len, text + 2, near ? " (did you mean '--" : "",
		       near ? near : "", near ? "'?)" : "", call->name);
}

/* 1 when @text, a group of short options, holds the mistake. */
static int explain_short(const struct call *call, const char *text)
{
	for (const char *c = text + 1; *c; c++) {
		const struct argp_option *o =
			find_short(call->argp->options, *c);

		if (!o) {
			(void)err_say(call->err, EINVAL,
				      "unknown option '-%c'; see '%s --help'",
				      *c, call->name);
			return 1;
		}
		if (!o->arg)
			continue;
		if (c[1])
			return 0;
		(void)err_say(call->err, EINVAL,
			      "option '-%c' needs a value; see '%s --help'", *c,
			      call->name);
		return 1;
	}
	return 0;
}

/*
 * getopt stands behind a long option that it refused, and behind or on a
 * group of short ones.
 */
static void explain(const struct call *call, const struct argp_state *state)
{
	for (int i = state->next - 1; i <= state->next; i++) {
		const char *text =
			i > 0 && i < state->argc ? state->argv[i] : "";

		if (strncmp(text, "--", 2) == 0 && text[2]) {
			(void)explain_long(call, text);
			return;
		}
		if (text[0] == '-' && text[1] && explain_short(call, text))
			return;
	}
	(void)err_say(call->err, EINVAL,
		      "unexpected argument '%s'; see '%s --help'",
		      state->next < state->argc ? state->argv[state->next] : "",
		      call->name);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct call *call = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = call->input;
		return 0;
	case KEY_HELP:
		call->helped = true;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_ERROR:
		if (!call->err->code)
			explain(call, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void print_help(const struct argp *argp, const char *name)
{
	/* argp_help() does not write to it, but wants it writable. */
	char copy[64];

	(void)snprintf(copy, sizeof(copy), "%s", name);
	argp_help(argp, stdout,
		  ARGP_HELP_SHORT_USAGE | ARGP_HELP_DOC | ARGP_HELP_LONG, copy);
}

static int parse_line(const struct argp *argp, const char *name, int argc,
		      char **argv, unsigned flags, void *input, struct err *err)
{
	static const struct argp_option options[] = {
		{ "help", KEY_HELP, NULL, 0, "Print this help", -1 },
		{ 0 },
	};
	const struct argp_child children[] = { { argp, 0, NULL, 0 }, { 0 } };
	const struct argp whole = { .options = options,
				    .parser = parse,
				    .children = children };
	struct call call = {
		.argp = argp, .name = name, .input = input, .err = err
	};

	err->code = 0;
	error_t r =
		argp_parse(&whole, argc, argv,
			   flags | ARGP_NO_EXIT | ARGP_NO_ERRS | ARGP_NO_HELP,
			   NULL, &call);
	if (call.helped) {
		print_help(&whole, name);
		return CLI_HELPED;
	}
	if (r != 0 && !err->code)
		return err_say(err, EINVAL,
			       "the arguments make no sense; see '%s --help'",
			       name);
	return r ? -err->code : 0;
}

int cli_parse(const struct argp *argp, const char *name, int argc, char **argv,
	      void *input, struct err *err)
{
	return parse_line(argp, name, argc, argv, 0, input, err);
}

int cli_parse_before(const struct argp *argp, const char *name, int argc,
		     char **argv, void *input, struct err *err)
{
	return parse_line(argp, name, argc, argv, ARGP_IN_ORDER, input, err);
}
