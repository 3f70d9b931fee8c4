/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pciids.c - the file of the package pci.ids, line by line:
 *
 *   10de  NVIDIA Corporation
 *   <tab>2330  GH100 [H100 SXM5 80GB]
 *   <tab><tab>10de 16c0  a subsystem, not looked at
 *   C 03  the classes, which end what is of interest
 */
#include "vmm/hostdev/pciids.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/sysfs.h"

#define LINE_MAX_PCI 512

/* "2330  GH100": the number, and where the name begins; NULL when it isn't. */
static const char *parse_line(char *line, unsigned *ret)
{
	unsigned v = 0;

	for (int i = 0; i < 4; i++) {
		if (!isxdigit((unsigned char)line[i]))
			return NULL;
		char digit[2] = { line[i], '\0' };
		v = v << 4 | (unsigned)strtoul(digit, NULL, 16);
	}
	if (line[4] != ' ')
		return NULL;
	char *name = line + 4 + strspn(line + 4, " ");
	name[strcspn(name, "\r\n")] = '\0';
	for (char *p = name; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	*ret = v;
	return name;
}

struct scan {
	struct hostdev *dev;
	size_t nr;
	unsigned vendor; /* of the lines that follow */
	bool wanted; /* some function is of this vendor */
	char vendor_name[80];
};

static void vendor_line(struct scan *s, char *line)
{
	const char *name = parse_line(line, &s->vendor);

	s->wanted = false;
	if (!name)
		return;
	(void)snprintf(s->vendor_name, sizeof(s->vendor_name), "%s", name);
	for (size_t i = 0; i < s->nr; i++) {
		struct hostdev *d = &s->dev[i];

		if (d->vendor != s->vendor)
			continue;
		s->wanted = true;
		(void)snprintf(d->name, sizeof(d->name), "%s device %04x",
			       s->vendor_name, d->device);
	}
}

static void device_line(struct scan *s, char *line)
{
	unsigned id;
	const char *name = parse_line(line, &id);

	for (size_t i = 0; name && i < s->nr; i++) {
		struct hostdev *d = &s->dev[i];

		if (d->vendor == s->vendor && d->device == id)
			(void)snprintf(d->name, sizeof(d->name), "%s %s",
				       s->vendor_name, name);
	}
}

static FILE *open_ids(const struct hostdev_sys *sys)
{
	static const char *const places[] = { "/usr/share/misc/pci.ids",
					      "/usr/share/hwdata/pci.ids" };
	char path[PATH_MAX];
	FILE *f = NULL;

	for (size_t i = 0; !f && i < sizeof(places) / sizeof(places[0]); i++) {
		sysfs_path(sys->root, path, "%s", places[i]);
		f = fopen(path, "re");
	}
	return f;
}

void pciids_names(const struct hostdev_sys *sys, struct hostdev *dev, size_t nr)
{
	struct scan s = { .dev = dev, .nr = nr };
	char line[LINE_MAX_PCI];
	bool cont = false; /* the rest of a line that was too long */

	for (size_t i = 0; i < nr; i++)
		(void)snprintf(dev[i].name, sizeof(dev[i].name), "%04x:%04x",
			       dev[i].vendor, dev[i].device);
	AUTO_FCLOSE FILE *f = nr ? open_ids(sys) : NULL;
	while (f && fgets(line, sizeof(line), f)) {
		bool rest = cont;

		cont = !strchr(line, '\n');
		if (rest || line[0] == '#' || line[0] == '\n')
			continue;
		if (strncmp(line, "C ", 2) == 0)
			break;
		if (line[0] != '\t')
			vendor_line(&s, line);
		else if (s.wanted && line[1] != '\t')
			device_line(&s, line + 1);
	}
}
