/* SPDX-License-Identifier: Apache-2.0 */
/* oci.c - what a bundle says it holds. */
#include "vmm/manager/oci.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/json.h"

#define INDEX_DEPTH 4 /* index in an index */
#define BLOB_PREFIX "blobs/sha256/"

/* One walk through a bundle. */
struct walk {
	struct bundle *bundle;
	struct oci_images *images;
	char others[160]; /* platforms that were passed over */
	struct err *err;
};

static void image_done(struct oci_image *img)
{
	for (size_t i = 0; i < img->nr_layers; i++)
		free(img->layers[i].file);
	free(img->layers);
	free(img->names);
	free(img->config);
}

void oci_images_done(struct oci_images *images)
{
	for (size_t i = 0; i < images->nr; i++)
		image_done(&images->image[i]);
	free(images->image);
	*images = (struct oci_images){ 0 };
}

static struct oci_image *new_image(struct walk *w)
{
	struct oci_images *list = w->images;

	if (list->nr >= OCI_IMAGES_MAX) {
		(void)err_say(w->err, EINVAL, "'%s' has over %d images",
			      bundle_name(w->bundle), OCI_IMAGES_MAX);
		return NULL;
	}
	struct oci_image *more =
		reallocarray(list->image, list->nr + 1, sizeof(*more));
	if (!more) {
		(void)err_set(w->err, ENOMEM, "read '%s'",
			      bundle_name(w->bundle));
		return NULL;
	}
	list->image = more;
	more += list->nr++;
	*more = (struct oci_image){ 0 };
	return more;
}

static void sum_of(const char *text, size_t len, char hex[DIGEST_HEX + 1])
{
	AUTO_DIGEST struct digest *d = digest_new();

	hex[0] = '\0';
	if (!d)
		return;
	digest_add(d, text, len);
	digest_finish(d, hex);
}

/* A name is kept once, and only when it is one. */
static int add_name(struct oci_image *img, const char *text, struct err *err)
{
	struct reference ref;
	int r = reference_parse(text, &ref, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < img->nr_names; i++)
		if (memcmp(&img->names[i], &ref, sizeof(ref)) == 0)
			return 0;
	if (img->nr_names >= OCI_IMAGES_MAX)
		return err_say(err, EINVAL, "an image has over %d names",
			       OCI_IMAGES_MAX);
	struct reference *more =
		reallocarray(img->names, img->nr_names + 1, sizeof(*more));
	if (!more)
		return err_set(err, ENOMEM, "read a name");
	img->names = more;
	more[img->nr_names++] = ref;
	return 0;
}

/* Fill in each layer's diff_id, and refuse what is for another machine. */
static int read_config(struct oci_image *img, struct err *err)
{
	AUTO_JSON struct json_object *doc = NULL;
	struct json_object *rootfs = NULL, *ids = NULL;
	int r = json_parse(img->config, img->config_len,
			   "the image's configuration", &doc, err);

	if (r < 0)
		return r;
	const char *os = json_str_or(doc, "os", "linux");
	const char *arch = json_str_or(doc, "architecture", oci_architecture());
	if (strcmp(os, "linux") != 0 || strcmp(arch, oci_architecture()) != 0)
		return err_say(err, EINVAL,
			       "the image is for %.40s/%.40s; this machine "
			       "runs linux/%s",
			       os, arch, oci_architecture());

	r = json_get_obj(doc, "rootfs", &rootfs, err);
	if (r == 0)
		r = json_get_array(rootfs, "diff_ids", &ids, err);
	if (r < 0)
		return err_wrap(err, "the image's configuration");
	if (json_object_array_length(ids) != img->nr_layers)
		return err_say(err, EINVAL,
			       "the image's configuration lists %zu layers, "
			       "the manifest %zu",
			       json_object_array_length(ids), img->nr_layers);
	for (size_t i = 0; i < img->nr_layers; i++) {
		const char *id = json_object_get_string(
			json_object_array_get_idx(ids, i));

		r = digest_parse(id ? id : "", "the diff_id",
				 img->layers[i].diff_id, err);
		if (r < 0)
			return r;
	}

	struct image_config config = { 0 };
	r = oci_parse_config(img->config, img->config_len, &config, err);
	oci_config_done(&config);
	return r;
}

static int new_layers(struct oci_image *img, size_t nr, struct err *err)
{
	if (nr > OCI_LAYERS_MAX)
		return err_say(err, EINVAL, "the image has over %d layers",
			       OCI_LAYERS_MAX);
	img->layers = calloc(nr + 1, sizeof(*img->layers));
	if (!img->layers)
		return err_set(err, ENOMEM, "read the image's layers");
	img->nr_layers = nr;
	return 0;
}

/* The digest that is part of a blob's name; "" when there is none. */
static void digest_of_name(const char *file, char hex[DIGEST_HEX + 1])
{
	hex[0] = '\0';
	if (strncmp(file, BLOB_PREFIX, strlen(BLOB_PREFIX)) == 0 &&
	    digest_is_hex(file + strlen(BLOB_PREFIX), DIGEST_HEX))
		memcpy(hex, file + strlen(BLOB_PREFIX), DIGEST_HEX + 1);
}

/* One element of docker's manifest.json. */
static int docker_image(struct walk *w, struct json_object *obj)
{
	struct oci_image *img = new_image(w);
	struct json_object *layers = NULL, *tags = NULL;
	const char *config = "";
	char named[DIGEST_HEX + 1];

	if (!img)
		return -w->err->code;
	int r = json_get_str(obj, "Config", &config, w->err);
	if (r == 0)
		r = json_get_array(obj, "Layers", &layers, w->err);
	if (r == 0)
		r = bundle_read(w->bundle, config, OCI_DOC_MAX, &img->config,
				&img->config_len, w->err);
	if (r == 0)
		r = new_layers(img, json_object_array_length(layers), w->err);
	if (r < 0 || !img->layers)
		return r;
	sum_of(img->config, img->config_len, img->id);
	digest_of_name(config, named);
	if (named[0] && strcmp(named, img->id) != 0)
		return err_say(w->err, EBADMSG,
			       "the image's configuration has the digest "
			       "sha256:%s, not the sha256:%s of its name",
			       img->id, named);

	for (size_t i = 0; i < img->nr_layers; i++) {
		struct oci_layer *l = &img->layers[i];
		struct json_object *v = json_object_array_get_idx(layers, i);
		const char *file = json_object_get_string(v);

		if (!json_object_is_type(v, json_type_string) ||
		    !bundle_has(w->bundle, file))
			return err_say(w->err, ENOENT,
				       "'%s' lacks layer %zu of %zu, '%.100s'",
				       bundle_name(w->bundle), i + 1,
				       img->nr_layers, file ? file : "null");
		digest_of_name(file, l->digest);
		l->size = -1;
		l->file = strdup(file);
		if (!l->file)
			return err_set(w->err, ENOMEM, "read the layers");
	}
	if (json_get_array(obj, "RepoTags", &tags, NULL) == 0)
		for (size_t i = 0; i < json_object_array_length(tags); i++) {
			const char *tag = json_object_get_string(
				json_object_array_get_idx(tags, i));

			r = add_name(img, tag ? tag : "", w->err);
			if (r < 0)
				return r;
		}
	return read_config(img, w->err);
}

static int read_docker(struct walk *w)
{
	AUTO_FREE char *text = NULL;
	AUTO_JSON struct json_object *doc = NULL;
	size_t len = 0;
	int r = bundle_read(w->bundle, "manifest.json", OCI_DOC_MAX, &text,
			    &len, w->err);

	if (r == 0)
		r = json_parse(text, len, "manifest.json", &doc, w->err);
	if (r < 0)
		return r;
	if (!json_object_is_type(doc, json_type_array))
		return err_say(w->err, EINVAL, "manifest.json is not a list");
	for (size_t i = 0; i < json_object_array_length(doc) && r == 0; i++)
		r = docker_image(w, json_object_array_get_idx(doc, i));
	return r;
}

/* The blob that descriptor @desc means, checked by size and digest. */
static int read_blob(struct walk *w, struct json_object *desc, char **ret,
		     size_t *ret_len, char hex[DIGEST_HEX + 1])
{
	char file[sizeof(BLOB_PREFIX) + DIGEST_HEX];
	char sum[DIGEST_HEX + 1];
	AUTO_FREE char *text = NULL;
	const char *digest = "";
	int64_t size = -1;
	size_t len = 0;
	int r = json_get_str(desc, "digest", &digest, w->err);

	if (r == 0)
		r = json_get_i64(desc, "size", &size, w->err);
	if (r == 0)
		r = digest_parse(digest, "the digest", hex, w->err);
	if (r < 0)
		return r;
	(void)snprintf(file, sizeof(file), BLOB_PREFIX "%s", hex);
	r = bundle_read(w->bundle, file, OCI_DOC_MAX, &text, &len, w->err);
	if (r < 0)
		return r;
	if (size < 0 || (uint64_t)size != len)
		return err_say(w->err, EBADMSG,
			       "blob sha256:%s has %zu bytes instead of %lld",
			       hex, len, (long long)size);
	sum_of(text, len, sum);
	if (strcmp(sum, hex) != 0)
		return err_say(w->err, EBADMSG,
			       "blob sha256:%s is damaged: its digest is "
			       "sha256:%s",
			       hex, sum);
	*ret = TAKE_PTR(text);
	*ret_len = len;
	return 0;
}

static int manifest_layers(struct walk *w, struct json_object *layers,
			   struct oci_image *img)
{
	for (size_t i = 0; i < img->nr_layers; i++) {
		struct oci_layer *l = &img->layers[i];
		struct json_object *desc = json_object_array_get_idx(layers, i);
		const char *digest = "";
		int r = json_get_str(desc, "digest", &digest, w->err);

		if (r == 0)
			r = json_get_i64(desc, "size", &l->size, w->err);
		if (r == 0)
			r = digest_parse(digest, "the layer's digest",
					 l->digest, w->err);
		if (r == 0 && l->size < 0)
			r = err_say(w->err, EINVAL, "'size' is negative");
		if (r < 0)
			return err_wrap(w->err, "layer %zu of %zu", i + 1,
					img->nr_layers);
		if (asprintf(&l->file, BLOB_PREFIX "%s", l->digest) < 0) {
			l->file = NULL;
			return err_set(w->err, ENOMEM, "read the layers");
		}
		if (!bundle_has(w->bundle, l->file))
			return err_say(w->err, ENOENT,
				       "'%s' lacks layer %zu of %zu, sha256:%s",
				       bundle_name(w->bundle), i + 1,
				       img->nr_layers, l->digest);
	}
	return 0;
}

/* A manifest, in @doc; @name is what the index calls it, or NULL. */
static int read_manifest(struct walk *w, struct json_object *doc,
			 const char *name)
{
	struct json_object *config = NULL, *layers = NULL;
	struct oci_image *img = new_image(w);

	if (!img)
		return -w->err->code;
	int r = json_get_obj(doc, "config", &config, w->err);
	if (r == 0)
		r = json_get_array(doc, "layers", &layers, w->err);
	if (r < 0)
		return err_wrap(w->err, "the image's manifest");
	r = read_blob(w, config, &img->config, &img->config_len, img->id);
	if (r == 0)
		r = new_layers(img, json_object_array_length(layers), w->err);
	if (r == 0)
		r = manifest_layers(w, layers, img);
	if (r == 0 && name)
		r = add_name(img, name, w->err);
	return r < 0 ? r : read_config(img, w->err);
}

/*
 * Whether @desc is for this machine; one that doesn't say is.  Attestations
 * carry the platform unknown/unknown and are never an image.
 */
static bool suits(struct walk *w, struct json_object *desc)
{
	struct json_object *platform = NULL;

	if (json_get_obj(desc, "platform", &platform, NULL) < 0)
		return true;
	const char *os = json_str_or(platform, "os", "");
	const char *arch = json_str_or(platform, "architecture", "");
	if (strcmp(os, "linux") == 0 && strcmp(arch, oci_architecture()) == 0)
		return true;
	size_t used = strlen(w->others);
	if (strcmp(os, "unknown") != 0)
		(void)snprintf(w->others + used, sizeof(w->others) - used,
			       "%s%.20s/%.20s", used ? ", " : "", os, arch);
	return false;
}

/* The name in @desc's annotations: a bare tag names nothing. */
static const char *annotated_name(struct json_object *desc, const char *outer)
{
	struct json_object *notes = NULL;

	if (json_get_obj(desc, "annotations", &notes, NULL) < 0)
		return outer;
	const char *name = json_str_or(notes, "io.containerd.image.name", NULL);
	if (name)
		return name;
	name = json_str_or(notes, "org.opencontainers.image.ref.name", NULL);
	return name && strpbrk(name, ":/") ? name : outer;
}

static int read_index(struct walk *w, struct json_object *doc,
		      const char *outer, int depth);

static int read_entry(struct walk *w, struct json_object *desc,
		      const char *outer, int depth)
{
	AUTO_FREE char *text = NULL;
	AUTO_JSON struct json_object *doc = NULL;
	struct json_object *list = NULL;
	char hex[DIGEST_HEX + 1];
	size_t len = 0;
	const char *name = annotated_name(desc, outer);
	int r = read_blob(w, desc, &text, &len, hex);

	if (r == 0)
		r = json_parse(text, len, "the image's manifest", &doc, w->err);
	if (r < 0)
		return r;
	/* Known by its content; the media type is only a claim. */
	if (json_get_array(doc, "manifests", &list, NULL) == 0)
		return read_index(w, doc, name, depth + 1);
	return read_manifest(w, doc, name);
}

/*
 * The entries of an index.  At the top each is an image of its own; below,
 * they are one image for several machines, of which the first that suits is
 * taken.
 */
static int read_index(struct walk *w, struct json_object *doc,
		      const char *outer, int depth)
{
	struct json_object *list = NULL;
	int r = json_get_array(doc, "manifests", &list, w->err);

	if (r < 0)
		return err_wrap(w->err, "the image index");
	if (depth > INDEX_DEPTH)
		return err_say(w->err, EINVAL,
			       "the image index is nested too deeply");
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *desc = json_object_array_get_idx(list, i);

		if (!suits(w, desc))
			continue;
		r = read_entry(w, desc, outer, depth);
		if (r < 0 || depth > 0)
			return r;
	}
	return 0;
}

static int read_layout(struct walk *w)
{
	AUTO_FREE char *text = NULL;
	AUTO_JSON struct json_object *doc = NULL;
	size_t len = 0;
	int r = bundle_read(w->bundle, "index.json", OCI_DOC_MAX, &text, &len,
			    w->err);

	if (r == 0)
		r = json_parse(text, len, "index.json", &doc, w->err);
	return r < 0 ? r : read_index(w, doc, NULL, 0);
}

int oci_read(struct bundle *bundle, struct oci_images *ret, struct err *err)
{
	AUTO_OCI_IMAGES struct oci_images images = { 0 };
	struct err why = { 0 };
	struct walk w = { .bundle = bundle, .images = &images, .err = &why };
	const char *name = bundle_name(bundle);
	int r;

	if (bundle_has(bundle, "manifest.json"))
		r = read_docker(&w);
	else if (bundle_has(bundle, "index.json"))
		r = read_layout(&w);
	else
		r = err_say(&why, EINVAL,
			    "'%s' is not an image archive: it has neither "
			    "manifest.json nor index.json",
			    name);
	if (r == 0 && images.nr == 0 && w.others[0])
		r = err_say(&why, ENOENT,
			    "'%s' has no image for linux/%s, only for %s", name,
			    oci_architecture(), w.others);
	else if (r == 0 && images.nr == 0)
		r = err_say(&why, ENOENT, "'%s' holds no image", name);
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	*ret = images;
	images = (struct oci_images){ 0 };
	return 0;
}
