/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oci.h - what a bundle says it holds: docker's manifest.json, or the index,
 * manifests and configurations of an OCI layout (OCI image-spec 1.1,
 * image-layout.md, image-index.md, manifest.md, config.md).  Every document
 * is read with a size limit and checked against its digest before it is
 * parsed; every list has a maximum.
 */
#ifndef VMM_MANAGER_OCI_H
#define VMM_MANAGER_OCI_H

#include <stddef.h>
#include <stdint.h>

#include "vmm/lib/err.h"
#include "vmm/manager/bundle.h"
#include "vmm/manager/digest.h"
#include "vmm/manager/image.h"
#include "vmm/manager/reference.h"

#define OCI_LAYERS_MAX 512 /* docker stops at 127 */
#define OCI_DOC_MAX    (4u << 20) /* bytes of one JSON document */
#define OCI_STRINGS    4096 /* elements of a list in the configuration */
#define OCI_IMAGES_MAX 256 /* images, or names of one, in a bundle */

struct oci_layer {
	char *file; /* its name in the bundle */
	char digest[DIGEST_HEX + 1]; /* of the file; "": not said */
	int64_t size; /* of the file; -1: not said */
	char diff_id[DIGEST_HEX + 1]; /* of the tar inside */
};

struct oci_image {
	char id[DIGEST_HEX + 1]; /* sha256 of the configuration */
	char *config; /* the configuration, as it was */
	size_t config_len;
	struct oci_layer *layers; /* the lowest first */
	size_t nr_layers;
	struct reference *names;
	size_t nr_names;
};

struct oci_images {
	struct oci_image *image;
	size_t nr;
};

/*
 * The images of @bundle that this machine can run, at least one.  @ret must
 * be zeroed; the caller frees what is in it with oci_images_done().
 */
int oci_read(struct bundle *bundle, struct oci_images *ret, struct err *err);
void oci_images_done(struct oci_images *images);

/* What this machine runs, as Go writes it: "amd64". */
const char *oci_architecture(void);

/*
 * The settings in the configuration @text.  @ret is filled as a whole or not
 * at all; the caller frees it with oci_config_done().
 */
int oci_parse_config(const char *text, size_t len, struct image_config *ret,
		     struct err *err);
void oci_config_done(struct image_config *config);

#define AUTO_OCI_IMAGES __attribute__((cleanup(oci_images_done)))

#endif
