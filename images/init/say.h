/* SPDX-License-Identifier: Apache-2.0 */
/*
 * say.h - one line to the kernel's log, hence to the serial console when the
 * machine has one.  For whoever debugs a guest; users read FAILED records.
 */
#ifndef IMAGES_INIT_SAY_H
#define IMAGES_INIT_SAY_H

void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
