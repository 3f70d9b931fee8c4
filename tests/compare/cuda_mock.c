/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cuda_mock.c - a libcuda.so.1 without a GPU: what images/compare/gpu/cuda.h
 * wants, in this machine's memory, with ptx.c as the device.
 *
 *   MOCK_CUDA_FAIL=cuInit        that function fails, with CUDA_ERROR_UNKNOWN
 *   MOCK_CUDA_BDF=0000:01:00.0   the only device that is there
 *   MOCK_CUDA_DEVICES=0          how many (default 1)
 *   MOCK_CUDA_WRONG=copy|launch  that loses what it was given
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/compare/ptx.h"

#define ALLOCS_MAX 64

enum {
	SUCCESS = 0,
	INVALID_VALUE = 1,
	OUT_OF_MEMORY = 2,
	NOT_INITIALIZED = 3,
	NO_DEVICE = 100,
	INVALID_DEVICE = 101,
	INVALID_CONTEXT = 201,
	INVALID_PTX = 218,
	NOT_FOUND = 500,
	ILLEGAL_ADDRESS = 700,
	UNKNOWN = 999,
};

static const struct {
	int code;
	const char *name, *text;
} errors[] = {
	{ INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument" },
	{ OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory" },
	{ NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED",
	  "initialization error" },
	{ NO_DEVICE, "CUDA_ERROR_NO_DEVICE",
	  "no CUDA-capable device is detected" },
	{ INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE",
	  "invalid device ordinal" },
	{ INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT",
	  "invalid device context" },
	{ INVALID_PTX, "CUDA_ERROR_INVALID_PTX",
	  "a PTX JIT compilation failed" },
	{ NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found" },
	{ ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS",
	  "an illegal memory access was encountered" },
	{ UNKNOWN, "CUDA_ERROR_UNKNOWN", "unknown error" },
};

static struct {
	bool ready, context;
	int failed; /* a launch did: the next cuCtxSynchronize() says so */
	struct ptx ptx;
	struct {
		uint64_t at, bytes;
	} alloc[ALLOCS_MAX];
	size_t nr;
} gpu;

static bool is_set(const char *variable, const char *value)
{
	const char *v = getenv(variable);

	return v && strcmp(v, value) == 0;
}

/* What each function begins with. */
static int enter(const char *name)
{
	if (is_set("MOCK_CUDA_FAIL", name))
		return UNKNOWN;
	return gpu.ready || strcmp(name, "cuInit") == 0 ? SUCCESS
							: NOT_INITIALIZED;
}

static int enter_context(const char *name)
{
	int r = enter(name);

	return r || gpu.context ? r : INVALID_CONTEXT;
}

static int count(void)
{
	const char *n = getenv("MOCK_CUDA_DEVICES");

	return n ? (int)strtol(n, NULL, 10) : 1;
}

static bool is_ours(uint64_t at, uint64_t bytes)
{
	for (size_t i = 0; i < gpu.nr; i++)
		if (at >= gpu.alloc[i].at &&
		    at - gpu.alloc[i].at <= gpu.alloc[i].bytes &&
		    bytes <= gpu.alloc[i].bytes - (at - gpu.alloc[i].at))
			return true;
	return false;
}

static bool is_element(uint64_t at)
{
	return at % 4 == 0 && is_ours(at, 4);
}

int cuInit(unsigned flags);
int cuGetErrorName(int code, const char **ret);
int cuGetErrorString(int code, const char **ret);
int cuDeviceGetCount(int *ret);
int cuDeviceGet(int *ret, int ordinal);
int cuDeviceGetByPCIBusId(int *ret, const char *bdf);
int cuDeviceGetName(char *ret, int len, int device);
int cuCtxCreate_v2(void **ret, unsigned flags, int device);
int cuCtxSynchronize(void);
int cuMemAlloc_v2(unsigned long long *ret, size_t bytes);
int cuMemHostAlloc(void **ret, size_t bytes, unsigned flags);
int cuMemcpyHtoD_v2(unsigned long long to, const void *from, size_t bytes);
int cuMemcpyDtoH_v2(void *to, unsigned long long from, size_t bytes);
int cuModuleLoadData(void **ret, const void *image);
int cuModuleGetFunction(void **ret, void *module, const char *name);
int cuLaunchKernel(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
		   unsigned by, unsigned bz, unsigned shared, void *stream,
		   void **params, void **extra);

int cuInit(unsigned flags)
{
	int r = enter("cuInit");

	if (r == SUCCESS && flags)
		return INVALID_VALUE;
	if (r == SUCCESS && count() == 0)
		return NO_DEVICE;
	gpu.ready = r == SUCCESS;
	return r;
}

static int error(int code, bool name, const char **ret)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].code == code) {
			*ret = name ? errors[i].name : errors[i].text;
			return SUCCESS;
		}
	return INVALID_VALUE;
}

int cuGetErrorName(int code, const char **ret)
{
	return error(code, true, ret);
}

int cuGetErrorString(int code, const char **ret)
{
	return error(code, false, ret);
}

int cuDeviceGetCount(int *ret)
{
	*ret = count();
	return enter("cuDeviceGetCount");
}

int cuDeviceGet(int *ret, int ordinal)
{
	int r = enter("cuDeviceGet");

	*ret = ordinal;
	return r == SUCCESS && ordinal >= count() ? INVALID_DEVICE : r;
}

int cuDeviceGetByPCIBusId(int *ret, const char *bdf)
{
	int r = enter("cuDeviceGetByPCIBusId");

	*ret = 0;
	return r || !getenv("MOCK_CUDA_BDF") || is_set("MOCK_CUDA_BDF", bdf)
		       ? r
		       : INVALID_DEVICE;
}

int cuDeviceGetName(char *ret, int len, int device)
{
	(void)device;
	(void)snprintf(ret, (size_t)len, "Mock GPU");
	return enter("cuDeviceGetName");
}

int cuCtxCreate_v2(void **ret, unsigned flags, int device)
{
	int r = enter("cuCtxCreate");

	if (r == SUCCESS && (flags || device))
		return INVALID_VALUE;
	*ret = &gpu;
	gpu.context = r == SUCCESS;
	return r;
}

int cuCtxSynchronize(void)
{
	int r = enter_context("cuCtxSynchronize");

	return r ? r : gpu.failed;
}

int cuMemAlloc_v2(unsigned long long *ret, size_t bytes)
{
	int r = enter_context("cuMemAlloc");
	void *p = r ? NULL : aligned_alloc(256, (bytes + 255) / 256 * 256);

	if (r)
		return r;
	if (!p || gpu.nr == ALLOCS_MAX)
		return OUT_OF_MEMORY;
	gpu.alloc[gpu.nr].at = (uintptr_t)p;
	gpu.alloc[gpu.nr++].bytes = bytes;
	*ret = (uintptr_t)p;
	return SUCCESS;
}

int cuMemHostAlloc(void **ret, size_t bytes, unsigned flags)
{
	int r = enter_context("cuMemHostAlloc");

	if (r || flags)
		return r ? r : INVALID_VALUE;
	*ret = malloc(bytes);
	return *ret ? SUCCESS : OUT_OF_MEMORY;
}

int cuMemcpyHtoD_v2(unsigned long long to, const void *from, size_t bytes)
{
	int r = enter_context("cuMemcpyHtoD");

	if (r || !is_ours(to, bytes))
		return r ? r : INVALID_VALUE;
	memcpy((void *)(uintptr_t)to, from, bytes);
	if (is_set("MOCK_CUDA_WRONG", "copy"))
		((unsigned char *)(uintptr_t)to)[bytes - 1] ^= 1;
	return SUCCESS;
}

int cuMemcpyDtoH_v2(void *to, unsigned long long from, size_t bytes)
{
	int r = enter_context("cuMemcpyDtoH");

	if (r || !is_ours(from, bytes))
		return r ? r : INVALID_VALUE;
	memcpy(to, (const void *)(uintptr_t)from, bytes);
	return gpu.failed;
}

int cuModuleLoadData(void **ret, const void *image)
{
	int r = enter_context("cuModuleLoadData");

	*ret = &gpu.ptx;
	return r || ptx_parse(image, &gpu.ptx) ? r : INVALID_PTX;
}

int cuModuleGetFunction(void **ret, void *module, const char *name)
{
	int r = enter_context("cuModuleGetFunction");

	*ret = module;
	return r || strcmp(name, gpu.ptx.entry) == 0 ? r : NOT_FOUND;
}

int cuLaunchKernel(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
		   unsigned by, unsigned bz, unsigned shared, void *stream,
		   void **params, void **extra)
{
	int r = enter_context("cuLaunchKernel");

	if (r)
		return r;
	if (f != &gpu.ptx || gy != 1 || gz != 1 || by != 1 || bz != 1 ||
	    bx > 1024 || shared || stream || extra)
		return INVALID_VALUE;
	if (!is_set("MOCK_CUDA_WRONG", "launch") &&
	    !ptx_run(&gpu.ptx, gx, bx, params, is_element))
		gpu.failed = ILLEGAL_ADDRESS;
	return SUCCESS;
}
