/* SPDX-License-Identifier: Apache-2.0 */
/* reference.c - image names as docker reads them. */
#include "vmm/manager/reference.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_HOST "docker.io/"
#define DEFAULT_PATH "docker.io/library/"

static int refuse(const char *text, const char *why, struct err *err)
{
	return err_say(err, EINVAL, "'%.200s' is not an image name: %s", text,
		       why);
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* One part between slashes: a-z0-9, joined by '.', '_', '__' or '-'s. */
static bool valid_part(const char *p, size_t len)
{
	if (len == 0 || !is_alnum(p[0]) || !is_alnum(p[len - 1]))
		return false;
	for (size_t i = 0; i < len;) {
		size_t n = 0;

		if (is_alnum(p[i])) {
			i++;
			continue;
		}
		while (p[i + n] == p[i])
			n++;
		if (!is_alnum(p[i + n]))
			return false;
		if (p[i] != '-' && !(p[i] == '.' && n == 1) &&
		    !(p[i] == '_' && n <= 2))
			return false;
		i += n;
	}
	return true;
}

static bool valid_host(const char *p, size_t len)
{
	size_t name = strcspn(p, ":/");

	if (name == 0 || p[0] == '-' || p[0] == '.')
		return false;
	for (size_t i = 0; i < name; i++)
		if (!isalnum((unsigned char)p[i]) && p[i] != '.' && p[i] != '-')
			return false;
	if (name == len)
		return true;
	size_t digits = strspn(p + name + 1, "0123456789");
	return digits > 0 && digits <= 5 && name + 1 + digits == len;
}

/* Whether the part before the first slash names a host and not a directory. */
static bool looks_like_host(const char *name, size_t len)
{
	return memchr(name, '.', len) || memchr(name, ':', len) ||
	       (len == 9 && memcmp(name, "localhost", 9) == 0);
}

static bool valid_tag(const char *tag)
{
	if (!isalnum((unsigned char)tag[0]) && tag[0] != '_')
		return false;
	for (const char *p = tag; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
			return false;
	return true;
}

static int parse_repo(const char *text, const char *name, struct reference *ref,
		      struct err *err)
{
	const char *slash = strchr(name, '/');
	size_t host = slash ? (size_t)(slash - name) : 0;
	const char *path = name;
	const char *prefix = slash ? DEFAULT_HOST : DEFAULT_PATH;

	if (slash && looks_like_host(name, host)) {
		if (!valid_host(name, host))
			return refuse(text, "the host is malformed", err);
		path = slash + 1;
		prefix = "";
		/* Docker's own old name for itself. */
		if (strncmp(name, "index.docker.io/", 16) == 0)
			name += 6;
		if (strncmp(name, DEFAULT_HOST, 10) == 0 &&
		    !strchr(path, '/')) {
			prefix = DEFAULT_PATH;
			name = path;
		}
	}
	for (const char *p = path;; p++) {
		size_t len = strcspn(p, "/");

		if (!valid_part(p, len))
			return refuse(
				text,
				"each part is made of a-z, 0-9 and single "
				"'.', '_' or '-' between them",
				err);
		p += len;
		if (!*p)
			break;
	}
	if (snprintf(ref->repo, sizeof(ref->repo), "%s%s", prefix, name) >=
	    (int)sizeof(ref->repo))
		return refuse(text, "it is longer than 255 bytes", err);
	return 0;
}

int reference_parse(const char *text, struct reference *ret, struct err *err)
{
	struct reference ref = { 0 };
	char name[REFERENCE_MAX];

	if (snprintf(name, sizeof(name), "%s", text) >= (int)sizeof(name))
		return refuse(text, "it is too long", err);

	char *at = strchr(name, '@');
	if (at) {
		*at = '\0';
		int r = digest_parse(at + 1, "the digest", ref.digest, err);
		if (r < 0)
			return r;
	}

	char *slash = strrchr(name, '/');
	char *colon = strchr(slash ? slash : name, ':');
	if (colon) {
		*colon = '\0';
		if (strlen(colon + 1) > REFERENCE_TAG_MAX ||
		    !valid_tag(colon + 1))
			return refuse(text,
				      "a tag is 1 to 128 letters, digits, "
				      "'_', '.' or '-'",
				      err);
	}
	if (!at)
		(void)snprintf(ref.tag, sizeof(ref.tag), "%s",
			       colon ? colon + 1 : "latest");

	if (!at && !colon && digest_is_hex(name, DIGEST_HEX))
		return refuse(text, "it is the id of one", err);
	int r = parse_repo(text, name, &ref, err);
	if (r < 0)
		return r;
	*ret = ref;
	return 0;
}

static void write_out(const char *repo, const struct reference *ref,
		      char text[REFERENCE_MAX])
{
	bool digest = ref->digest[0] != '\0';

	(void)snprintf(text, REFERENCE_MAX, "%s%s%s", repo,
		       digest ? "@sha256:" : ":",
		       digest ? ref->digest : ref->tag);
}

const char *reference_short_repo(const struct reference *ref)
{
	const char *repo = ref->repo;

	if (strncmp(repo, DEFAULT_PATH, strlen(DEFAULT_PATH)) == 0 &&
	    !strchr(repo + strlen(DEFAULT_PATH), '/'))
		return repo + strlen(DEFAULT_PATH);
	if (strncmp(repo, DEFAULT_HOST, strlen(DEFAULT_HOST)) == 0)
		return repo + strlen(DEFAULT_HOST);
	return repo;
}

void reference_full(const struct reference *ref, char text[REFERENCE_MAX])
{
	write_out(ref->repo, ref, text);
}

void reference_short(const struct reference *ref, char text[REFERENCE_MAX])
{
	write_out(reference_short_repo(ref), ref, text);
}
