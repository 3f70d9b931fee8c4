/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_qemu.c - QEMU's microvm machine with our kernel, the same image and the
 * same kind of writable layer; images/compare/qemu_job.h says how the job gets
 * in and its status out.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/compare/qemu_job.h"
#include "vmm/compare/peer.h"
#include "vmm/compare/qemu_initrd.h"
#include "vmm/lib/auto.h"
#include "vmm/manager/kernel.h"
#include "vmm/manager/kvm_check.h"
#include "vmm/manager/writable.h"

#define MIB ((uint64_t)1 << 20)
static const char machine[] =
	"microvm,pic=off,pit=off,rtc=off,usb=off,graphics=off,pcie=on,"
	"isa-serial=on";
/* As `belljar run` has it, but for the serial port (qemu_job.h). */
static const char cmdline[] =
	KERNEL_CMDLINE KERNEL_CMDLINE_MINIMAL " quiet console=null";

static int find(const struct peer_ops *ops, const struct peer_world *w,
		char version[PEER_VERSION_MAX], struct err *err)
{
	AUTO_CLOSE int kvm = kvm_check_open(w->mgr->kvm, err);
	char path[PATH_MAX + 32];
	struct kernel kernel;

	if (kvm < 0)
		return kvm;
	int r = kvm_check_hardware("/proc/cpuinfo", err);
	if (r == 0 && strcmp(w->mgr->kvm, "/dev/kvm") != 0)
		return err_say(err, ENOENT, "QEMU uses no other than /dev/kvm");
	if (r == 0)
		r = kernel_find(w->mgr->libdir, "minimal", &kernel, err);
	(void)snprintf(path, sizeof(path), "%s/compare/qemu.cpio",
		       w->mgr->libdir);
	if (r == 0 && access(path, R_OK) < 0)
		return err_set(err, errno, "its init '%s'", path);
	return r < 0 ? r : peer_version(ops, w, version, err);
}

static int add_machine(const struct peer_ops *ops, const struct peer_job *job,
		       struct strv *argv)
{
	char smp[16], memory[32];
	const char *const args[] = {
		ops->program,
		"-M",
		machine,
		"-accel",
		"kvm",
		"-cpu",
		/* The lab's emulated processor has no XSAVE that nests. */
		getenv("BELLJAR_LAB") ? "host,-xsave,-avx" : "host",
		"-smp",
		smp,
		"-m",
		memory,
		"-nodefaults",
		"-no-user-config",
		"-display",
		"none",
		"-no-reboot",
		"-monitor",
		"none",
		"-serial",
		"stdio",
		"-device",
		"isa-debug-exit,iobase=0x600,iosize=4",
		"-device",
		"virtio-rng-pci",
		"-append",
		cmdline,
	};
	int r = 0;

	(void)snprintf(smp, sizeof(smp), "%u", job->cpus);
	(void)snprintf(memory, sizeof(memory), "%llu",
		       (unsigned long long)(job->memory / MIB));
	for (size_t i = 0; r == 0 && i < sizeof(args) / sizeof(args[0]); i++)
		r = strv_add(argv, "%s", args[i]);
	return r;
}

static int add_disk(struct strv *argv, const char *id, const char *tail,
		    const char *path)
{
	int r = strv_add(argv, "-drive");

	if (r == 0)
		r = strv_add(argv, "if=none,id=%s,format=raw%s,file=%s", id,
			     tail, path);
	if (r == 0)
		r = strv_add(argv, "-device");
	if (r == 0)
		r = strv_add(argv, "virtio-blk-pci,drive=%s", id);
	return r;
}

static int add_network(struct strv *argv, const struct instance *inst,
		       const struct peer_job *job)
{
	int r = strv_add(argv, "-netdev");

	if (r == 0 && job->port)
		r = strv_add(argv, "user,id=n,hostfwd=tcp:127.0.0.1:%u-:%u",
			     ntohs(inst->address.sin_port), job->port);
	else if (r == 0)
		r = strv_add(argv, "user,id=n");
	if (r == 0)
		r = strv_add(argv, "-device");
	if (r == 0)
		r = strv_add(argv, "virtio-net-pci,netdev=n");
	return r;
}

static int add_files(const struct peer_world *w, struct strv *argv,
		     const char *layer, const char *initrd)
{
	struct kernel kernel;
	int r = kernel_find(w->mgr->libdir, "minimal", &kernel, NULL);

	if (r == 0)
		r = strv_add(argv, "-kernel");
	if (r == 0)
		r = strv_add(argv, "%s", kernel.image);
	if (r == 0)
		r = strv_add(argv, "-initrd");
	if (r == 0)
		r = strv_add(argv, "%s", initrd);
	if (r == 0)
		r = add_disk(argv, "image", ",readonly=on", w->rootfs);
	if (r == 0)
		r = add_disk(argv, "layer", "", layer);
	return r;
}

static int launch(const struct peer_world *w, const struct peer_job *job,
		  struct instance *inst, struct err *err)
{
	char layer[PATH_MAX + 16], initrd[PATH_MAX + 16];
	int r = 0;

	(void)snprintf(layer, sizeof(layer), "%s/layer.ext4", inst->dir);
	(void)snprintf(initrd, sizeof(initrd), "%s/initrd", inst->dir);
	if (job->port)
		r = peer_free_port(&inst->address, err);
	if (r == 0)
		r = writable_create(w->mgr->data, layer, err);
	if (r == 0)
		r = qemu_initrd(w, job, initrd, err);
	if (r < 0)
		return r;
	r = add_machine(inst->ops, job, &inst->argv);
	if (r == 0)
		r = add_files(w, &inst->argv, layer, initrd);
	if (r == 0)
		r = add_network(&inst->argv, inst, job);
	if (r == 0)
		r = strv_add_all(&inst->env, environ);
	return r < 0 ? err_set(err, -r, "start QEMU") : 0;
}

static int status(int raw)
{
	int s = qemu_job_status(raw);

	/* QEMU's own failure, or a guest that did not come so far. */
	return s < 0 ? QEMU_JOB_FAILED : s;
}

const struct peer_ops peer_qemu = {
	.name = "qemu",
	.program = "qemu-system-x86_64",
	.package = "qemu-system-x86",
	.unpacked = true,
	.no_gpu = "its guest is the minimal kernel, which has no driver for "
		  "GPUs",
	.find = find,
	.launch = launch,
	.status = status,
};
