/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - PID 1: makes the machine ready and runs attacks as the serial port
 * asks for them, one line each: NAME SEED SECONDS.  Answers begin with "@@ ".
 * The kernel's command line says by life= which drivers are loaded:
 *
 *   live	all, and something uses each device during every attack
 *   driver	none: the attacks drive the devices themselves
 *   honest	those of live; the neighbour (honest.c)
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "hostile.h"

#define MODULES	  "/lib/belljar/modules"
#define EXTRA	  30 /* seconds more for the least an attack has to do */
#define GRACE	  40 /* seconds more until it is killed */
#define FLOW	  10 /* seconds for its traffic to get on */
#define GAVE_UP	  3
#define FIRST_DRV 15 /* modules from here on are drivers of devices */

struct shared *shared;
static int tty;
static bool live;
static time_t deadline;
static uint64_t least;
static uint64_t state;

static time_t now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

bool in_time(void)
{
	time_t t = now();

	return t < deadline ||
	       (__atomic_load_n(&shared->done, __ATOMIC_RELAXED) < least &&
		t < deadline + EXTRA);
}

bool going_on(void)
{
	(void)__atomic_add_fetch(&shared->done, 1, __ATOMIC_RELAXED);
	return in_time();
}

/* splitmix64 */
uint64_t dice(void)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

void dice_seed(uint64_t seed)
{
	state = seed;
}

void give_up(const char *what)
{
	(void)dprintf(tty, "\n@@ cannot %s: %s\n", what, strerror(errno));
	_exit(GAVE_UP);
}

static int load(const struct dirent *d, bool drivers)
{
	char path[512];

	if (d->d_name[0] == '.' ||
	    (!drivers && strtol(d->d_name, NULL, 10) >= FIRST_DRV))
		return 0;
	(void)snprintf(path, sizeof(path), MODULES "/%s", d->d_name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	long r = syscall(SYS_finit_module, fd, "", 0);
	(void)close(fd);
	return r < 0 && errno != EEXIST ? -1 : 0;
}

static void load_modules(bool drivers)
{
	struct dirent **list;
	int n = scandir(MODULES, &list, NULL, alphasort);

	if (n <= 0)
		give_up("find modules");
	for (int i = 0; i < n; i++) {
		if (load(list[i], drivers) < 0)
			give_up(list[i]->d_name);
		free(list[i]);
	}
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		give_up(path);
	(void)close(fd);
}

static void open_tty(void)
{
	struct termios t;

	(void)mkdir("/dev", 0755);
	(void)mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	tty = open("/dev/ttyS0", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (tcgetattr(tty, &t) == 0) {
		cfmakeraw(&t);
		t.c_cflag |= CLOCAL;
		(void)tcsetattr(tty, TCSANOW, &t);
	}
}

static void prepare(const char *life)
{
	(void)mkdir("/proc", 0755);
	(void)mkdir("/sys", 0755);
	if (mount("proc", "/proc", "proc", 0, NULL) < 0 ||
	    mount("sysfs", "/sys", "sysfs", 0, NULL) < 0)
		give_up("mount");
	write_file("/proc/sys/vm/nr_hugepages", "8");
	load_modules(strcmp(life, "driver") != 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		give_up("share memory");
	if (iopl(3) < 0)
		give_up("have the I/O ports");
	live = strcmp(life, "live") == 0;
}

static void read_line(char *line, size_t size)
{
	size_t n = 0;

	for (;;) {
		char c;
		ssize_t r = read(tty, &c, 1);

		if (r < 0 && errno != EINTR)
			give_up("read the serial port");
		if (r != 1)
			continue;
		if (c == '\n')
			break;
		if (n + 1 < size)
			line[n++] = c;
	}
	line[n] = '\0';
}

static const struct attack *find_attack(const char *name)
{
	const struct attack *const lists[] = { live_attacks, driver_attacks };

	for (unsigned i = 0; i < 2; i++)
		for (const struct attack *a = lists[i]; a->name; a++)
			if (strcmp(a->name, name) == 0)
				return a;
	return NULL;
}

/* A process in uninterruptible sleep cannot be killed: it is left behind. */
static const char *wait_for(pid_t pid, time_t until)
{
	int status;

	for (;;) {
		pid_t r = waitpid(pid, &status, WNOHANG);

		if (r == pid && WIFEXITED(status))
			return WEXITSTATUS(status) == 0 ? "done" : "failed";
		if (r == pid)
			return "crashed";
		if (now() >= until)
			break;
		(void)usleep(10000);
	}
	(void)kill(pid, SIGKILL);
	return "stuck";
}

static void perform(const struct attack *a, uint64_t seed, unsigned seconds)
{
	*shared = (struct shared){ 0 };
	deadline = now() + (time_t)seconds;
	least = a->least;
	dice_seed(seed);
	if (live)
		traffic_start();
	/* Nothing of ours is under way when the port's registers change. */
	(void)tcdrain(tty);
	pid_t pid = fork();
	if (pid == 0) {
		a->run();
		_exit(0);
	}
	const char *how = wait_for(pid, deadline + GRACE);
	unsigned flows = 0;
	if (live) {
		flows = traffic_flows(FLOW);
		traffic_stop();
	}
	(void)tcflush(tty, TCIFLUSH);
	(void)dprintf(tty, "\n@@ %s %s %llu %x\n", a->name, how,
		      (unsigned long long)shared->done, flows);
}

/* NAME SEED SECONDS; what the serial port's attack left is no such line. */
static void obey(char *line)
{
	char *end = strchr(line, ' ');

	if (!end)
		return;
	*end++ = '\0';
	const struct attack *a = find_attack(line);
	uint64_t seed = strtoull(end, &end, 10);
	unsigned seconds = (unsigned)strtoul(end, &end, 10);
	if (a && seconds && *end == '\0')
		perform(a, seed, seconds);
	else
		(void)dprintf(tty, "\n@@ unknown %s\n", line);
}

int main(void)
{
	const char *life = getenv("life");
	char line[128];

	open_tty();
	prepare(life ? life : "live");
	if (life && strcmp(life, "honest") == 0)
		honest(tty);
	find_functions();
	(void)dprintf(tty, "\n@@ ready %u\n", nr_functions);
	for (;;) {
		read_line(line, sizeof(line));
		obey(line);
	}
}
