/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_network.c - `belljar network`: create, ls, inspect and rm. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/abi/switch.h"
#include "vmm/lib/json.h"
#include "vmm/manager/cli.h"
#include "vmm/manager/cmd.h"
#include "vmm/manager/networks.h"
#include "vmm/manager/vmdir.h"

enum { KEY_SUBNET = 0x100, KEY_INTERNAL };

struct network_args {
	const char *subnet;
	bool internal, quiet;
	char **names;
	int nr_names;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct network_args *a = state->input;

	switch (key) {
	case KEY_SUBNET:
		a->subnet = arg;
		return 0;
	case KEY_INTERNAL:
		a->internal = true;
		return 0;
	case 'q':
		a->quiet = true;
		return 0;
	case ARGP_KEY_ARG:
		a->names = state->argv + state->next - 1;
		a->nr_names = state->argc - state->next + 1;
		state->next = state->argc;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int create(struct manager *mgr, const struct network_args *a)
{
	struct err err;

	if (a->nr_names != 1) {
		(void)err_say(&err, EINVAL,
			      "give one name: 'belljar network create NAME'");
		return cmd_fail(&err);
	}
	if (networks_create(mgr, a->names[0], a->subnet, a->internal, &err) < 0)
		return cmd_fail(&err);
	(void)printf("%s\n", a->names[0]);
	return 0;
}

/* VMs that run on a network, as members of an object. */
struct members {
	const struct network *net;
	struct json_object *to;
	int nr;
};

static int add_member(const struct vmdir *vm, void *arg)
{
	AUTO_JSON struct json_object *spec = NULL;
	AUTO_JSON struct json_object *state = NULL;
	struct members *m = arg;
	char addr[64];

	if (!vmdir_running(vm) ||
	    vmdir_read(vm, "spec.json", &spec, NULL) < 0 ||
	    strcmp(json_str_or(spec, "network", ""), m->net->name) != 0 ||
	    vmdir_read(vm, "state.json", &state, NULL) < 0)
		return 0;
	m->nr++;
	if (!m->to)
		return 0;
	struct json_object *o = json_object_new_object();
	json_put_str(o, "Name", vm->name);
	(void)snprintf(addr, sizeof(addr), "%s/%u",
		       json_str_or(state, "address", ""), m->net->prefix);
	json_put_str(o, "IPv4Address", addr);
	json_put_str(o, "MacAddress", json_str_or(state, "mac", ""));
	(void)json_object_object_add(m->to, vm->id, o);
	return 0;
}

struct listing {
	struct manager *mgr;
	bool quiet;
};

static int list_one(const struct network *net, void *arg)
{
	const struct listing *l = arg;
	struct members m = { .net = net };
	char subnet[NETWORK_SUBNET];

	if (l->quiet) {
		(void)printf("%s\n", net->name);
		return 0;
	}
	networks_subnet(net, subnet);
	(void)vmdir_walk(l->mgr, add_member, &m, NULL);
	(void)printf("%-32s  %-18s  %-8s  %d\n", net->name, subnet,
		     net->internal ? "internal" : "user", m.nr);
	return 0;
}

static int list(struct manager *mgr, const struct network_args *a)
{
	struct listing l = { mgr, a->quiet };
	struct err err;

	if (!a->quiet)
		(void)printf("%-32s  %-18s  %-8s  %s\n", "NAME", "SUBNET",
			     "OUTSIDE", "VMS");
	return networks_walk(mgr, list_one, &l, &err) < 0 ? cmd_fail(&err) : 0;
}

static const char *host_of(const struct network *net, unsigned host,
			   char text[INET_ADDRSTRLEN])
{
	struct in_addr a = networks_host(net, host);

	return inet_ntop(AF_INET, &a, text, INET_ADDRSTRLEN);
}

/* Under docker's names. */
static struct json_object *describe(struct manager *mgr,
				    const struct network *net)
{
	struct json_object *o = json_object_new_object();
	struct json_object *config = json_object_new_object();
	struct json_object *ipam = json_object_new_object();
	struct json_object *configs = json_object_new_array();
	struct members m = { .net = net, .to = json_object_new_object() };
	char subnet[NETWORK_SUBNET], text[INET_ADDRSTRLEN];

	networks_subnet(net, subnet);
	json_put_str(config, "Subnet", subnet);
	if (!net->internal)
		json_put_str(config, "Gateway",
			     host_of(net, SWITCH_GATEWAY, text));
	(void)json_object_array_add(configs, config);
	(void)json_object_object_add(ipam, "Config", configs);
	(void)vmdir_walk(mgr, add_member, &m, NULL);
	json_put_str(o, "Name", net->name);
	json_put_bool(o, "Internal", net->internal);
	(void)json_object_object_add(o, "IPAM", ipam);
	json_put_str(o, "DNS", host_of(net, SWITCH_DNS, text));
	(void)json_object_object_add(o, "Containers", m.to);
	return o;
}

static int inspect(struct manager *mgr, const struct network_args *a)
{
	AUTO_JSON struct json_object *all = json_object_new_array();
	int status = 0;

	for (int i = 0; i < a->nr_names; i++) {
		struct network net;
		struct err err;

		if (networks_open(mgr, a->names[i], false, &net, &err) < 0)
			status = cmd_fail(&err);
		else
			(void)json_object_array_add(all, describe(mgr, &net));
	}
	(void)printf("%s\n",
		     json_object_to_json_string_ext(
			     all, JSON_C_TO_STRING_PRETTY |
					  JSON_C_TO_STRING_NOSLASHESCAPE));
	return status;
}

static int rm(struct manager *mgr, const struct network_args *a)
{
	int status = 0;

	for (int i = 0; i < a->nr_names; i++) {
		struct err err;

		if (networks_remove(mgr, a->names[i], &err) < 0)
			status = cmd_fail(&err);
		else
			(void)printf("%s\n", a->names[i]);
	}
	return status;
}

static const struct argp_option none[] = { { 0 } };

static const struct argp_option create_options[] = {
	{ "subnet", KEY_SUBNET, "ADDRESS/PREFIX", 0,
	  "Addresses of its VMs, /8 to /29 (default: a /24 that nobody has)",
	  0 },
	{ "internal", KEY_INTERNAL, NULL, 0,
	  "Its VMs reach each other and nothing else", 0 },
	{ 0 },
};

static const struct argp_option ls_options[] = {
	{ "quiet", 'q', NULL, 0, "Only the names", 0 },
	{ 0 },
};

static const struct verb {
	const char *name, *args, *doc;
	const struct argp_option *options;
	int (*run)(struct manager *mgr, const struct network_args *a);
	bool names; /* takes one or more */
} verbs[] = {
	{ "create", "NAME",
	  "Make a network: VMs started with --network NAME reach each other, by "
	  "address and by name.",
	  create_options, create, false },
	{ "ls", "", "List networks, and how many VMs are on each.", ls_options,
	  list, false },
	{ "inspect", "NAME...", "Print networks and their VMs, as JSON.", none,
	  inspect, true },
	{ "rm", "NAME...", "Remove networks that no VM is on.", none, rm,
	  true },
};

#define NR_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static int run(struct manager *mgr, const struct verb *v, int argc, char **argv)
{
	const struct argp argp = {
		.options = v->options,
		.parser = parse,
		.args_doc = v->args,
		.doc = v->doc,
	};
	struct network_args a = { 0 };
	char name[64];
	struct err err;

	(void)snprintf(name, sizeof(name), "belljar network %s", v->name);
	int r = cli_parse(&argp, name, argc, argv, &a, &err);
	if (r == CLI_HELPED)
		return 0;
	if (r == 0 && v->names && a.nr_names == 0)
		r = err_say(
			&err, EINVAL,
			"no network given; 'belljar network ls' lists them");
	if (r == 0 && v->run == list && a.nr_names)
		r = err_say(&err, EINVAL,
			    "'%s' is not expected; 'belljar network inspect "
			    "%s' shows one",
			    a.names[0], a.names[0]);
	if (r == 0)
		r = vmdir_repair(mgr, &err);
	return r < 0 ? cmd_fail(&err) : v->run(mgr, &a);
}

static const char help[] =
	"Usage: belljar network COMMAND\n"
	"Networks that several VMs share.\n"
	"\n"
	"Commands (belljar network COMMAND --help says more):\n"
	"  create     Make one\n"
	"  ls         List them\n"
	"  inspect    Print them and their VMs, as JSON\n"
	"  rm         Remove those that no VM is on\n";

int cmd_network(struct manager *mgr, int argc, char **argv)
{
	const char *names[NR_VERBS + 1] = { NULL };
	const char *verb = argc > 1 ? argv[1] : "";
	struct err err;

	for (size_t i = 0; i < NR_VERBS; i++) {
		names[i] = verbs[i].name;
		if (strcmp(verb, verbs[i].name) == 0)
			return run(mgr, &verbs[i], argc - 1, argv + 1);
	}
	if (strcmp(verb, "--help") == 0) {
		(void)fputs(help, stdout);
		return 0;
	}
	const char *near = verb[0] ? cli_closest(verb, names) : NULL;
	(void)err_say(&err, EINVAL,
		      verb[0] ? "unknown command 'network %s'%s%s%s; see "
				"'belljar network --help'"
			      : "no command given after 'network'%s%s%s%s; see "
				"'belljar network --help'",
		      verb, near ? " (did you mean '" : "", near ? near : "",
		      near ? "'?)" : "");
	return cmd_fail(&err);
}
