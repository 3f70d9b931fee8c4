/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bdf.h - addresses of PCI functions as Linux writes them: domain, bus, device
 * and function, "0000:01:00.0".  Domains of some hosts have more than four
 * digits ("10000:e1:00.0").
 */
#ifndef VMM_LIB_BDF_H
#define VMM_LIB_BDF_H

#include <stdint.h>

#include "vmm/lib/err.h"

#define BDF_MAX 20 /* with its NUL; eight digits for the domain */

/*
 * "0000:01:00.0" or "01:00.0", in any case, as sysfs writes it.  -EINVAL with
 * a sentence, @ret untouched then.
 */
int bdf_parse(const char *text, char ret[BDF_MAX], struct err *err);

/*
 * A full address as a number that sorts as addresses do: function in bits 2:0,
 * device in 7:3, bus in 15:8, domain above.  -1: @bdf is none.
 */
int64_t bdf_key(const char *bdf);

#endif
