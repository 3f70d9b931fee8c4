/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers and sizes out of strings a person wrote: the whole string or an
 * error, never a prefix.
 */
#ifndef VMM_LIB_PARSE_H
#define VMM_LIB_PARSE_H

#include <stdint.h>

#include "vmm/lib/err.h"

/*
 * Decimal number within [@min, @max].  @what names the thing in the message
 * ("--cpus").  -EINVAL or -ERANGE with a sentence; @ret untouched then.
 */
int parse_u64(const char *text, const char *what, uint64_t min, uint64_t max,
	      uint64_t *ret, struct err *err);

/*
 * Bytes as docker writes them: 64m, 1g, 1.5g, 512k, 1048576, 512mb, 1GiB;
 * case does not matter, the unit is binary.
 */
int parse_size(const char *text, const char *what, uint64_t *ret,
	       struct err *err);

/* The address of one station on an Ethernet: "52:54:00:12:34:56". */
int parse_mac(const char *text, const char *what, uint8_t ret[6],
	      struct err *err);

#endif
