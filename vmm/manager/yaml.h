/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml.h - a YAML document as json-c objects, so that the rest of the program
 * knows one kind of tree.
 *
 * YAML that could grow beyond its text is refused: aliases (and with them
 * merge keys), more than 32 levels, more than YAML_NODES_MAX values, and a
 * second document.  Plain scalars become null, booleans and integers by the
 * rules of YAML's core schema; all others are strings.
 */
#ifndef VMM_MANAGER_YAML_H
#define VMM_MANAGER_YAML_H

#include <json-c/json.h>
#include <stddef.h>

#include "vmm/lib/err.h"

#define YAML_DEPTH_MAX 32
#define YAML_NODES_MAX 65536

/*
 * Parse @text.  @what names the document in sentences, which say the line.
 * The caller owns *@ret, which is never NULL on success: a document that is
 * null or empty is -EINVAL.
 */
int yaml_parse(const char *text, size_t len, const char *what,
	       struct json_object **ret, struct err *err);

#endif
