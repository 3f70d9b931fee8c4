/* SPDX-License-Identifier: Apache-2.0 */
/* devices_json.c - the devices of a VM for --dry-run and spec.json. */
#include "vmm/manager/devices.h"

#include "vmm/lib/json.h"

static void put_str(struct json_object *o, const char *key, const char *v)
{
	(void)json_object_object_add(o, key,
				     v[0] ? json_object_new_string(v) : NULL);
}

static void put_int(struct json_object *o, const char *key, int v)
{
	if (v >= 0)
		(void)json_object_object_add(o, key, json_object_new_int(v));
}

static struct json_object *one(const struct devices *d, size_t i)
{
	const struct hostdev *dev = d->set.dev[i];
	struct json_object *o = json_object_new_object();

	put_str(o, "device", dev->bdf);
	put_str(o, "name", dev->name);
	json_put_bool(o, "companion", d->set.companion[i]);
	put_int(o, "group", dev->group);
	put_str(o, "driver", dev->driver);
	json_put_bool(o, "bind", !hostdev_with_vfio(dev));
	put_str(o, "reset", d->set.no_reset[i] ? "off" : dev->reset);
	put_int(o, "host_node", dev->node);
	if (d->set.companion[i])
		return o;
	put_int(o, "node", d->node[i]);
	put_int(o, "port", d->port[i]);
	json_put_bool(o, "rom", d->rom[i]);
	return o;
}

struct json_object *devices_to_json(const struct devices *d)
{
	struct json_object *a = json_object_new_array();

	for (size_t i = 0; i < d->set.nr; i++)
		(void)json_object_array_add(a, one(d, i));
	return a;
}
