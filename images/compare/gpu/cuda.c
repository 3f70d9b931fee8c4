/* SPDX-License-Identifier: Apache-2.0 */
/* cuda.c - find the driver's library, its functions and a device. */
#include "images/compare/gpu/cuda.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NAME_LEN 128

#define FUNCTION(name, member)                                                 \
	{                                                                      \
		name, offsetof(struct cuda, member)                            \
	}

static const struct {
	const char *name;
	size_t at;
} functions[] = {
	FUNCTION("cuInit", init),
	FUNCTION("cuGetErrorName", error_name),
	FUNCTION("cuGetErrorString", error_text),
	FUNCTION("cuDeviceGetCount", device_count),
	FUNCTION("cuDeviceGet", device_get),
	FUNCTION("cuDeviceGetByPCIBusId", device_by_bus),
	FUNCTION("cuDeviceGetName", device_name),
	FUNCTION("cuCtxCreate_v2", context),
	FUNCTION("cuCtxSynchronize", synchronize),
	FUNCTION("cuMemAlloc_v2", alloc),
	FUNCTION("cuMemHostAlloc", host_alloc),
	FUNCTION("cuMemcpyHtoD_v2", copy_in),
	FUNCTION("cuMemcpyDtoH_v2", copy_out),
	FUNCTION("cuModuleLoadData", module),
	FUNCTION("cuModuleGetFunction", function),
	FUNCTION("cuLaunchKernel", launch),
};

int cuda_load(struct cuda *ret, struct err *err)
{
	void *library = dlopen(CUDA_LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return err_say(err, ENOENT, "dlopen: %.200s", dlerror());
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		void *found = dlsym(library, functions[i].name);

		if (!found)
			return err_say(err, ENOENT,
				       "dlsym: " CUDA_LIBRARY " has no %s",
				       functions[i].name);
		/* POSIX: a pointer to a function has the same form. */
		memcpy((char *)ret + functions[i].at, &found, sizeof(found));
	}
	return 0;
}

int cuda_check(const struct cuda *cuda, cuda_result code, const char *name,
	       struct err *err)
{
	const char *text = NULL, *symbol = NULL;

	if (code == 0)
		return 0;
	if (cuda->error_text(code, &text) != 0 || !text)
		text = "an error that the library does not know";
	if (cuda->error_name(code, &symbol) != 0 || !symbol)
		symbol = "no name";
	return err_say(err, EIO, "%s: %s (%s, %d)", name, text, symbol, code);
}

static int find(const struct cuda *cuda, const char *bdf, int *ret,
		struct err *err)
{
	int count = 0;

	if (bdf) {
		int r = cuda_check(cuda, cuda->device_by_bus(ret, bdf),
				   "cuDeviceGetByPCIBusId", err);

		return r < 0 ? err_wrap(err, "device %s", bdf) : 0;
	}
	int r = cuda_check(cuda, cuda->device_count(&count), "cuDeviceGetCount",
			   err);
	if (r == 0 && count == 0)
		return err_say(err, ENODEV,
			       "cuDeviceGetCount: the driver has no device");
	return r < 0 ? r
		     : cuda_check(cuda, cuda->device_get(ret, 0), "cuDeviceGet",
				  err);
}

int cuda_open(const struct cuda *cuda, const char *bdf, struct err *err)
{
	struct cuda_context *context = NULL;
	char name[NAME_LEN] = "";
	int device = 0;
	int r = cuda_check(cuda, cuda->init(0), "cuInit", err);

	if (r == 0)
		r = find(cuda, bdf, &device, err);
	if (r == 0)
		r = cuda_check(cuda, cuda->device_name(name, NAME_LEN, device),
			       "cuDeviceGetName", err);
	if (r == 0)
		r = cuda_check(cuda, cuda->context(&context, 0, device),
			       "cuCtxCreate", err);
	if (r == 0)
		(void)printf("device %.*s\n", NAME_LEN - 1, name);
	return r;
}
