/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vmstat_prom.c - figures of VMs in Prometheus' text format (version 0.0.4):
 * all samples of a metric together, after its HELP and TYPE.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/lib/auto.h"
#include "vmm/manager/vmstat.h"

#define METRIC_MAX 80
#define USEC	   1e6

/* A figure of a VM itself. */
static const struct {
	const char *name, *type, *help;
	size_t at; /* of an int64_t in struct vmstat */
	double unit;
} own[] = {
	{ "belljar_vm_cpu_seconds_total", "counter",
	  "Processor time that the VM's processes took on the host.",
	  offsetof(struct vmstat, cpu_usec), USEC },
	{ "belljar_vm_memory_bytes", "gauge",
	  "Memory of the host that the VM's processes have.",
	  offsetof(struct vmstat, memory), 1 },
	{ "belljar_vm_memory_limit_bytes", "gauge",
	  "What they may have at most.", offsetof(struct vmstat, memory_max),
	  1 },
	{ "belljar_vm_pids", "gauge",
	  "Processes and threads of the VM on the host.",
	  offsetof(struct vmstat, pids), 1 },
	{ "belljar_vm_network_receive_bytes_total", "counter",
	  "Bytes of frames that went to the guest.",
	  offsetof(struct vmstat, net_rx), 1 },
	{ "belljar_vm_network_transmit_bytes_total", "counter",
	  "Bytes of frames that came from the guest.",
	  offsetof(struct vmstat, net_tx), 1 },
	{ "belljar_vm_block_read_bytes_total", "counter",
	  "Bytes that the guest read from its disks.",
	  offsetof(struct vmstat, blk_read), 1 },
	{ "belljar_vm_block_written_bytes_total", "counter",
	  "Bytes that the guest wrote to its disks.",
	  offsetof(struct vmstat, blk_written), 1 },
};

/* A figure of a part, with its metric's name. */
struct sample {
	char metric[METRIC_MAX];
	bool gauge;
	size_t order; /* as the monitors said them */
	const struct vmstat *vm;
	const struct vmstat_figure *f;
};

static void label(FILE *to, const char *key, const char *value)
{
	(void)fprintf(to, "%s=\"", key);
	for (const char *p = value; *p; p++) {
		if (*p == '\\' || *p == '"')
			(void)fputc('\\', to);
		if (*p == '\n')
			(void)fputs("\\n", to);
		else
			(void)fputc(*p, to);
	}
	(void)fputc('"', to);
}

/* "{vm=...,id=...": the caller closes it. */
static void labels(FILE *to, const struct vmstat *s)
{
	(void)fputc('{', to);
	label(to, "vm", s->name);
	(void)fputc(',', to);
	label(to, "id", s->id);
}

static void head(FILE *to, const char *name, const char *type, const char *help)
{
	(void)fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
		      type);
}

static void print_up(const struct vmstat_list *now, FILE *to)
{
	if (now->n)
		head(to, "belljar_vm_up", "gauge",
		     "Whether the VM runs and its monitor answered in time.");
	for (size_t i = 0; i < now->n; i++) {
		(void)fputs("belljar_vm_up", to);
		labels(to, &now->v[i]);
		(void)fprintf(to, "} %d\n", now->v[i].answered);
	}
}

static void print_own(const struct vmstat_list *now, size_t which, FILE *to)
{
	bool first = true;

	for (size_t i = 0; i < now->n; i++) {
		const struct vmstat *s = &now->v[i];
		int64_t v;

		memcpy(&v, (const char *)s + own[which].at, sizeof(v));
		if (v < 0)
			continue;
		if (first)
			head(to, own[which].name, own[which].type,
			     own[which].help);
		first = false;
		(void)fputs(own[which].name, to);
		labels(to, s);
		if (own[which].unit != 1)
			(void)fprintf(to, "} %.6f\n",
				      (double)v / own[which].unit);
		else
			(void)fprintf(to, "} %" PRId64 "\n", v);
	}
}

static bool is_vcpu(const struct vmstat_figure *f)
{
	return strncmp(f->part, "vcpu", 4) == 0;
}

/* What does not only grow. */
static bool is_gauge(const struct vmstat_figure *f)
{
	static const char *const names[] = { "queues", "most_in_flight",
					     "vhost" };

	/* A disk's size; what the entropy device gave is counted. */
	if (strcmp(f->name, "bytes") == 0)
		return strncmp(f->part, "blk", 3) == 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(f->name, names[i]) == 0)
			return true;
	return false;
}

static void describe(struct sample *m)
{
	bool gauge = is_gauge(m->f);
	const char *name = m->f->name;

	if (gauge && strcmp(name, "bytes") == 0)
		name = "size_bytes";
	m->gauge = gauge;
	(void)snprintf(m->metric, sizeof(m->metric), "belljar_%s_%s%s",
		       is_vcpu(m->f) ? "vcpu" : "device", name,
		       gauge ? "" : "_total");
}

static int by_metric(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;
	int r = strcmp(x->metric, y->metric);

	return r ? r : (x->order > y->order) - (x->order < y->order);
}

static void print_samples(const struct sample *m, size_t n, FILE *to)
{
	for (size_t i = 0; i < n; i++) {
		bool cpu = is_vcpu(m[i].f);

		if (i == 0 || strcmp(m[i].metric, m[i - 1].metric) != 0)
			head(to, m[i].metric, m[i].gauge ? "gauge" : "counter",
			     "docs/stats.md says what it counts.");
		(void)fputs(m[i].metric, to);
		labels(to, m[i].vm);
		(void)fputc(',', to);
		label(to, cpu ? "vcpu" : "device",
		      cpu ? m[i].f->part + 4 : m[i].f->part);
		(void)fprintf(to, "} %" PRIu64 "\n", m[i].f->value);
	}
}

int vmstat_print_prometheus(const struct vmstat_list *now, FILE *to)
{
	size_t n = 0;

	for (size_t i = 0; i < now->n; i++)
		n += now->v[i].nr_figures;
	AUTO_FREE struct sample *m = calloc(n + 1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < now->n; i++)
		for (size_t k = 0; k < now->v[i].nr_figures; k++) {
			struct sample *s = &m[n];

			s->vm = &now->v[i];
			s->f = &now->v[i].figure[k];
			s->order = n;
			if (s->f->is_word)
				continue;
			describe(s);
			n++;
		}
	qsort(m, n, sizeof(*m), by_metric);
	print_up(now, to);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		print_own(now, i, to);
	print_samples(m, n, to);
	return 0;
}
