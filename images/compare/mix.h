/* SPDX-License-Identifier: Apache-2.0 */
/* mix.h - the parts of verb calls.  Each returns 0 or -errno with a sentence.
 */
#ifndef IMAGES_COMPARE_MIX_H
#define IMAGES_COMPARE_MIX_H

#include "vmm/lib/err.h"

int mix_files(const char *dir, struct err *err); /* mix_files.c */
int mix_memory(struct err *err); /* mix_threads.c */
int mix_threads(struct err *err);
int mix_network(struct err *err); /* mix_net.c */

#endif
