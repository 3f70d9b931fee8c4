/* SPDX-License-Identifier: Apache-2.0 */
/* shares.c - the values of -v and --mount, and what they name. */
#include "vmm/manager/shares.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/json.h"

/* Where the guest has file systems that nothing can lie on or below. */
static const char *const reserved[] = { "/proc", "/sys", "/dev" };

/* @list ends with NULL. */
static bool among(const char *word, const char *const *list)
{
	while (*list && strcmp(word, *list) != 0)
		list++;
	return *list;
}

static bool below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 &&
	       (path[len] == '\0' || path[len] == '/');
}

/* Without empty parts, "." and "..", which is not let above the root. */
static void clean(const char *path, char ret[SHARES_PATH])
{
	size_t len = 0;

	while (*path) {
		size_t part = strcspn(path, "/");

		if (part == 2 && strncmp(path, "..", 2) == 0) {
			while (len && ret[--len] != '/')
				;
		} else if (part && !(part == 1 && *path == '.')) {
			ret[len++] = '/';
			memcpy(ret + len, path, part);
			len += part;
		}
		path += part + (path[part] == '/');
	}
	ret[len] = '\0';
}

static int check_target(const struct shares *s, const char *option,
			const char *given, char ret[SHARES_PATH],
			struct err *err)
{
	if (given[0] != '/')
		return err_say(err, EINVAL,
			       "%s: the path in the guest, '%s', is not "
			       "absolute; begin it with '/'",
			       option, given);
	if (strlen(given) >= SHARES_PATH)
		return err_say(err, ENAMETOOLONG,
			       "%s: the path in the guest is longer than %d "
			       "bytes",
			       option, SHARES_PATH - 1);
	if (strchr(given, '\n'))
		return err_say(err, EINVAL,
			       "%s: a path in the guest has no line break",
			       option);
	clean(given, ret);
	if (!ret[0])
		return err_say(err, EINVAL,
			       "%s: '/' in the guest is the image's; name a "
			       "directory below it",
			       option);
	for (size_t i = 0; i < sizeof(reserved) / sizeof(*reserved); i++)
		if (below(ret, reserved[i]))
			return err_say(err, EINVAL,
				       "%s: '%s' is the guest kernel's; name "
				       "a path outside of '%s'",
				       option, ret, reserved[i]);
	for (unsigned i = 0; i < s->n; i++)
		if (strcmp(s->v[i].target, ret) == 0)
			return err_say(err, EINVAL,
				       "%s: two shares have the path '%s' in "
				       "the guest; leave one out",
				       option, ret);
	return 0;
}

/* Empty ones are refused, as are more than there is room for. */
static int add(struct shares *s, const char *option, const char *source,
	       const char *target, bool readonly, struct err *err)
{
	char path[SHARES_PATH];

	if (s->n == SHARES_MAX)
		return err_say(err, E2BIG,
			       "%s: more than %d shares; share a directory "
			       "above some of them",
			       option, SHARES_MAX);
	if (!source || !source[0])
		return err_say(err, EINVAL,
			       "%s: the path on the host is missing", option);
	if (!target || !target[0])
		return err_say(err, EINVAL,
			       "%s: the path in the guest is missing", option);
	int r = check_target(s, option, target, path, err);
	if (r < 0)
		return r;
	struct share *share = &s->v[s->n++];
	*share = (struct share){ .option = option,
				 .source = strdup(source),
				 .target = strdup(path),
				 .readonly = readonly };
	return share->source && share->target
		       ? 0
		       : err_set(err, ENOMEM, "read the options");
}

/* docker's options of -v; those that change nothing here are taken too. */
static int volume_option(const char *word, bool *readonly, struct err *err)
{
	static const char *const ignored[] = {
		"rw",	    "z",	 "Z",	       "cached", "private",
		"rprivate", "delegated", "consistent", NULL
	};

	if (strcmp(word, "ro") == 0) {
		*readonly = true;
		return 0;
	}
	if (among(word, ignored))
		return 0;
	return err_say(err, EINVAL,
		       "-v: '%s' is not an option of it; there are ro and rw",
		       word);
}

int shares_add_volume(struct shares *s, const char *text, struct err *err)
{
	AUTO_FREE char *copy = strdup(text);
	bool readonly = false;
	char *rest = copy;

	if (!copy)
		return err_set(err, ENOMEM, "read the options");
	const char *source = strsep(&rest, ":");
	const char *target = strsep(&rest, ":");
	if (!target)
		return err_say(err, EINVAL,
			       "-v: '%s' is not HOST:GUEST[:ro]; volumes that "
			       "are no path of the host do not exist here",
			       text);
	if (source[0] && source[0] != '/' && source[0] != '.')
		return err_say(err, EINVAL,
			       "-v: '%s' would be a named volume, which do not "
			       "exist here; write './%s' for a directory",
			       source, source);
	for (char *word; (word = strsep(&rest, ",")) != NULL;) {
		int r = volume_option(word, &readonly, err);

		if (r < 0)
			return r;
	}
	return add(s, "-v", source, target, readonly, err);
}

struct mount_words {
	const char *type, *source, *target;
	bool readonly, readonly_given;
	bool dax;
};

static int truth(const char *key, const char *value, bool *ret, struct err *err)
{
	if (!value || strcmp(value, "true") == 0 || strcmp(value, "1") == 0)
		*ret = true;
	else if (strcmp(value, "false") == 0 || strcmp(value, "0") == 0)
		*ret = false;
	else
		return err_say(err, EINVAL,
			       "--mount: %s is true or false, not '%s'", key,
			       value);
	return 0;
}

static const char *const words_readonly[] = { "readonly", "ro", NULL };
static const char *const words_source[] = { "source", "src", NULL };
static const char *const words_target[] = { "target", "destination", "dst",
					    NULL };
/* What the host mounts later is never seen, whoever asks. */
static const char *const words_propagation[] = { "private", "rprivate", NULL };

static int mount_word(struct mount_words *w, char *word, struct err *err)
{
	const char *key = strsep(&word, "=");
	const char *value = word;

	if (among(key, words_readonly)) {
		w->readonly_given = true;
		return truth(key, value, &w->readonly, err);
	}
	if (strcmp(key, "dax") == 0)
		return truth(key, value, &w->dax, err);
	if (!value || !*value)
		return err_say(err, EINVAL, "--mount: '%s' lacks its value",
			       key);
	if (strcmp(key, "type") == 0)
		w->type = value;
	else if (among(key, words_source))
		w->source = value;
	else if (among(key, words_target))
		w->target = value;
	else if (strcmp(key, "consistency") != 0 &&
		 (strcmp(key, "bind-propagation") != 0 ||
		  !among(value, words_propagation)))
		return err_say(err, EINVAL,
			       "--mount: '%s=%s' is not an option of it; there "
			       "are type=bind or image, src=, dst=, readonly "
			       "and dax",
			       key, value);
	return 0;
}

/* A disk that several VMs have at once is read by all and written by none. */
static int add_image(struct shares *s, const struct mount_words *w,
		     struct err *err)
{
	if (w->readonly_given && !w->readonly)
		return err_say(err, EINVAL,
			       "--mount: type=image is read-only always; leave "
			       "readonly=false out, or share a directory with "
			       "type=bind");
	if (shares_images(s) == SHARES_IMAGES)
		return err_say(err, E2BIG,
			       "--mount: more than %d images; put several into "
			       "one",
			       SHARES_IMAGES);
	int r = add(s, "--mount", w->source, w->target, true, err);
	if (r == 0) {
		s->v[s->n - 1].image = true;
		s->v[s->n - 1].dax = w->dax;
	}
	return r;
}

int shares_add_mount(struct shares *s, const char *text, struct err *err)
{
	AUTO_FREE char *copy = strdup(text);
	struct mount_words w = { .type = NULL };
	char *rest = copy;

	if (!copy)
		return err_set(err, ENOMEM, "read the options");
	for (char *word; (word = strsep(&rest, ",")) != NULL;) {
		int r = mount_word(&w, word, err);

		if (r < 0)
			return r;
	}
	if (w.type && strcmp(w.type, "image") == 0)
		return add_image(s, &w, err);
	if (!w.type || strcmp(w.type, "bind") != 0)
		return err_say(err, EINVAL,
			       "--mount: %s%s%s; write "
			       "type=bind,src=HOST,dst=GUEST or "
			       "type=image,src=FILE,dst=GUEST",
			       w.type ? "type '" : "the type is missing",
			       w.type ? w.type : "",
			       w.type ? "' does not exist here" : "");
	if (w.dax)
		return err_say(err, EINVAL,
			       "--mount: dax is for type=image; leave it out");
	return add(s, "--mount", w.source, w.target, w.readonly, err);
}

static int resolve_image(struct share *s, const char *path, struct err *err)
{
	if (!s->file)
		return err_say(
			err, EISDIR,
			"%s: '%s' is a directory, and no image; share it "
			"with type=bind",
			s->option, path);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_set(err, errno, "%s: open '%s'", s->option, path);
	return share_image_probe(fd, path, &s->disk, err);
}

static int resolve(struct share *s, struct err *err)
{
	AUTO_FREE char *real = realpath(s->source, NULL);
	struct stat st;

	if (!real && errno == ENOENT)
		return err_say(err, ENOENT,
			       "%s: '%s' does not exist on the host; make it "
			       "first, with mkdir or touch",
			       s->option, s->source);
	if (!real || stat(real, &st) < 0)
		return err_set(err, errno, "%s: look at '%s'", s->option,
			       s->source);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return err_say(err, EINVAL,
			       "%s: '%s' is neither a directory nor a plain "
			       "file, and nothing else can be shared",
			       s->option, s->source);
	s->file = S_ISREG(st.st_mode);
	int r = s->image ? resolve_image(s, real, err) : 0;
	if (r < 0)
		return r;
	free(s->source);
	s->source = TAKE_PTR(real);
	return 0;
}

int shares_resolve(struct shares *s, struct err *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < s->n; i++)
		r = resolve(&s->v[i], err);
	return r;
}

unsigned shares_images(const struct shares *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++)
		n += s->v[i].image;
	return n;
}

uint64_t shares_in_memory(const struct shares *s)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < s->n; i++)
		n += s->v[i].dax ? s->v[i].disk.size : 0;
	return n;
}

int shares_check_kernel(const struct shares *s, const char *flavour,
			struct err *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < s->n; i++) {
		const struct share *v = &s->v[i];

		if (v->image)
			r = share_image_check(&v->disk, v->source, flavour,
					      err);
		if (r == 0 && v->dax)
			r = share_image_check_dax(&v->disk, v->source, err);
	}
	return r;
}

static const char *kind(const struct share *s)
{
	if (s->image)
		return "image";
	return s->file ? "file" : "directory";
}

struct json_object *shares_to_json(const struct shares *s)
{
	struct json_object *list = s->n ? json_object_new_array() : NULL;

	for (unsigned i = 0; i < s->n; i++) {
		const struct share *v = &s->v[i];
		struct json_object *o = json_object_new_object();

		json_put_str(o, "source", v->source);
		json_put_str(o, "target", v->target);
		json_put_str(o, "kind", kind(v));
		if (v->disk.fs)
			json_put_str(o, "file_system", v->disk.fs);
		if (v->dax)
			json_put_bool(o, "dax", true);
		json_put_bool(o, "read_only", v->readonly);
		(void)json_object_array_add(list, o);
	}
	return list;
}

void shares_done(struct shares *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		free(s->v[i].source);
		free(s->v[i].target);
	}
	*s = (struct shares){ .n = 0 };
}
