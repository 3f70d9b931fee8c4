/* SPDX-License-Identifier: Apache-2.0 */
/* bundle.c - the files of an image as it arrives. */
#include "vmm/manager/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/manager/archive.h"
#include "vmm/manager/cancel.h"

#define ENTRIES_MAX 16384 /* an archive of 128 images has fewer */
#define LINKS_MAX   8 /* followed one after the other */
#define CHUNK	    (256u << 10)

/* One name of the archive. */
struct member {
	char *name; /* clean path */
	char *link; /* clean path of another name, NULL: a file of its own */
	unsigned number; /* its file in the directory */
};

struct bundle {
	char *name;
	int dir; /* of the layout, or of the numbered files */
	bool layout;
	void *members; /* tsearch tree of struct member */
	unsigned nr_members;
};

struct input {
	int fd;
	struct progress *progress;
	struct err *err;
	void *chunk;
};

static int by_name(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void member_free(void *arg)
{
	struct member *m = arg;

	free(m->name);
	free(m->link);
	free(m);
}

static int bundle_new(const char *name, const char *dir, struct bundle **ret,
		      struct err *err)
{
	struct bundle *b = calloc(1, sizeof(*b));

	if (!b)
		return err_set(err, ENOMEM, "read '%s'", name);
	b->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->dir < 0) {
		int r = err_set(err, errno, "open '%s'", dir);

		free(b);
		return r;
	}
	b->name = strdup(name);
	if (!b->name) {
		bundle_free(b);
		return err_set(err, ENOMEM, "read '%s'", name);
	}
	*ret = b;
	return 0;
}

void bundle_free(struct bundle *b)
{
	if (!b)
		return;
	tdestroy(b->members, member_free);
	if (b->dir >= 0)
		(void)close(b->dir);
	free(b->name);
	free(b);
}

const char *bundle_name(const struct bundle *b)
{
	return b->name;
}

int bundle_from_dir(const char *path, struct bundle **ret, struct err *err)
{
	AUTO_BUNDLE struct bundle *b = NULL;
	int r = bundle_new(path, path, &b, err);

	if (r < 0 || !b)
		return r;
	b->layout = true;
	if (!bundle_has(b, "index.json") && !bundle_has(b, "manifest.json"))
		return err_say(err, EINVAL,
			       "the directory '%s' is not an OCI layout: it "
			       "has no index.json",
			       path);
	*ret = TAKE_PTR(b);
	return 0;
}

/* Enter @name.  A name that comes twice means the later file, as for tar. */
static int add_member(struct bundle *b, const char *name, const char *link,
		      unsigned number)
{
	struct member *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->name = strdup(name);
	m->link = link ? strdup(link) : NULL;
	m->number = number;
	struct member **slot = m->name && (m->link || !link)
				       ? tsearch(m, &b->members, by_name)
				       : NULL;
	if (!slot) {
		member_free(m);
		return -ENOMEM;
	}
	if (*slot != m) {
		member_free(*slot);
		*slot = m;
	}
	return 0;
}

/* Where the symlink @name points, as a clean path within the archive. */
static int link_target(const char *name, const char *target,
		       char ret[ARCHIVE_PATH_MAX], struct err *err)
{
	char path[ARCHIVE_PATH_MAX];
	const char *slash = strrchr(name, '/');
	size_t len = slash ? (size_t)(slash - name) : 0;

	memcpy(path, name, len);
	path[len] = '\0';
	while (strncmp(target, "../", 3) == 0 ||
	       strncmp(target, "./", 2) == 0) {
		if (target[1] == '.' && len == 0)
			return err_say(err, EINVAL,
				       "the link '%.200s' points out of the "
				       "archive",
				       name);
		if (target[1] == '.') {
			char *up = strrchr(path, '/');

			len = up ? (size_t)(up - path) : 0;
			path[len] = '\0';
		}
		target += target[1] == '.' ? 3 : 2;
	}
	if (len + strlen(target) + 2 > sizeof(path))
		return err_set(err, ENAMETOOLONG, "the link '%.200s'", name);
	if (len > 0 && target[0] != '/')
		path[len++] = '/';
	else if (target[0] == '/')
		len = 0;
	memcpy(path + len, target, strlen(target) + 1);
	return archive_clean_path(path, ret, err);
}

/* Write the data of the current entry into the numbered file. */
static int spool(struct bundle *b, struct archive *a, unsigned number,
		 struct input *in)
{
	char file[16];

	(void)snprintf(file, sizeof(file), "%u", number);
	AUTO_CLOSE int fd = openat(
		b->dir, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(in->err, errno, "unpack '%s'", b->name);
	AUTO_FREE char *buf = malloc(CHUNK);
	if (!buf)
		return err_set(in->err, ENOMEM, "unpack '%s'", b->name);
	for (;;) {
		ssize_t n = archive_read_data(a, buf, CHUNK);

		if (n == 0)
			return 0;
		if (n < 0 && in->err->code)
			return -in->err->code;
		if (n < 0)
			return err_say(in->err, EINVAL,
				       "'%s' is damaged or cut short (%s); "
				       "copy or save it again",
				       b->name, archive_error_string(a));
		int r = io_write_full(fd, buf, (size_t)n);
		if (r < 0)
			return err_set(in->err, -r, "unpack '%s'", b->name);
	}
}

static int unpack_entry(struct bundle *b, struct archive *a,
			struct archive_entry *e, struct input *in)
{
	char name[ARCHIVE_PATH_MAX], link[ARCHIVE_PATH_MAX];
	const char *path = archive_entry_pathname(e);
	const char *hard = archive_entry_hardlink(e);
	const char *soft = archive_entry_symlink(e);
	bool file = archive_entry_filetype(e) == AE_IFREG;

	if (!path)
		return err_say(in->err, EINVAL, "'%s' has an entry of no name",
			       b->name);
	int r = archive_clean_path(path, name, in->err);
	if (r < 0)
		return err_wrap(in->err, "'%s'", b->name);
	if (!hard && !soft && !file)
		return archive_entry_filetype(e) == AE_IFDIR
			       ? 0
			       : err_say(in->err, EINVAL,
					 "'%s' holds '%.200s', which is neither"
					 " file nor link; that is no image",
					 b->name, name);
	if (++b->nr_members > ENTRIES_MAX)
		return err_say(in->err, EINVAL,
			       "'%s' has over %d entries; that is no image but "
			       "perhaps a root file system",
			       b->name, ENTRIES_MAX);
	if (hard)
		r = archive_clean_path(hard, link, in->err);
	else if (soft)
		r = link_target(name, soft, link, in->err);
	else
		r = spool(b, a, b->nr_members, in);
	if (r < 0)
		return r;
	r = add_member(b, name, hard || soft ? link : NULL, b->nr_members);
	return r < 0 ? err_set(in->err, -r, "unpack '%s'", b->name) : 0;
}

static la_ssize_t read_input(struct archive *a, void *arg, const void **buf)
{
	struct input *in = arg;
	int r = cancel_wait(in->fd, -1, in->err);
	ssize_t n;

	if (r < 0) {
		archive_set_error(a, -r, "interrupted");
		return ARCHIVE_FATAL;
	}
	do
		n = read(in->fd, in->chunk, CHUNK);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		archive_set_error(a, errno, "%s", strerrordesc_np(errno));
		return ARCHIVE_FATAL;
	}
	progress_add(in->progress, (uint64_t)n);
	*buf = in->chunk;
	return n;
}

static int open_tar(struct archive *a, struct input *in, const char *what)
{
	(void)archive_read_support_filter_gzip(a);
	(void)archive_read_support_filter_zstd(a);
	(void)archive_read_support_format_tar(a);
	if (archive_read_open(a, in, NULL, read_input, NULL) == ARCHIVE_OK)
		return 0;
	if (in->err->code)
		return -in->err->code;
	return err_say(in->err, EINVAL,
		       "'%s' is not an image archive: belljar reads what "
		       "'docker save' and 'skopeo copy' write, plain, gzip or "
		       "zstd",
		       what);
}

/* What follows the tar's end, so that the writer of a pipe ends in peace. */
static void drain(struct input *in)
{
	while (cancel_wait(in->fd, -1, NULL) > 0 &&
	       read(in->fd, in->chunk, CHUNK) > 0)
		;
}

static int unpack(struct bundle *b, struct input *in)
{
	AUTO_ARCHIVE_READ struct archive *a = archive_read_new();
	struct archive_entry *e;

	if (!a)
		return err_set(in->err, ENOMEM, "read '%s'", b->name);
	int r = open_tar(a, in, b->name);
	while (r == 0) {
		int got = archive_read_next_header(a, &e);

		if (got == ARCHIVE_EOF) {
			drain(in);
			break;
		}
		if (got < ARCHIVE_WARN && in->err->code)
			return -in->err->code;
		if (got < ARCHIVE_WARN)
			return err_say(in->err, EINVAL,
				       b->nr_members == 0
					       ? "'%s' is not an image "
						 "archive: %s"
					       : "'%s' is damaged or cut "
						 "short (%s); copy or save it "
						 "again",
				       b->name, archive_error_string(a));
		r = unpack_entry(b, a, e, in);
	}
	return r;
}

int bundle_from_tar(int fd, const char *what, uint64_t size, const char *dir,
		    struct progress *progress, struct bundle **ret,
		    struct err *err)
{
	AUTO_BUNDLE struct bundle *b = NULL;
	AUTO_ARCHIVE_BYTES struct archive_bytes bytes = { 0 };
	AUTO_FREE void *chunk = malloc(CHUNK);
	struct err why = { 0 };
	struct input in = { fd, progress, &why, chunk };

	if (!chunk)
		return err_set(err, ENOMEM, "read '%s'", what);
	int r = bundle_new(what, dir, &b, err);
	if (r == 0)
		r = archive_bytes_begin(&bytes, err);
	if (r < 0 || !b)
		return r;
	progress_begin(progress, "Reading", size);
	r = unpack(b, &in);
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	*ret = TAKE_PTR(b);
	return 0;
}

static int missing(const struct bundle *b, const char *name, struct err *err)
{
	return err_say(err, ENOENT, "'%s' holds no file '%.200s'", b->name,
		       name);
}

/* The numbered file that @name means after links, or 0. */
static unsigned find(struct bundle *b, const char *name)
{
	struct member key = { 0 };
	char clean[ARCHIVE_PATH_MAX];

	if (archive_clean_path(name, clean, NULL) < 0)
		return 0;
	key.name = clean;
	for (int i = 0; i < LINKS_MAX; i++) {
		struct member *const *m = tfind(&key, &b->members, by_name);

		if (!m)
			return 0;
		if (!(*m)->link)
			return (*m)->number;
		key.name = (*m)->link;
	}
	return 0;
}

static int open_file(struct bundle *b, const char *name)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	char file[16];

	if (!b->layout) {
		unsigned number = find(b, name);

		(void)snprintf(file, sizeof(file), "%u", number);
		return number ? openat(b->dir, file, O_RDONLY | O_CLOEXEC) : -1;
	}
	return (int)syscall(SYS_openat2, b->dir, name, &how, sizeof(how));
}

bool bundle_has(struct bundle *b, const char *name)
{
	AUTO_CLOSE int fd = open_file(b, name);

	return fd >= 0;
}

int bundle_open(struct bundle *b, const char *name, int *ret_fd,
		uint64_t *ret_size, struct err *err)
{
	struct stat st;

	errno = ENOENT;
	AUTO_CLOSE int fd = open_file(b, name);
	if (fd < 0 && errno != ENOENT)
		return err_set(err, errno, "open '%.200s' of '%s'", name,
			       b->name);
	if (fd < 0)
		return missing(b, name, err);
	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "open '%.200s'", name);
	if (!S_ISREG(st.st_mode))
		return err_say(err, EINVAL, "'%.200s' of '%s' is not a file",
			       name, b->name);
	*ret_size = (uint64_t)st.st_size;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int bundle_read(struct bundle *b, const char *name, size_t max, char **ret,
		size_t *ret_len, struct err *err)
{
	AUTO_CLOSE int fd = -1;
	uint64_t size = 0;
	int r = bundle_open(b, name, &fd, &size, err);

	if (r < 0)
		return r;
	if (size > max)
		return err_say(err, EFBIG,
			       "'%.200s' of '%s' is larger than %zu bytes",
			       name, b->name, max);
	AUTO_FREE char *text = malloc((size_t)size + 1);
	if (!text)
		return err_set(err, ENOMEM, "read '%.200s'", name);
	ssize_t n = io_read_full(fd, text, (size_t)size);
	if (n < 0)
		return err_set(err, (int)-n, "read '%.200s'", name);
	text[n] = '\0';
	*ret_len = (size_t)n;
	*ret = TAKE_PTR(text);
	return 0;
}
