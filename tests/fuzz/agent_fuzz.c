/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_fuzz.c - the keeper's side of the agent protocol: a guest's init that
 * says anything, while the CLI types.  (The guest's side: init_fuzz.c.)
 *
 *   how     1 byte: which options the user gave
 *   then    1 byte whose record it is and how it is cut, and the record
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/input.h"
#include "tests/fuzz/records.h"
#include "vmm/manager/keeper_priv.h"

static struct keeper keeper;

static void drain(int fd)
{
	static uint8_t sink[65536];

	while (recv(fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
		;
}

static void open_link(struct frame_link *l, int *ret_peer)
{
	int pair[2];

	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	l->in_off = l->in_len = 0;
	l->out = NULL;
	l->out_off = l->out_len = l->out_size = 0;
	frame_open(l, pair[0]);
	*ret_peer = pair[1];
}

/* The keeper's loop until there is nothing to read. */
static int serve(int agent, int cli)
{
	int r = 0;

	for (int i = 0; r == 0 && i < 64 && keeper.agent.fd >= 0; i++) {
		size_t before = keeper.agent.in_len;

		r = keeper_agent_read(&keeper);
		if (keeper.agent.in_len == before)
			break;
	}
	(void)frame_flush(&keeper.cli);
	if (keeper.agent.fd >= 0)
		(void)frame_flush(&keeper.agent);
	drain(agent);
	drain(cli);
	return r;
}

static void from_cli(struct input *in)
{
	uint8_t buf[RECORDS_MAX];
	size_t len = records_next(in, buf);
	uint32_t type;

	if (len < sizeof(struct agent_head))
		return;
	memcpy(&type, buf, sizeof(type));
	struct frame f = {
		.type = type,
		.len = (uint32_t)(len - sizeof(struct agent_head)),
		.data = buf + sizeof(struct agent_head),
	};
	keeper_cli_record(&keeper, &f);
}

static void talk(struct input *in, int agent, int cli)
{
	uint8_t buf[RECORDS_MAX];
	int r = 0;

	while (r == 0 && in->left && keeper.agent.fd >= 0) {
		uint8_t how = input_u8(in);

		if (how & 1) {
			from_cli(in);
			continue;
		}
		size_t len = records_next(in, buf);
		/* In two pieces, so that records are seen half. */
		size_t first = how & 2 ? len / (1U + (how >> 2)) : len;
		(void)send(agent, buf, first, MSG_DONTWAIT | MSG_NOSIGNAL);
		r = serve(agent, cli);
		if (r < 0 || first == len)
			continue;
		(void)send(agent, buf + first, len - first,
			   MSG_DONTWAIT | MSG_NOSIGNAL);
		r = serve(agent, cli);
	}
	/* Whoever breaks the protocol has ended the VM, with a sentence. */
	MUST(r == 0 || (r == -EPROTO && keeper.status >= 0));
	MUST(keeper.warned <= AGENT_WARN_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char sh[] = "sh", c[] = "-c";
	static char *words[] = { sh, c, NULL };
	struct input in = { data, size };
	uint8_t how = input_u8(&in);
	const struct run_options options = {
		.interactive = how & 1,
		.tty = how & 2,
		.network.kind = how & 4 ? NETWORK_NONE : NETWORK_USER,
		.read_only = how & 8,
		.kernel_modules = how & 16 ? "image" : NULL,
		.shm_size = how & 32 ? 4096 : 0,
	};
	const struct spec spec = {
		.options = &options,
		.args = { words, 2 },
		.env = { words, 2 },
		.cwd = "/",
		.hostname = "fuzz",
	};
	const struct keeper_plan plan = { .spec = &spec, .modules = -1 };
	int agent, cli;

	input_begin();
	keeper.plan = &plan;
	keeper.agent_hello = keeper.running = false;
	keeper.warned = 0;
	keeper.status = -1;
	keeper.kill_at = 0;
	keeper.log = (struct capped){ .fd = -1, .left = 0 };
	open_link(&keeper.agent, &agent);
	open_link(&keeper.cli, &cli);
	talk(&in, agent, cli);
	frame_close(&keeper.agent);
	frame_close(&keeper.cli);
	(void)close(agent);
	(void)close(cli);
	return 0;
}
