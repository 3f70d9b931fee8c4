/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.h - the machine that a comparison was made on, as a JSON object of
 * strings and numbers: what a reader needs to judge the figures.
 */
#ifndef VMM_COMPARE_MACHINE_H
#define VMM_COMPARE_MACHINE_H

#include <json-c/json.h>
#include <stdbool.h>

/*
 * @root is put before /proc and /sys: "" but in tests.  The caller owns what
 * is returned; NULL when memory has run out.  *@ret_emulated: times on it are
 * those of emulated hardware, only ratios mean anything.
 */
struct json_object *machine_describe(const char *root, bool *ret_emulated);

#endif
