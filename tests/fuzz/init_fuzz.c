/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init_fuzz.c - the guest's side of the agent protocol: settings that no
 * keeper sends, from the first byte to START (images/init).
 */
#include <sys/socket.h>
#include <unistd.h>

#include "images/init/session.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t buf[RECORDS_MAX];
	struct input in = { data, size };
	struct session s;
	struct err err = { 0 };
	int pair[2];

	input_begin();
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	while (in.left) {
		size_t len = records_next(&in, buf);

		if (send(pair[1], buf, len, MSG_DONTWAIT | MSG_NOSIGNAL) !=
		    (ssize_t)len)
			break;
	}
	(void)shutdown(pair[1], SHUT_WR);
	int r = session_open(&s, pair[0], &err);
	MUST(r == 0 || (r < 0 && err.msg[0]));
	MUST(r < 0 || (s.settings.complete && s.settings.args.n > 0));
	MUST(s.settings.bytes <= AGENT_SETTINGS + AGENT_MAX);
	if (r < 0)
		session_fail(&s, &err);
	session_done(&s);
	(void)close(pair[0]);
	(void)close(pair[1]);
	return 0;
}
