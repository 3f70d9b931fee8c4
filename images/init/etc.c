/* SPDX-License-Identifier: Apache-2.0 */
/* etc.c - the files of /etc that belong to the container. */
#include "images/init/etc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "images/init/mounts.h"
#include "vmm/lib/auto.h"

static FILE *create(const char *dir, const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return fopen(path, "we");
}

/* Closes @f, which may be NULL: whether everything got there. */
static int finish(FILE *f, const char *name, struct err *err)
{
	if (!f || ferror(f) || fflush(f) < 0) {
		int code = errno;

		if (f)
			(void)fclose(f);
		return err_set(err, code, "write '/etc/%s'", name);
	}
	(void)fclose(f);
	return 0;
}

static int write_hosts(const char *dir, const struct settings *s,
		       struct err *err)
{
	FILE *f = create(dir, "hosts");
	if (!f)
		return finish(f, "hosts", err);

	(void)fputs("127.0.0.1\tlocalhost\n"
		    "::1\tlocalhost ip6-localhost ip6-loopback\n"
		    "fe00::\tip6-localnet\n"
		    "ff00::\tip6-mcastprefix\n"
		    "ff02::1\tip6-allnodes\n"
		    "ff02::2\tip6-allrouters\n",
		    f);
	for (size_t i = 0; i < s->hosts.n; i++)
		(void)fprintf(f, "%s\n", s->hosts.v[i]);

	/* Without a network too, the machine's name leads to itself. */
	if (s->addrs.n == 0)
		(void)fprintf(f, "127.0.1.1\t%s\n", s->hostname);
	for (size_t i = 0; i < s->addrs.n; i++) {
		const char *addr = s->addrs.v[i];

		(void)fprintf(f, "%.*s\t%s\n", (int)strcspn(addr, "/"), addr,
			      s->hostname);
	}
	return finish(f, "hosts", err);
}

int etc_write(const char *dir, const struct settings *s, struct err *err)
{
	int r = write_hosts(dir, s, err);
	if (r < 0)
		return r;

	FILE *f = create(dir, "hostname");
	if (f)
		(void)fprintf(f, "%s\n", s->hostname);
	r = finish(f, "hostname", err);
	if (r < 0)
		return r;

	f = create(dir, "resolv.conf");
	for (size_t i = 0; f && i < s->dns.n; i++)
		(void)fprintf(f, "nameserver %s\n", s->dns.v[i]);
	return finish(f, "resolv.conf", err);
}

int etc_mount(int root, const char *dir, const struct settings *s,
	      struct err *err)
{
	static const char *const names[] = { "hosts", "hostname",
					     "resolv.conf" };

	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return err_set(err, errno, "make directory '%s'", dir);
	int r = etc_write(dir, s, err);
	if (r == 0)
		r = mounts_dir(root, "etc", err);

	for (size_t i = 0; r == 0 && i < sizeof(names) / sizeof(names[0]);
	     i++) {
		char source[256], path[64];

		(void)snprintf(source, sizeof(source), "%s/%s", dir, names[i]);
		(void)snprintf(path, sizeof(path), "etc/%s", names[i]);
		r = mounts_file(root, source, path, err);
	}
	return r;
}
