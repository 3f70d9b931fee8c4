/* SPDX-License-Identifier: Apache-2.0 */
/* vm.c - create, wire, run and destroy one virtual machine. */
#include "vmm/monitor/vm.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "devices/vfio/vfio.h"
#include "devices/virtio/mem.h"
#include "devices/virtio/models.h"
#include "vmm/arch/arch.h"
#include "vmm/core/kvm.h"
#include "vmm/core/layout.h"
#include "vmm/monitor/numa.h"
#include "vmm/monitor/passthrough.h"
#include "vmm/monitor/vcpu.h"

#define GIB	      (UINT64_C(1) << 30)
#define IO_STACK_SIZE (256 << 10)
/*
 * Of a disk by default: vCPUs do not wait for each other's lock, and its one
 * thread has not many places to look at.
 */
#define DISK_QUEUES 4U

static void on_power_off(void *arg)
{
	vm_finish(arg, VM_POWEROFF);
}

static void on_reset(void *arg)
{
	vm_finish(arg, VM_RESET);
}

static int create_kvm(struct vm *vm, struct err *err)
{
	int kvm = vm->config->kvm_fd;
	int r = kvm_check(kvm, err);
	if (r < 0)
		return r;

	int max =
		kvm_ioctl_val(kvm, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS, err);
	if (max >= 0 && vm->config->cpus > (unsigned)max)
		return err_say(err, ERANGE,
			       "--cpus: KVM on this host allows %d", max);
	vm->fd = kvm_ioctl_val(kvm, KVM_CREATE_VM, 0, err);
	if (vm->fd < 0)
		return vm->fd;
	r = kvm_ioctl_val(kvm, KVM_GET_VCPU_MMAP_SIZE, 0, err);
	if (r < 0)
		return r;
	vm->run_size = (size_t)r;
	return arch_vm_init(vm->fd, err);
}

/* Bytes that may be plugged in. */
static uint64_t pluggable(const struct config *c)
{
	return c->memory_max ? c->memory_max - c->memory : 0;
}

static int create_ram(struct vm *vm, struct err *err)
{
	struct gmem_config ram = {
		.size = vm->config->memory,
		.page = vm->config->page,
		.pluggable = mem_region_size(vm->config->memory,
					     pluggable(vm->config)),
		.nr_nodes = vm->config->nr_nodes,
	};
	unsigned id;

	memcpy(ram.node, vm->config->node, sizeof(ram.node));
	int r = slots_init(&vm->slots, vm->fd, err);
	if (r == 0)
		r = gmem_init(&vm->gm, &ram, err);
	for (unsigned i = 0; r == 0 && i < vm->gm.nr; i++) {
		const struct gmem_region *reg = &vm->gm.region[i];

		r = slots_add(&vm->slots, reg->gpa, reg->size, reg->host, 0,
			      &id, err);
	}
	return r;
}

/* There must be a place for BARs above it, and above what is mapped there. */
static int check_ram(struct vm *vm, struct config *c, unsigned phys_bits,
		     struct err *err)
{
	uint64_t limit = UINT64_C(1) << (phys_bits < 52 ? phys_bits : 52);
	uint64_t end = gmem_end(&vm->gm);

	if (end >= limit || limit - end < GIB)
		return err_say(err, ERANGE,
			       "--memory: %" PRIu64 " MiB is too large for the "
			       "%u address bits of this host's processor",
			       (vm->gm.size + pluggable(vm->config)) >> 20,
			       phys_bits);
	return pmem_map(&vm->pmem, c, &vm->gm, &vm->slots, limit - GIB, err);
}

static int add_device(struct vm *vm, const struct virtio_ops *ops,
		      const void *config, struct err *err)
{
	const struct virtio_env env = {
		.gm = &vm->gm,
		.chip = &vm->chip,
		.loop = &vm->io,
		.pci = &vm->pci,
	};
	int r = virtio_open(ops, config, &env, &vm->dev[vm->nr_devs], err);

	if (r == 0)
		vm->nr_devs++;
	return r;
}

static int add_disks(struct vm *vm, struct config *c, struct err *err)
{
	for (unsigned i = 0; i < c->nr_disks; i++) {
		struct blk_config blk = {
			.fd = c->disk[i].fd,
			.readonly = c->disk[i].readonly,
			.serial = c->disk[i].serial,
			.bytes_limit = c->disk[i].bps,
			.ops_limit = c->disk[i].iops,
			.queues = c->disk[i].queues,
			.cache = c->disk[i].cache,
			.engine = c->disk[i].engine,
		};

		if (!blk.queues)
			blk.queues =
				c->cpus < DISK_QUEUES ? c->cpus : DISK_QUEUES;
		int r = add_device(vm, &blk_ops, &blk, err);
		if (r < 0)
			return r;
		c->disk[i].fd = -1;
	}
	return 0;
}

static int add_nets(struct vm *vm, struct config *c, struct err *err)
{
	for (unsigned i = 0; i < c->nr_nets; i++) {
		struct net_config net = {
			.pairs = c->net[i].nr_fds,
			.mtu = c->net[i].mtu,
			.vhost = c->net[i].nr_vhosts > 0,
			.bytes_limit = c->net[i].bps,
			.frames_limit = c->net[i].pps,
		};

		memcpy(net.fd, c->net[i].fd, sizeof(net.fd));
		memcpy(net.vhost_fd, c->net[i].vhost, sizeof(net.vhost_fd));
		memcpy(net.mac, c->net[i].mac, sizeof(net.mac));
		int r = add_device(vm, &net_ops, &net, err);
		if (r < 0)
			return r;
		c->net[i].nr_fds = c->net[i].nr_vhosts = 0;
	}
	return 0;
}

static int add_shares(struct vm *vm, struct config *c, struct err *err)
{
	for (unsigned i = 0; i < c->nr_fs; i++) {
		const struct fs_config fs = { .fd = c->fs[i].fd,
					      .tag = c->fs[i].tag };
		int r = add_device(vm, &fs_ops, &fs, err);

		if (r < 0)
			return r;
		c->fs[i].fd = -1;
	}
	return 0;
}

static int add_pmems(struct vm *vm, struct err *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < vm->pmem.nr; i++) {
		const struct pmem_image *image = &vm->pmem.image[i];
		const struct pmem_config pmem = { .id = image->id,
						  .gpa = image->gpa,
						  .size = image->size };

		r = add_device(vm, &pmem_ops, &pmem, err);
	}
	return r;
}

static int add_vsock(struct vm *vm, struct config *c, struct err *err)
{
	struct vsock_config vsock = {
		.cid = c->vsock_cid,
		.listen_fd = c->vsock_listen,
		.dial_fd = c->vsock_dial,
	};
	int r = add_device(vm, &vsock_ops, &vsock, err);

	if (r == 0)
		c->vsock_listen = c->vsock_dial = -1;
	return r;
}

/* Descriptors stay ours: the device has its own. */
static int add_console(struct vm *vm, const struct config *c, struct err *err)
{
	const struct console_config console = {
		.out_fd = c->console_out,
		.in_fd = c->console_in,
		.cols = c->console_cols,
		.rows = c->console_rows,
	};

	return add_device(vm, &console_ops, &console, err);
}

static int add_balloon(struct vm *vm, struct err *err)
{
	int r = add_device(vm, &balloon_ops, NULL, err);

	if (r == 0)
		vm->balloon = vm->dev[vm->nr_devs - 1];
	return r;
}

static int add_mem(struct vm *vm, struct err *err)
{
	const struct mem_config mem = { .most = pluggable(vm->config) };
	int r = add_device(vm, &mem_ops, &mem, err);

	if (r == 0)
		vm->mem = vm->dev[vm->nr_devs - 1];
	return r;
}

/*
 * Allocate RAM where that can't wait: the first touch of a huge page that is
 * missing would be a SIGBUS, and pinning page by page would be one thread's
 * work.  It may take minutes, so whatever else is refused was so before.
 */
static int settle_ram(struct vm *vm, struct err *err)
{
	const struct config *c = vm->config;
	struct gmem_report report;
	int r = 0;

	if (c->page || c->nr_vfio)
		r = gmem_populate(&vm->gm, &report, err);
	if (r == 0 && c->nr_vfio)
		r = passthrough_start(vm, err);
	return r;
}

static int create_devices(struct vm *vm, struct config *c, struct err *err)
{
	struct pci_host_config pci = {
		.mmio = &vm->mmio,
		.pio = &vm->pio,
		/*
		 * Linux prefers the ports to the ECAM when it finds both, and
		 * each access to them is an exit.  Without ACPI there is no
		 * MCFG table, and the ports are all it can find.
		 */
		.ports = c->hw == MACHINE_FDT,
		.chip = &vm->chip,
		.vm_fd = vm->fd,
		.slots = &vm->slots,
		.low_ram_end = vm->gm.region[0].gpa + vm->gm.region[0].size,
		.phys_bits = arch_phys_bits(c->kvm_fd),
	};
	int r = check_ram(vm, c, pci.phys_bits, err);

	pci.ram_end = gmem_end(&vm->gm);
	if (r == 0)
		r = power_init(&vm->power, &vm->pio, &vm->chip, err);
	if (r == 0 && c->serial)
		r = serial_init(&vm->serial, &vm->pio, &vm->chip, &vm->io,
				c->serial_out, c->serial_in, err);
	if (r == 0 && c->serial_bps)
		serial_limit(&vm->serial, c->serial_bps);
	if (r == 0)
		r = pci_host_init(&vm->pci, &pci, err);
	if (r == 0)
		r = add_disks(vm, c, err);
	if (r == 0)
		r = add_nets(vm, c, err);
	if (r == 0)
		r = add_shares(vm, c, err);
	if (r == 0)
		r = add_pmems(vm, err);
	if (r == 0 && c->vsock)
		r = add_vsock(vm, c, err);
	if (r == 0 && c->console)
		r = add_console(vm, c, err);
	if (r == 0 && c->rng)
		r = add_device(vm, &rng_ops, NULL, err);
	if (r == 0 && c->balloon)
		r = add_balloon(vm, err);
	if (r == 0 && c->memory_max)
		r = add_mem(vm, err);
	if (r == 0 && c->nr_vfio)
		r = passthrough_open(vm, c, err);
	if (r == 0)
		r = pci_host_place(&vm->pci, err);
	if (r == 0)
		r = settle_ram(vm, err);
	return r;
}

static int load(struct vm *vm, const struct machine *m, struct boot *ret,
		struct err *err)
{
	const struct config *c = vm->config;
	struct image kernel = { 0 };
	struct image initrd[CONFIG_MAX_INITRDS] = { 0 };
	int r = image_open(c->kernel.fd, c->kernel.name, &kernel, err);

	for (unsigned i = 0; r == 0 && i < c->nr_initrds; i++)
		r = image_open(c->initrd[i].fd, c->initrd[i].name, &initrd[i],
			       err);
	if (r == 0)
		r = firmware_load(m, &kernel, initrd, c->nr_initrds, ret, err);

	for (unsigned i = 0; i < c->nr_initrds; i++)
		image_done(&initrd[i]);
	image_done(&kernel);
	return r;
}

static void init_empty(struct vm *vm, struct config *c, struct loop *main)
{
	*vm = (struct vm){ .config = c, .main = main, .fd = -1 };
	vm->paused = true; /* until every thread has its filter */
	vm->gm.fd = -1;
	vm->io.epoll = vm->io.wake = -1;
	vm->power.button.fd = -1;
	vm->power.off = on_power_off;
	vm->power.reset = on_reset;
	vm->power.arg = vm;
	vm->serial.irq.fd = vm->serial.in.fd = -1;
	(void)pthread_mutex_init(&vm->lock, NULL);
	(void)pthread_cond_init(&vm->changed, NULL);
	bus_init(&vm->pio);
	bus_init(&vm->mmio);
}

int vm_create(struct vm *vm, struct config *c, struct loop *main,
	      struct err *err)
{
	struct machine m = {
		.gm = &vm->gm,
		.cpus = c->cpus,
		.hw = c->hw,
		.serial = c->serial,
		.cmdline = c->cmdline,
	};
	struct boot boot = { 0 };

	init_empty(vm, c, main);
	int r = loop_init(&vm->io, err);
	if (r == 0)
		r = create_kvm(vm, err);
	if (r == 0)
		r = create_ram(vm, err);
	if (r == 0)
		r = numa_describe(vm, &m, err);
	if (r == 0)
		r = irqchip_init(&vm->chip, vm->fd, err);
	if (r == 0)
		r = create_devices(vm, c, err);
	if (r == 0) {
		vm_describe_pci(vm, &m);
		r = load(vm, &m, &boot, err);
	}
	for (unsigned i = 0; r == 0 && i < c->cpus; i++)
		r = vcpu_create(vm, i, &boot, err);
	return r;
}

static void *io_thread(void *arg)
{
	struct vm *vm = arg;
	int r = loop_run(&vm->io);

	if (r < 0)
		vm_fail(vm, "device loop: %s", strerrordesc_np(-r));
	return NULL;
}

int vm_start(struct vm *vm, struct err *err)
{
	int r = pci_host_start(&vm->pci, err);

	if (r == 0)
		r = thread_start(&vm->io_thread, "devices", IO_STACK_SIZE,
				 JAIL_LOOP, io_thread, vm, err);
	for (unsigned i = 0; r == 0 && i < vm->nr_vcpus; i++)
		r = vcpu_start(&vm->vcpu[i], err);
	if (r == 0)
		numa_bind_vcpus(vm);
	return r;
}

static void set_stop(struct vm *vm)
{
	(void)pthread_mutex_lock(&vm->lock);
	__atomic_store_n(&vm->stop, true, __ATOMIC_RELEASE);
	(void)pthread_cond_broadcast(&vm->changed);
	(void)pthread_mutex_unlock(&vm->lock);
}

void vm_destroy(struct vm *vm)
{
	set_stop(vm);
	for (unsigned i = 0; i < vm->nr_vcpus; i++)
		vcpu_destroy(&vm->vcpu[i]);
	if (vm->io_thread.runs)
		loop_stop(&vm->io);
	thread_join(&vm->io_thread);
	for (unsigned i = 0; i < vm->nr_devs; i++)
		virtio_close(vm->dev[i]);
	vfio_close(vm->vfio);
	pci_host_done(&vm->pci);
	serial_done(&vm->serial);
	power_done(&vm->power);
	irqchip_done(&vm->chip);
	slots_done(&vm->slots);
	pmem_done(&vm->pmem);
	gmem_done(&vm->gm);
	if (vm->fd >= 0)
		(void)close(vm->fd);
	bus_done(&vm->mmio);
	bus_done(&vm->pio);
	loop_done(&vm->io);
	(void)pthread_cond_destroy(&vm->changed);
	(void)pthread_mutex_destroy(&vm->lock);
}

void vm_finish(struct vm *vm, enum vm_end why)
{
	enum vm_end runs = VM_RUNS;

	/* Pairs with the acquire in vm_ended(). */
	(void)__atomic_compare_exchange_n(&vm->end, &runs, why, false,
					  __ATOMIC_RELEASE, __ATOMIC_RELAXED);
	/* A vCPU that reset must not run on; the others are kicked later. */
	set_stop(vm);
	loop_stop(vm->main);
}

void vm_fail(struct vm *vm, const char *fmt, ...)
{
	va_list ap;

	(void)pthread_mutex_lock(&vm->lock);
	if (vm->why.code == 0) {
		va_start(ap, fmt);
		(void)vsnprintf(vm->why.msg, sizeof(vm->why.msg), fmt, ap);
		va_end(ap);
		vm->why.code = EIO;
	}
	(void)pthread_mutex_unlock(&vm->lock);
	vm_finish(vm, VM_FAILED);
}

enum vm_end vm_ended(struct vm *vm)
{
	return __atomic_load_n(&vm->end, __ATOMIC_ACQUIRE);
}

void vm_pause(struct vm *vm)
{
	(void)pthread_mutex_lock(&vm->lock);
	__atomic_store_n(&vm->paused, true, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < vm->nr_vcpus; i++)
		vcpu_kick(&vm->vcpu[i]);
	for (unsigned i = 0; i < vm->nr_vcpus; i++)
		while (!vm->vcpu[i].parked && !vm->stop)
			(void)pthread_cond_wait(&vm->changed, &vm->lock);
	(void)pthread_mutex_unlock(&vm->lock);
}

void vm_resume(struct vm *vm)
{
	(void)pthread_mutex_lock(&vm->lock);
	__atomic_store_n(&vm->paused, false, __ATOMIC_RELEASE);
	(void)pthread_cond_broadcast(&vm->changed);
	(void)pthread_mutex_unlock(&vm->lock);
}
