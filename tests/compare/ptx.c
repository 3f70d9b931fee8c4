/* SPDX-License-Identifier: Apache-2.0 */
/* ptx.c - read a kernel and run it; see ptx.h. */
#include "tests/compare/ptx.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 100000 /* of one thread: it hangs */

enum {
	OP_MOV,
	OP_PARAM,
	OP_ADDRESS,
	OP_MAD,
	OP_MUL,
	OP_WIDE,
	OP_DIV,
	OP_REM,
	OP_SUB,
	OP_ADD,
	OP_GE,
	OP_EQ,
	OP_FMA,
	OP_LOAD,
	OP_STORE,
	OP_BRANCH,
	OP_RETURN,
	NR_OPS
};

static const struct {
	const char *name;
	int op;
} ops[] = {
	{ "mov.u32", OP_MOV },
	{ "mov.f32", OP_MOV },
	{ "ld.param.u32", OP_PARAM },
	{ "ld.param.u64", OP_PARAM },
	{ "cvta.to.global.u64", OP_ADDRESS },
	{ "mad.lo.u32", OP_MAD },
	{ "mul.lo.u32", OP_MUL },
	{ "mul.wide.u32", OP_WIDE },
	{ "div.u32", OP_DIV },
	{ "rem.u32", OP_REM },
	{ "sub.u32", OP_SUB },
	{ "add.u64", OP_ADD },
	{ "setp.ge.u32", OP_GE },
	{ "setp.eq.u32", OP_EQ },
	{ "fma.rn.f32", OP_FMA },
	{ "ld.global.f32", OP_LOAD },
	{ "st.global.f32", OP_STORE },
	{ "bra", OP_BRANCH },
	{ "ret", OP_RETURN },
};

static int op_of(const char *name)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (strcmp(ops[i].name, name) == 0)
			return ops[i].op;
	return NR_OPS;
}

static const char *const specials[] = { "%ctaid.x", "%ntid.x", "%tid.x" };

/* The number of @name among @names, which gets it if it is new. */
static int name_of(struct ptx_names *names, const char *name)
{
	for (size_t i = 0; i < names->nr; i++)
		if (strcmp(names->name[i], name) == 0)
			return (int)i;
	if (names->nr == PTX_NAMES_MAX || strlen(name) >= PTX_NAME_LEN)
		return -1;
	(void)snprintf(names->name[names->nr], PTX_NAME_LEN, "%s", name);
	return (int)names->nr++;
}

static bool parse_operand(struct ptx *p, char *text, bool label,
			  struct ptx_operand *ret)
{
	char *end = NULL;
	int n;

	for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++)
		if (strcmp(text, specials[i]) == 0) {
			*ret = (struct ptx_operand){ PTX_SPECIAL, i };
			return true;
		}
	if (text[0] == '[') { /* of a register, or a parameter */
		text[strcspn(text, "]")] = '\0';
		text++;
		if (text[0] != '%') {
			n = name_of(&p->params, text);
			*ret = (struct ptx_operand){ PTX_PARAM, (uint64_t)n };
			return n >= 0 && n < PTX_PARAMS_MAX && p->param_bits[n];
		}
	}
	if (text[0] == '%' || label) {
		n = name_of(label ? &p->labels : &p->registers, text);
		*ret = (struct ptx_operand){ label ? PTX_LABEL : PTX_REGISTER,
					     (uint64_t)n };
		return n >= 0;
	}
	/* 0f and hexadecimal digits are the bits of a float. */
	uint64_t v = strncmp(text, "0f", 2) == 0 ? strtoul(text + 2, &end, 16)
						 : strtoul(text, &end, 10);
	*ret = (struct ptx_operand){ PTX_NUMBER, v };
	return end != text && *end == '\0';
}

static bool parse_code(struct ptx *p, char *line)
{
	struct ptx_code *c = &p->code[p->nr];
	char *save = NULL;

	if (p->nr == PTX_CODE_MAX)
		return false;
	char *word = strtok_r(line, " ,;", &save);
	c->guard = -1;
	if (word && word[0] == '@') {
		c->guard = name_of(&p->registers, word + 1);
		word = strtok_r(NULL, " ,;", &save);
	}
	c->op = word ? op_of(word) : NR_OPS;
	if (c->op == NR_OPS)
		return false;
	while ((word = strtok_r(NULL, " ,;", &save)) != NULL) {
		if (c->nr == 4 || !parse_operand(p, word, c->op == OP_BRANCH,
						 &c->operand[c->nr++]))
			return false;
	}
	p->nr++;
	return true;
}

/* ".param .u64 a, .param .u64 b" */
static bool parse_params(struct ptx *p, char *line)
{
	unsigned bits = 0;
	char *save = NULL;

	for (char *w = strtok_r(line, " ,()", &save); w;
	     w = strtok_r(NULL, " ,()", &save)) {
		if (strcmp(w, ".param") == 0)
			continue;
		if (strncmp(w, ".u", 2) == 0) {
			bits = (unsigned)strtoul(w + 2, NULL, 10);
			continue;
		}
		int n = name_of(&p->params, w);
		if (n < 0 || n >= PTX_PARAMS_MAX)
			return false;
		p->param_bits[n] = bits;
	}
	return true;
}

static bool parse_line(struct ptx *p, char *line)
{
	static const char entry[] = ".visible .entry ";
	size_t len = strlen(line);

	if (strncmp(line, entry, sizeof(entry) - 1) == 0) {
		line += sizeof(entry) - 1;
		(void)snprintf(p->entry, sizeof(p->entry), "%.*s",
			       (int)strcspn(line, "("), line);
		return true;
	}
	if (strncmp(line, ".param", 6) == 0)
		return parse_params(p, line);
	if (line[0] == '.' || line[0] == '{' || line[0] == '}' || len == 0)
		return true;
	if (line[len - 1] != ':')
		return parse_code(p, line);
	line[len - 1] = '\0';
	int n = name_of(&p->labels, line);
	if (n >= 0)
		p->label_at[n] = p->nr;
	return n >= 0;
}

bool ptx_parse(const char *text, struct ptx *ret)
{
	char *copy = strdup(text), *rest = copy, *line;
	bool ok = copy != NULL;

	*ret = (struct ptx){ .nr = 0 };
	while (ok && (line = strsep(&rest, "\n")) != NULL)
		ok = parse_line(ret, line + strspn(line, " \t"));
	free(copy);
	return ok && ret->nr;
}

struct thread {
	const struct ptx *p;
	uint64_t special[3];
	void *const *params;
	bool (*may)(uint64_t address);
	uint64_t r[PTX_NAMES_MAX];
};

static uint64_t value(const struct thread *t, const struct ptx_operand *o)
{
	uint64_t v = 0;

	switch (o->kind) {
	case PTX_REGISTER:
		return t->r[o->value];
	case PTX_SPECIAL:
		return t->special[o->value];
	case PTX_PARAM:
		memcpy(&v, t->params[o->value], t->p->param_bits[o->value] / 8);
		return v;
	default:
		return o->value;
	}
}

static float as_float(uint64_t bits)
{
	uint32_t b = (uint32_t)bits;
	float f;

	memcpy(&f, &b, sizeof(f));
	return f;
}

static uint64_t as_bits(float f)
{
	uint32_t b;

	memcpy(&b, &f, sizeof(b));
	return b;
}

static bool load(struct thread *t, const struct ptx_operand *o)
{
	uint64_t at = value(t, &o[1]);
	float f;

	if (!t->may(at))
		return false;
	memcpy(&f, (const void *)(uintptr_t)at, sizeof(f));
	t->r[o[0].value] = as_bits(f);
	return true;
}

static bool store(const struct thread *t, const struct ptx_operand *o)
{
	uint64_t at = value(t, &o[0]);
	float f = as_float(value(t, &o[1]));

	if (!t->may(at))
		return false;
	memcpy((void *)(uintptr_t)at, &f, sizeof(f));
	return true;
}

static uint64_t compute(int op, uint64_t a, uint64_t b, uint64_t c)
{
	uint32_t x = (uint32_t)a, y = (uint32_t)b, z = (uint32_t)c;

	switch (op) {
	case OP_MAD:
		return (uint32_t)(x * y + z);
	case OP_MUL:
		return (uint32_t)(x * y);
	case OP_WIDE:
		return (uint64_t)x * y;
	case OP_DIV:
		return y ? x / y : UINT32_MAX;
	case OP_REM:
		return y ? x % y : x;
	case OP_SUB:
		return (uint32_t)(x - y);
	case OP_ADD:
		return a + b;
	case OP_GE:
		return x >= y;
	case OP_EQ:
		return x == y;
	case OP_FMA:
		return as_bits(fmaf(as_float(a), as_float(b), as_float(c)));
	default: /* mov, ld.param, cvta */
		return a;
	}
}

static bool run_thread(struct thread *t)
{
	size_t at = 0;

	for (unsigned steps = 0; at < t->p->nr && steps < STEPS_MAX; steps++) {
		const struct ptx_code *c = &t->p->code[at++];
		const struct ptx_operand *o = c->operand;

		if (c->guard >= 0 && !t->r[c->guard])
			continue;
		if (c->op == OP_RETURN)
			return true;
		if (c->op == OP_BRANCH) {
			at = t->p->label_at[o[0].value];
		} else if (c->op == OP_LOAD || c->op == OP_STORE) {
			if (c->op == OP_LOAD ? !load(t, o) : !store(t, o))
				return false;
		} else {
			t->r[o[0].value] =
				compute(c->op, value(t, &o[1]), value(t, &o[2]),
					value(t, &o[3]));
		}
	}
	return false;
}

bool ptx_run(const struct ptx *p, unsigned blocks, unsigned threads,
	     void *const *params, bool (*may)(uint64_t address))
{
	for (unsigned b = 0; b < blocks; b++)
		for (unsigned i = 0; i < threads; i++) {
			struct thread t = { .p = p,
					    .special = { b, threads, i },
					    .params = params,
					    .may = may };

			if (!run_thread(&t))
				return false;
		}
	return true;
}
