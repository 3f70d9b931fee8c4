/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pin.h - the names of --allow become addresses: once, by the host's resolver,
 * before a VM starts.  What a name means later changes nothing for the guest.
 */
#ifndef VMM_MANAGER_PIN_H
#define VMM_MANAGER_PIN_H

#include <json-c/json.h>

#include "vmm/lib/allow.h"
#include "vmm/lib/err.h"
#include "vmm/manager/strv.h"

/*
 * Parse and look up each entry of @texts.  A name that occurs twice is asked
 * for once: both entries get the same addresses.  It may wait for a name
 * server.  0 or -errno with a sentence; @ret is then of no use.
 */
int pin_all(const struct strv *texts, struct allow_list *ret, struct err *err);

/* An array for spec.json that the caller owns. */
struct json_object *pin_to_json(const struct allow_list *list);

#endif
