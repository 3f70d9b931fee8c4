/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli.h - argp with docker's manners: options stop at the first argument, a
 * mistake gives one sentence with a hint, and nothing calls exit().
 */
#ifndef VMM_MANAGER_CLI_H
#define VMM_MANAGER_CLI_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

#include "vmm/lib/err.h"

#define CLI_HELPED 1 /* --help was asked for and printed */

/*
 * Parse @argv (argv[0] is skipped) by @argp, whose parser gets @input.
 * @name is what the user typed so far ("belljar run"), for help and hints.
 * `--help` is added to the options.  A parser that refuses a value fills the
 * err it finds in its own @input and returns a positive errno; cli_parse()
 * keeps that sentence.  Returns 0, CLI_HELPED, or -errno with a sentence.
 *
 * Options may follow arguments: of those the parser sees the first when it has
 * seen all options.
 */
int cli_parse(const struct argp *argp, const char *name, int argc, char **argv,
	      void *input, struct err *err);
/* The same where options come first: what follows has options of its own. */
int cli_parse_before(const struct argp *argp, const char *name, int argc,
		     char **argv, void *input, struct err *err);

/*
 * For parsers.  @text is one of two words, @no or @yes; the only argument of
 * @verb, called @what in its help.  0, or -errno with a sentence.
 */
int cli_choose(const char *option, const char *text, const char *no,
	       const char *yes, bool *ret, struct err *err);
int cli_only(const char *verb, const char *what, const char *text,
	     const char **ret, struct err *err);

/*
 * The word of @words (NULL-terminated) that @word most likely meant, or NULL
 * when none is near.
 */
const char *cli_closest(const char *word, const char *const *words);

#endif
