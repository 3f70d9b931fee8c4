/* SPDX-License-Identifier: Apache-2.0 */
/* config_console.c - the value of --console. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/lib/parse.h"
#include "vmm/monitor/config_priv.h"

/* That of the terminal which it is, if it is one; what was given stays. */
static void ask_size(struct config *c)
{
	struct winsize size;

	if (c->console_cols || c->console_rows ||
	    ioctl(c->console_out, TIOCGWINSZ, &size) < 0)
		return;
	c->console_cols = size.ws_col;
	c->console_rows = size.ws_row;
}

static int set_size(struct config *c, char *opts, struct err *err)
{
	static char key_cols[] = "cols", key_rows[] = "rows";
	static char *const keys[] = { key_cols, key_rows, NULL };
	uint16_t *const size[] = { &c->console_cols, &c->console_rows };
	uint64_t n;
	char *value;

	while (opts && *opts) {
		const char *option = opts;
		int key = getsubopt(&opts, keys, &value);

		if (key < 0 || !value)
			return err_say(err, EINVAL,
				       "--console: '%s' is not an option of "
				       "it; there are cols=N and rows=N",
				       option);
		int r = parse_u64(value,
				  key ? "--console: rows" : "--console: cols",
				  1, UINT16_MAX, &n, err);
		if (r < 0)
			return r;
		*size[key] = (uint16_t)n;
	}
	if (!c->console_cols != !c->console_rows)
		return err_say(err, EINVAL,
			       "--console: cols and rows go together");
	return 0;
}

/* A descriptor that can be read is input, too. */
static bool both_ways(int fd)
{
	return (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR;
}

int config_set_console(struct config *c, char *arg, struct err *err)
{
	char *opts = strchr(arg, ',');
	int r;

	if (opts)
		*opts++ = '\0';
	r = set_size(c, opts, err);
	if (r < 0)
		return r;
	c->console = true;
	if (strcmp(arg, "stdio") == 0) {
		c->console_out = STDOUT_FILENO;
		c->console_in = STDIN_FILENO;
	} else {
		r = config_set_fd(&c->console_out,
				  config_open_res(arg,
						  O_WRONLY | O_CREAT | O_APPEND,
						  err));
		if (r < 0)
			return r;
		c->console_in = both_ways(c->console_out) ? c->console_out : -1;
	}
	ask_size(c);
	return 0;
}
