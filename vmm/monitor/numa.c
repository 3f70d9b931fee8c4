/* SPDX-License-Identifier: Apache-2.0 */
/* numa.c - vCPUs and distances of the guest's NUMA nodes. */
#include "vmm/monitor/numa.h"

#include <sched.h>
#include <string.h>

#include "vmm/lib/hostmem.h"
#include "vmm/lib/log.h"

#define NEAREST 11 /* of another node: 10 is a node's distance to itself */

static unsigned first_cpu(const struct config *c, unsigned node)
{
	return c->cpus * node / c->nr_nodes;
}

int numa_describe(struct vm *vm, struct machine *m, struct err *err)
{
	const struct config *c = vm->config;

	m->nr_nodes = c->nr_nodes;
	for (unsigned i = 0; i < c->nr_nodes; i++) {
		struct machine_node *node = &m->node[i];

		node->first_cpu = first_cpu(c, i);
		node->nr_cpus = first_cpu(c, i + 1) - node->first_cpu;
		int r = host_distances("", c->node[i], c->node, c->nr_nodes,
				       node->distance, err);
		if (r == 0)
			r = host_node_cpus("", c->node[i], &vm->node_cpus[i],
					   err);
		if (r < 0)
			return r;
		/* Two nodes of the guest may share one of the host. */
		for (unsigned k = 0; k < c->nr_nodes; k++)
			if (k != i && node->distance[k] < NEAREST)
				node->distance[k] = NEAREST;
	}
	return 0;
}

void numa_bind_vcpus(struct vm *vm)
{
	const struct config *c = vm->config;
	struct host_set ours = { 0 };

	/*
	 * By number 0: behind a clone() of our own, the C library has the
	 * number of another.  All, where there are more than this can say.
	 */
	if (c->nr_nodes > 0 &&
	    sched_getaffinity(0, sizeof(ours.set), ours.set) < 0)
		memset(ours.set, 0xff, sizeof(ours.set));
	for (unsigned n = 0; n < c->nr_nodes; n++) {
		struct host_set *cpus = &vm->node_cpus[n];
		int r = 0;

		host_set_cut(cpus, &ours);

		for (unsigned i = first_cpu(c, n);
		     cpus->nr > 0 && r == 0 && i < first_cpu(c, n + 1); i++)
			r = pthread_setaffinity_np(vm->vcpu[i].thread.id,
						   sizeof(cpus->set),
						   cpus->set);
		if (r > 0)
			log_warn("vCPUs of node %u may not be bound to the "
				 "processors of host node %u: %s, ignoring",
				 n, c->node[n], strerrordesc_np(r));
	}
}
