/* SPDX-License-Identifier: Apache-2.0 */
/* device_options.c - the grammar of options that name devices. */
#include "vmm/manager/device_options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "vmm/hostdev/hostdev.h"
#include "vmm/lib/parse.h"

#define VALUE_MAX 1024
#define COUNT_MAX HOSTDEV_TAKE_MAX

static int add(struct device_asks *to, const struct device_ask *ask,
	       struct err *err)
{
	if (to->n == DEVICE_ASKS_MAX)
		return err_say(err, E2BIG,
			       "more than %d devices are asked for; a VM can "
			       "have %d",
			       DEVICE_ASKS_MAX, HOSTDEV_TAKE_MAX);
	to->v[to->n++] = *ask;
	return 0;
}

/*
 * The next field of the record at *@p, unquoted in place, as docker's reader
 * (RFC 4180) has it; *@p is NULL behind the last.
 */
static int csv_field(char **p, char **ret)
{
	char *from = *p;
	char *to = from;

	*ret = from;
	if (*from != '"') {
		size_t len = strcspn(from, ",\"");

		if (from[len] == '"')
			return -EINVAL;
		*p = from[len] ? from + len + 1 : NULL;
		from[len] = '\0';
		return 0;
	}
	for (from++; *from != '"' || *++from == '"'; *to++ = *from++)
		if (*from == '\0')
			return -EINVAL;
	if (*from != ',' && *from != '\0')
		return -EINVAL;
	*p = *from ? from + 1 : NULL;
	*to = '\0';
	return 0;
}

static int parse_count(const char *text, struct device_ask *ret,
		       struct err *err)
{
	uint64_t v = DEVICE_ALL;
	struct err why;

	if (strcmp(text, "all") != 0 &&
	    parse_u64(text, "--gpus", 1, COUNT_MAX, &v, &why) < 0)
		return err_say(err, EINVAL,
			       "--gpus: '%s' is neither 'all' nor a number "
			       "from 1 to %d; 'belljar gpu ls' lists what is "
			       "there, device=N picks one",
			       text, COUNT_MAX);
	*ret = (struct device_ask){ .kind = ASK_GPUS, .count = (unsigned)v };
	return 0;
}

static int one_gpu(const char *text, struct device_asks *ret, struct err *err)
{
	struct device_ask ask = { 0 };
	uint64_t index = 0;
	int r = 0;

	if (strncmp(text, "MIG-", 4) == 0)
		return err_say(err, ENOTSUP,
			       "--gpus: '%s' is a slice of a GPU, and a VM "
			       "takes a whole one; give the GPU",
			       text);
	if (snprintf(ask.name, sizeof(ask.name), "%s", text) >=
	    (int)sizeof(ask.name))
		return err_say(err, EINVAL, "--gpus: '%.20s...' is too long",
			       text);
	if (strcmp(text, "all") == 0) {
		r = parse_count(text, &ask, err);
	} else if (strncmp(text, "GPU-", 4) == 0) {
		ask.kind = ASK_GPU_UUID;
	} else if (strchr(text, ':')) {
		ask.kind = ASK_GPU_BDF;
		r = bdf_parse(text, ask.name, err);
		if (r < 0)
			return err_wrap(err, "--gpus");
	} else if (parse_u64(text, "", 0, 4095, &index, NULL) == 0) {
		ask.kind = ASK_GPU_INDEX;
		ask.count = (unsigned)index;
	} else {
		return err_say(err, EINVAL,
			       "--gpus: '%s' is no GPU's number in 'belljar "
			       "gpu ls', no UUID (GPU-...) and no address such "
			       "as 01:00.0",
			       text);
	}
	return r < 0 ? r : add(ret, &ask, err);
}

static int gpu_list(char *list, struct device_asks *ret, struct err *err)
{
	int r = 0;

	for (char *name; r == 0 && (name = strsep(&list, ",")) != NULL;)
		r = one_gpu(name, ret, err);
	return r;
}

/* What a driver for containers would let through: a VM gets the whole GPU. */
static int check_capabilities(char *list, struct err *err)
{
	static const char *const known[] = { "gpu",	"compute",  "utility",
					     "all",	"compat32", "graphics",
					     "display", "video",    "ngx" };

	for (char *name; (name = strsep(&list, ",")) != NULL;) {
		size_t i = 0;

		while (i < sizeof(known) / sizeof(known[0]) &&
		       strcmp(known[i], name) != 0)
			i++;
		if (i == sizeof(known) / sizeof(known[0]))
			return err_say(err, EINVAL,
				       "--gpus: '%s' is not a capability that "
				       "docker knows; leave capabilities= out",
				       name);
	}
	return 0;
}

enum {
	SEEN_COUNT = 1,
	SEEN_DEVICE = 2,
	SEEN_CAPABILITIES = 4,
	SEEN_DRIVER = 8
};

static int once(unsigned *seen, unsigned bit, const char *key, struct err *err)
{
	if (*seen & bit)
		return err_say(err, EINVAL,
			       "--gpus: '%s' can be given only once%s", key,
			       bit == SEEN_COUNT ? "; several devices need "
						   "quotes that reach us: "
						   "--gpus '\"device=0,2\"'"
						 : "");
	*seen |= bit;
	return 0;
}

static int gpus_field(char *field, unsigned *seen, struct device_asks *ret,
		      struct device_ask *count, struct err *err)
{
	char *value = strchr(field, '=');
	int r;

	if (value)
		*value++ = '\0';
	if (!value || strcmp(field, "count") == 0) {
		r = once(seen, SEEN_COUNT, "count", err);
		return r < 0 ? r
			     : parse_count(value ? value : field, count, err);
	}
	if (strcmp(field, "device") == 0) {
		r = once(seen, SEEN_DEVICE, field, err);
		return r < 0 ? r : gpu_list(value, ret, err);
	}
	if (strcmp(field, "capabilities") == 0) {
		r = once(seen, SEEN_CAPABILITIES, field, err);
		return r < 0 ? r : check_capabilities(value, err);
	}
	/* The runtime's, of which there is none here. */
	if (strcmp(field, "driver") == 0)
		return once(seen, SEEN_DRIVER, field, err);
	return err_say(err, EINVAL,
		       "--gpus: '%s' is not a key that docker knows; there "
		       "are count, device and capabilities",
		       field);
}

int device_parse_gpus(const char *text, struct device_asks *ret,
		      struct err *err)
{
	struct device_ask count = { .kind = ASK_GPUS, .count = 1 };
	char record[VALUE_MAX];
	char *p = record, *field;
	unsigned seen = 0;

	int n = snprintf(record, sizeof(record), "%s", text);
	if (n == 0 || n >= (int)sizeof(record))
		return err_say(err, EINVAL,
			       "--gpus: give 'all', a number, or device=N");
	while (p) {
		if (csv_field(&p, &field) < 0)
			return err_say(err, EINVAL,
				       "--gpus: the quotes in '%s' are not "
				       "closed, or not around a whole "
				       "key=value",
				       text);
		int r = gpus_field(field, &seen, ret, &count, err);
		if (r < 0)
			return r;
	}
	if (seen & SEEN_COUNT && seen & SEEN_DEVICE)
		return err_say(
			err, EINVAL,
			"--gpus: '%s' has both count and device; several "
			"devices need quotes that reach us: --gpus "
			"'\"device=0,2\"'",
			text);
	return seen & SEEN_DEVICE ? 0 : add(ret, &count, err);
}

static int on_off(const char *text, const char *key, bool *ret, struct err *err)
{
	if (strcmp(text, "on") != 0 && strcmp(text, "off") != 0)
		return err_say(err, EINVAL,
			       "--device: %s=%s is neither 'on' nor 'off'", key,
			       text);
	*ret = strcmp(text, "on") == 0;
	return 0;
}

static int vfio_flag(char *field, struct device_ask *ask, struct err *err)
{
	char *value = strchr(field, '=');
	bool on = true;
	int r;

	if (value)
		*value++ = '\0';
	if (value && strcmp(field, "rom") == 0)
		return on_off(value, field, &ask->rom, err);
	if (value && strcmp(field, "reset") == 0) {
		r = on_off(value, field, &on, err);
		ask->no_reset = !on;
		return r;
	}
	return err_say(
		err, EINVAL,
		"--device vfio=: '%s' is neither rom= nor reset=", field);
}

static int parse_vfio(const char *text, struct device_asks *ret,
		      struct err *err)
{
	struct device_ask ask = { .kind = ASK_BDF };
	char list[VALUE_MAX];
	char *rest = list;

	(void)snprintf(list, sizeof(list), "%s", text);
	int r = bdf_parse(strsep(&rest, ","), ask.name, err);
	if (r < 0)
		return err_wrap(err, "--device vfio=");
	for (char *f; r == 0 && (f = strsep(&rest, ",")) != NULL;)
		r = vfio_flag(f, &ask, err);
	return r < 0 ? r : add(ret, &ask, err);
}

/* @len characters, first a letter or (with @digit) a digit, last no sign. */
static bool is_word(const char *p, size_t len, bool digit, const char *signs)
{
	if (len == 0 || !isalnum((unsigned char)p[len - 1]) ||
	    !(digit ? isalnum((unsigned char)p[0])
		    : isalpha((unsigned char)p[0])))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)p[i]) && !strchr(signs, p[i]))
			return false;
	return true;
}

/* vendor.com/class=name, by section "Kind" of the CDI specification. */
static bool is_cdi(const char *text)
{
	size_t vendor = strcspn(text, "/=");
	const char *class = text + vendor + 1;

	if (text[vendor] != '/')
		return false;
	size_t len = strcspn(class, "/=");
	if (class[len] != '=')
		return false;
	const char *name = class + len + 1;
	return is_word(text, vendor, false, "_-.") &&
	       is_word(class, len, false, "_-") &&
	       is_word(name, strlen(name), true, "_-.:");
}

int device_parse_device(const char *text, struct device_asks *ret,
			struct err *err)
{
	struct device_ask ask = { .kind = ASK_CDI };

	if (strlen(text) >= sizeof(ask.name))
		return err_say(err, EINVAL, "--device: '%.20s...' is too long",
			       text);
	if (strncmp(text, "vfio=", 5) == 0)
		return parse_vfio(text + 5, ret, err);
	if (text[0] == '/')
		return err_say(err, ENOTSUP,
			       "--device %s: a VM has a kernel of its own, for "
			       "which the host's device files mean nothing; "
			       "give it the device itself: --gpus, --device "
			       "vfio=ADDRESS ('belljar gpu ls'), or a CDI name",
			       text);
	if (!is_cdi(text))
		return err_say(err, EINVAL,
			       "--device: '%s' is neither vfio=ADDRESS, as in "
			       "vfio=01:00.0, nor a CDI name such as "
			       "nvidia.com/gpu=0",
			       text);
	(void)snprintf(ask.name, sizeof(ask.name), "%s", text);
	return add(ret, &ask, err);
}

int device_parse_numa(const char *text, struct device_numa *ret,
		      struct err *err)
{
	struct device_numa numa = { .given = true };
	char list[VALUE_MAX];
	char *rest = list;
	uint64_t node;

	if (strcmp(text, "auto") == 0) {
		*ret = numa;
		return 0;
	}
	if (strlen(text) >= sizeof(list))
		return err_say(err, EINVAL, "--numa: too long a list");
	(void)snprintf(list, sizeof(list), "%s", text);
	for (char *n; (n = strsep(&rest, ",")) != NULL;) {
		if (parse_u64(n, "--numa", 0, 1023, &node, NULL) < 0)
			return err_say(err, EINVAL,
				       "--numa: '%s' is not a node; write "
				       "'auto', or numbers of the host's nodes "
				       "such as 0,1",
				       n);
		if (numa.nr == DEVICE_NODES_MAX)
			return err_say(err, E2BIG,
				       "--numa: more than %d nodes are too "
				       "many for one VM",
				       DEVICE_NODES_MAX);
		for (unsigned i = 0; i < numa.nr; i++)
			if (numa.node[i] == node)
				return err_say(err, EINVAL,
					       "--numa: node %s is there "
					       "twice",
					       n);
		numa.node[numa.nr++] = (unsigned)node;
	}
	*ret = numa;
	return 0;
}

int device_parse_hugepages(const char *text, uint64_t *ret, struct err *err)
{
	uint64_t v = 0;

	if (parse_size(text, "--hugepages", &v, NULL) < 0 ||
	    (v != 2ULL << 20 && v != 1ULL << 30))
		return err_say(err, EINVAL,
			       "--hugepages: '%s' is neither 2M nor 1G", text);
	*ret = v;
	return 0;
}
