/* SPDX-License-Identifier: Apache-2.0 */
/* For LD_PRELOAD: the wall clock of a process is off by as many microseconds as the
 * first eight bytes of the file SHIFT_CLOCK_FILE say, and steps when they change, as if
 * somebody set it. All other clocks are left alone, as the kernel leaves them. */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const _Atomic int64_t *shift;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("SHIFT_CLOCK_FILE");
	/* past the functions that a sanitizer, which is not ready yet, looks at */
	long fd = path != NULL ? syscall(SYS_openat, AT_FDCWD, path, O_RDONLY) : -1;
	if (fd < 0)
		return;
	long p = syscall(SYS_mmap, NULL, sizeof *shift, PROT_READ, MAP_SHARED, fd, 0);
	syscall(SYS_close, fd);
	if (p > 0)
		shift = (const _Atomic int64_t *)p;
}

static int64_t wall_us(void)
{
	struct timespec t;
	syscall(SYS_clock_gettime, CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 +
	       (shift != NULL ? *shift : 0);
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
int clock_gettime(clockid_t id, struct timespec *t)
{
	if (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE)
		return (int)syscall(SYS_clock_gettime, id, t);
	int64_t us = wall_us();
	t->tv_sec = us / 1000000;
	t->tv_nsec = us % 1000000 * 1000;
	return 0;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
	(void)zone;
	int64_t us = wall_us();
	t->tv_sec = us / 1000000;
	t->tv_usec = us % 1000000;
	return 0;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
time_t time(time_t *t)
{
	time_t now = wall_us() / 1000000;
	if (t != NULL)
		*t = now;
	return now;
}
