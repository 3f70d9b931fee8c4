/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vmstat_test.c - what is kept of a monitor's figures, also of one that its
 * guest has taken over; and how they are printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness/hosttree.h"
#include "vmm/lib/json.h"
#include "vmm/manager/procuse.h"
#include "vmm/manager/vmstat.h"

#define MIB (1LL << 20)

static void keep(struct vmstat *s, const char *text, const char *tap)
{
	AUTO_JSON struct json_object *o = NULL;

	assert_int_equal(json_parse(text, strlen(text), "test", &o, NULL), 0);
	assert_int_equal(vmstat_keep(s, o, tap), 0);
}

static const struct vmstat_figure *find(const struct vmstat *s,
					const char *part, const char *name)
{
	for (size_t i = 0; i < s->nr_figures; i++)
		if (strcmp(s->figure[i].part, part) == 0 &&
		    strcmp(s->figure[i].name, name) == 0)
			return &s->figure[i];
	return NULL;
}

static const char two_disks[] =
	"{\"ok\":true,\"devices\":["
	"{\"device\":\"blk\",\"id\":\"root\",\"bytes\":512,\"read_bytes\":1000,"
	"\"write_bytes\":0},"
	"{\"device\":\"net\",\"backend\":\"tap\",\"vhost\":0,\"rx_bytes\":7,"
	"\"tx_bytes\":9},"
	"{\"device\":\"blk\",\"id\":\"a\\u001b\\\"\\\\b\",\"read_bytes\":500,"
	"\"write_bytes\":2048},"
	"{\"device\":\"rng\",\"bytes\":64}],"
	"\"vcpus\":[{\"io_exits\":1,\"kvm_exits\":11},{\"io_exits\":2}]}";

static void devices_are_named_and_summed(void **state)
{
	struct vmstat s = { .name = "box" };

	(void)state;
	keep(&s, two_disks, NULL);
	assert_int_equal(find(&s, "blk0", "read_bytes")->value, 1000);
	assert_int_equal(find(&s, "blk1", "write_bytes")->value, 2048);
	assert_string_equal(find(&s, "blk0", "id")->word, "root");
	assert_string_equal(find(&s, "blk1", "id")->word, "a?\"\\b");
	assert_int_equal(find(&s, "vcpu1", "io_exits")->value, 2);
	assert_null(find(&s, "net0", "device"));
	assert_int_equal(s.blk_read, 1500);
	assert_int_equal(s.blk_written, 2048);
	assert_int_equal(s.net_rx, 7);
	assert_int_equal(s.net_tx, 9);
	free(s.figure);
}

static void without_a_device_nothing_is_known(void **state)
{
	struct vmstat s = { 0 };

	(void)state;
	keep(&s, "{\"ok\":true,\"devices\":[],\"vcpus\":[]}", NULL);
	assert_int_equal(s.net_rx, -1);
	assert_int_equal(s.blk_read, -1);
	assert_int_equal(s.nr_figures, 0);
	keep(&s, "{\"ok\":true,\"devices\":7}", NULL);
	keep(&s, "{\"ok\":true}", NULL);
	assert_int_equal(s.nr_figures, 0);
}

static void a_lying_monitor_is_kept_in_bounds(void **state)
{
	struct vmstat s = { 0 };

	(void)state;
	keep(&s,
	     "{\"devices\":[1,null,[],{},{\"device\":3,\"a\":1},"
	     "{\"device\":\"../x\",\"a\":1},"
	     "{\"device\":\"averyveryverylongnameofadevice\",\"a\":1},"
	     "{\"device\":\"blk\",\"read_bytes\":-5,\"Bad\":1,\"b\\n\":2,"
	     "\"x\\\"}\":3,\"9a\":1,\"\":1,\"f\":1.5,\"o\":{},"
	     "\"thisnameislongerthanthirtytwobytes\":1,"
	     "\"write_bytes\":9223372036854775807},"
	     "{\"device\":\"blk\",\"read_bytes\":1,"
	     "\"write_bytes\":9223372036854775807}]}",
	     NULL);
	assert_int_equal(find(&s, "blk0", "read_bytes")->value, 0);
	assert_null(find(&s, "blk0", "Bad"));
	assert_null(find(&s, "blk0", "9a"));
	assert_null(find(&s, "blk0", "f"));
	assert_null(find(&s, "blk0", "o"));
	/* Cut, not dropped: the model's name is only part of ours. */
	assert_non_null(find(&s, "averyveryverylon0", "a"));
	assert_int_equal(s.nr_figures, 5);
	assert_int_equal(s.blk_read, 1);
	/* The sum is more than there can be. */
	assert_int_equal(s.blk_written, -1);
	free(s.figure);
}

static void no_monitor_fills_our_memory(void **state)
{
	struct vmstat s = { 0 };
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	(void)fprintf(f, "{\"devices\":[");
	for (int i = 0; i < 1000; i++) {
		(void)fprintf(f, "%s{\"device\":\"blk\"", i ? "," : "");
		for (int k = 0; k < 50; k++)
			(void)fprintf(f, ",\"f%d\":1", k);
		(void)fprintf(f, "}");
	}
	(void)fprintf(f, "]}");
	(void)fclose(f);
	keep(&s, text, NULL);
	assert_int_equal(s.nr_figures, VMSTAT_FIGURES_MAX);
	free(text);
	free(s.figure);
}

static const char vhost[] =
	"{\"devices\":[{\"device\":\"net\",\"vhost\":1,\"rx_frames\":0,"
	"\"rx_bytes\":0,\"tx_frames\":0,\"tx_bytes\":0}]}";

static void frames_of_vhost_are_the_taps(void **state)
{
	struct vmstat s = { 0 };
	struct hosttree t;
	char dir[64];

	(void)state;
	hosttree_init(&t);
	(void)snprintf(dir, sizeof(dir), "%s/tap", t.root);
	keep(&s, vhost, NULL);
	assert_int_equal(s.net_rx, -1);
	free(s.figure);

	s = (struct vmstat){ 0 };
	keep(&s, vhost, dir);
	assert_int_equal(s.net_rx, -1);
	free(s.figure);

	/* What the host receives is what the guest has sent. */
	hosttree_put(&t, "/tap/rx_bytes", "100\n");
	hosttree_put(&t, "/tap/tx_bytes", "20\n");
	hosttree_put(&t, "/tap/rx_packets", "3\n");
	hosttree_put(&t, "/tap/tx_packets", "2\n");
	s = (struct vmstat){ 0 };
	keep(&s, vhost, dir);
	assert_int_equal(s.net_rx, 20);
	assert_int_equal(s.net_tx, 100);
	assert_int_equal(find(&s, "net0", "tx_frames")->value, 3);
	free(s.figure);
	hosttree_done(&t);
}

static char *printed(int (*print)(const struct vmstat_list *now, FILE *to),
		     const struct vmstat_list *now)
{
	FILE *f = tmpfile();

	assert_non_null(f);
	assert_int_equal(print(now, f), 0);
	size_t len = (size_t)ftell(f);
	char *text = calloc(1, len + 1);
	assert_non_null(text);
	rewind(f);
	assert_int_equal(fread(text, 1, len, f), len);
	(void)fclose(f);
	return text;
}

static const struct vmstat busy = {
	.id = "0123456789ab",
	.name = "box",
	.running = true,
	.answered = true,
	.ns = 3000000000,
	.cpu_usec = 2500000,
	.memory = 128 * MIB,
	.memory_max = 512 * MIB,
	.pids = 6,
	.net_rx = 1500,
	.net_tx = 0,
	.blk_read = 20500000,
	.blk_written = 999,
};

/* Its monitor hangs; there is no group. */
static const struct vmstat hangs = {
	.id = "ba9876543210",
	.name = "hung",
	.running = true,
	.cpu_usec = -1,
	.memory = -1,
	.memory_max = -1,
	.pids = -1,
	.net_rx = -1,
	.net_tx = -1,
	.blk_read = -1,
	.blk_written = -1,
};

static int table_after_a_second(const struct vmstat_list *now, FILE *to)
{
	struct vmstat was = busy;
	struct vmstat_list before = { &was, 1 };

	was.ns -= 1000000000;
	was.cpu_usec -= 1500000;
	return vmstat_print_table(&before, now, to);
}

static int json_at_once(const struct vmstat_list *now, FILE *to)
{
	static const struct vmstat_list none;

	return vmstat_print_json(&none, now, to);
}

static void the_table_is_dockers(void **state)
{
	struct vmstat v[] = { busy, hangs };
	struct vmstat_list now = { v, 2 };
	char *text = printed(table_after_a_second, &now);

	(void)state;
	assert_string_equal(
		text,
		"NAME   CPU %     MEM USAGE / LIMIT   MEM %    NET I/O      "
		"BLOCK I/O       PIDS\n"
		"box    150.00%   128MiB / 512MiB     25.00%   1.5kB / 0B   "
		"20.5MB / 999B   6\n"
		"hung   --        -- / --             --       -- / --      "
		"-- / --         --\n");
	free(text);
}

static void json_has_a_line_for_each(void **state)
{
	struct vmstat v[] = { busy, hangs };
	struct vmstat_list now = { v, 2 };
	AUTO_JSON struct json_object *o = NULL;
	struct json_object *stats = NULL, *devices = NULL;
	int64_t n = 0;

	(void)state;
	keep(&v[0], two_disks, NULL);
	char *text = printed(json_at_once, &now);
	char *end = strchr(text, '\n');
	assert_non_null(end);
	assert_int_equal(json_parse(text, (size_t)(end - text), "t", &o, NULL),
			 0);
	assert_string_equal(json_str_or(o, "Name", ""), "box");
	assert_string_equal(json_str_or(o, "CPUPerc", ""), "--");
	assert_string_equal(json_str_or(o, "MemUsage", ""), "128MiB / 512MiB");
	assert_int_equal(json_get_obj(o, "Stats", &stats, NULL), 0);
	assert_int_equal(json_get_i64(stats, "cpu_usec", &n, NULL), 0);
	assert_int_equal(n, 2500000);
	assert_int_equal(json_get_obj(stats, "devices", &devices, NULL), 0);
	assert_int_equal(json_get_obj(devices, "blk1", &stats, NULL), 0);
	assert_int_equal(json_get_i64(stats, "write_bytes", &n, NULL), 0);
	assert_int_equal(n, 2048);
	assert_non_null(strstr(end, "\"Name\":\"hung\""));
	assert_non_null(strstr(end, "\"cpu_usec\":null"));
	free(text);
	free(v[0].figure);
}

static void parts_have_a_line_for_each_figure(void **state)
{
	struct vmstat v[] = { busy, hangs };
	struct vmstat_list now = { v, 2 };

	(void)state;
	keep(&v[0], two_disks, NULL);
	char *text = printed(vmstat_print_parts, &now);
	assert_non_null(strstr(text, "\nbox    blk1     write_bytes   2048\n"));
	assert_non_null(strstr(text, "\nhung   --       --            --\n"));
	free(text);
	free(v[0].figure);
}

/* Each metric stands in one piece, after its own HELP and TYPE. */
static void check_pieces(char *text)
{
	char last[128] = "", seen[8192] = "";

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char name[128];

		if (line[0] == '#')
			continue;
		(void)snprintf(name, sizeof(name), "|%.*s|",
			       (int)strcspn(line, "{ "), line);
		if (strcmp(name, last) == 0)
			continue;
		assert_null(strstr(seen, name));
		(void)strncat(seen, name, sizeof(seen) - strlen(seen) - 1);
		(void)snprintf(last, sizeof(last), "%s", name);
	}
}

static void prometheus_gets_each_metric_in_one_piece(void **state)
{
	struct vmstat v[] = { busy, hangs };
	struct vmstat_list now = { v, 2 };

	(void)state;
	keep(&v[0], two_disks, NULL);
	keep(&v[1], two_disks, NULL);
	v[1].blk_read = v[1].blk_written = v[1].net_rx = v[1].net_tx = -1;
	char *text = printed(vmstat_print_prometheus, &now);
#define BOX  "{vm=\"box\",id=\"0123456789ab\""
#define HUNG "{vm=\"hung\",id=\"ba9876543210\""
	static const char *const want[] = {
		"# TYPE belljar_vm_up gauge\nbelljar_vm_up" BOX
		"} 1\nbelljar_vm_up" HUNG "} 0\n",
		"# TYPE belljar_vm_cpu_seconds_total counter\n"
		"belljar_vm_cpu_seconds_total" BOX "} 2.500000\n# HELP",
		"belljar_vm_memory_bytes" BOX "} 134217728\n# HELP",
		"# TYPE belljar_device_read_bytes_total counter\n"
		"belljar_device_read_bytes_total" BOX ",device=\"blk0\"} 1000\n"
		"belljar_device_read_bytes_total" BOX ",device=\"blk1\"} 500\n"
		"belljar_device_read_bytes_total" HUNG ",device=\"blk0\"} 1000",
		/* A size is none of the bytes that were counted. */
		"# TYPE belljar_device_size_bytes gauge\n"
		"belljar_device_size_bytes" BOX ",device=\"blk0\"} 512\n",
		"# TYPE belljar_device_bytes_total counter\n"
		"belljar_device_bytes_total" BOX ",device=\"rng0\"} 64\n",
		"belljar_vcpu_kvm_exits_total" BOX ",vcpu=\"0\"} 11\n",
	};
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		if (!strstr(text, want[i]))
			fail_msg("no '%s' in\n%s", want[i], text);
	assert_null(strstr(text, "\"root\""));
	check_pieces(text);
	free(text);
	free(v[0].figure);
	free(v[1].figure);
}

static void labels_are_escaped(void **state)
{
	struct vmstat v = busy;
	struct vmstat_list now = { &v, 1 };

	(void)state;
	(void)snprintf(v.name, sizeof(v.name), "a\"b\\c\nd");
	char *text = printed(vmstat_print_prometheus, &now);
	assert_non_null(strstr(text, "{vm=\"a\\\"b\\\\c\\nd\",id="));
	free(text);
}

static void processor_time_needs_two_readings(void **state)
{
	struct vmstat now = busy, was = busy;

	(void)state;
	assert_true(vmstat_cpu(NULL, &now) < 0);
	assert_true(vmstat_cpu(&was, &now) < 0);
	was.ns -= 2000000000;
	assert_true(vmstat_cpu(&was, &now) == 0);
	was.cpu_usec -= 1000000;
	assert_true(vmstat_cpu(&was, &now) == 50);
	was.cpu_usec = -1;
	assert_true(vmstat_cpu(&was, &now) < 0);
	was.cpu_usec = now.cpu_usec + 1;
	assert_true(vmstat_cpu(&was, &now) < 0);
}

static void processes_are_read(void **state)
{
	struct procuse sum = { 0 };
	struct hosttree t;
	long tick = sysconf(_SC_CLK_TCK), page = sysconf(_SC_PAGESIZE);

	(void)state;
	hosttree_init(&t);
	hosttree_put(&t, "/proc/7/stat",
		     "7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 200 300 0 0 20 0 4 0 "
		     "99 100000 25 18446744073709551615\n");
	hosttree_put(&t, "/proc/8/stat", "8 (cut) S 1 2\n");
	hosttree_put(&t, "/proc/9/stat", "nothing\n");
	assert_int_equal(procuse_add(t.root, 7, &sum), 0);
	assert_int_equal(procuse_add(t.root, 7, &sum), 0);
	assert_int_equal(sum.cpu_usec, 1000 * 1000000LL / tick);
	assert_int_equal(sum.memory, 50 * page);
	assert_int_equal(sum.threads, 8);
	assert_int_equal(procuse_add(t.root, 8, &sum), -EPROTO);
	assert_int_equal(procuse_add(t.root, 9, &sum), -EPROTO);
	assert_int_equal(procuse_add(t.root, 10, &sum), -ENOENT);
	assert_int_equal(sum.threads, 8);
	/* And the real thing. */
	sum = (struct procuse){ 0 };
	assert_int_equal(procuse_add("", getpid(), &sum), 0);
	assert_true(sum.memory > 0 && sum.threads >= 1);
	hosttree_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices_are_named_and_summed),
		cmocka_unit_test(without_a_device_nothing_is_known),
		cmocka_unit_test(a_lying_monitor_is_kept_in_bounds),
		cmocka_unit_test(no_monitor_fills_our_memory),
		cmocka_unit_test(frames_of_vhost_are_the_taps),
		cmocka_unit_test(the_table_is_dockers),
		cmocka_unit_test(json_has_a_line_for_each),
		cmocka_unit_test(parts_have_a_line_for_each_figure),
		cmocka_unit_test(prometheus_gets_each_metric_in_one_piece),
		cmocka_unit_test(labels_are_escaped),
		cmocka_unit_test(processor_time_needs_two_readings),
		cmocka_unit_test(processes_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
