/* SPDX-License-Identifier: Apache-2.0 */
/* Both names of a call are wanted, the one for 64 bits as well. */
#undef _FILE_OFFSET_BITS
#include "base/unit-disk.h"

#include "base/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

const char *const unit_disk_fault_names[UNIT_DISK_FAULTS] = {
	[UNIT_DISK_NAME] = "name",
	[UNIT_DISK_WRITE] = "write",
	[UNIT_DISK_SYNC] = "sync",
	[UNIT_DISK_DEAD] = "dead disk",
	[UNIT_DISK_FULL] = "full disk"};

static _Atomic enum unit_disk_fault wanted;
static atomic_long left;
static atomic_bool is_full, is_dead;

void unit_disk_fail(enum unit_disk_fault fault, long nth)
{
	is_full = is_dead = false;
	wanted = fault;
	left = nth;
}

bool unit_disk_stop(void)
{
	is_full = is_dead = false;
	return atomic_exchange(&left, 0) > 0;
}

static bool is_failing(enum unit_disk_fault fault)
{
	long n = left;
	if (wanted != fault)
		return false;
	while (n > 0 && !atomic_compare_exchange_weak(&left, &n, n - 1))
		;
	return n == 1;
}

static bool is_sync_failing(void)
{
	if (is_failing(UNIT_DISK_DEAD))
		is_dead = true;
	return is_dead || is_failing(UNIT_DISK_SYNC);
}

static int fails_with(int errnum)
{
	errno = errnum;
	return -1;
}

static bool is_file(int fd)
{
	struct stat st;
	return fd > STDERR_FILENO && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static bool is_synced(int fd)
{
	return (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
}

/* Names ---------------------------------------------------------------------------*/

static int open_any(int dir, const char *path, int flags, va_list args)
{
	mode_t mode = 0;
	if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {
		mode = va_arg(args, mode_t);
		if (is_failing(UNIT_DISK_NAME))
			return fails_with(EACCES);
	}
	return (int)syscall(SYS_openat, dir, path, flags, mode);
}

#define OPEN(dir)                                                                      \
	va_list args;                                                                  \
	va_start(args, oflag);                                                         \
	int opened = open_any(dir, file, oflag, args);                                 \
	va_end(args);                                                                  \
	return opened

int open(const char *file, int oflag, ...)
{
	OPEN(AT_FDCWD);
}

int open64(const char *file, int oflag, ...)
{
	OPEN(AT_FDCWD);
}

int openat(int fd, const char *file, int oflag, ...)
{
	OPEN(fd);
}

int openat64(int fd, const char *file, int oflag, ...)
{
	OPEN(fd);
}

int mkdirat(int fd, const char *path, mode_t mode)
{
	if (is_failing(UNIT_DISK_NAME))
		return fails_with(EACCES);
	return (int)syscall(SYS_mkdirat, fd, path, mode);
}

int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

int renameat(int oldfd, const char *old, int newfd, const char *new)
{
	if (is_failing(UNIT_DISK_NAME))
		return fails_with(EACCES);
	return (int)syscall(SYS_renameat, oldfd, old, newfd, new);
}

int rename(const char *old, const char *new)
{
	return renameat(AT_FDCWD, old, AT_FDCWD, new);
}

/* Bytes ---------------------------------------------------------------------------*/

/* Why nothing more is taken, or 0. */
static int refusal(void)
{
	if (is_full)
		return ENOSPC;
	if (is_failing(UNIT_DISK_WRITE))
		return EIO;
	if (!is_failing(UNIT_DISK_FULL))
		return 0;
	is_full = true;
	return ENOSPC;
}

/* at -1: where the file stands. */
static ssize_t write_really(int fd, const void *p, size_t n, off_t at)
{
	return at < 0 ? syscall(SYS_write, fd, p, n)
		      : syscall(SYS_pwrite64, fd, p, n, at);
}

static ssize_t write_any(int fd, const void *p, size_t n, off_t at)
{
	if (!is_file(fd))
		return write_really(fd, p, n, at);
	bool was_full = is_full;
	int errnum = refusal();
	if (errnum == ENOSPC && !was_full && n > 1)
		return write_really(fd, p, n / 2, at);
	if (errnum != 0)
		return fails_with(errnum);
	if (is_synced(fd) && is_sync_failing()) {
		write_really(fd, p, n, at);
		return fails_with(EIO);
	}
	return write_really(fd, p, n, at);
}

ssize_t write(int fd, const void *buf, size_t n)
{
	return write_any(fd, buf, n, -1);
}

ssize_t pwrite(int fd, const void *buf, size_t n, off_t offset)
{
	return write_any(fd, buf, n, offset);
}

ssize_t pwrite64(int fd, const void *buf, size_t n, off64_t offset)
{
	return write_any(fd, buf, n, offset);
}

/* LMDB's, of pages one behind the other. */
ssize_t writev(int fd, const struct iovec *iovec, int count)
{
	ssize_t sum = 0;
	if (!is_file(fd))
		return syscall(SYS_writev, fd, iovec, count);
	for (int i = 0; i < count; i++) {
		ssize_t n = write_any(fd, iovec[i].iov_base, iovec[i].iov_len, -1);
		if (n < 0)
			return sum > 0 ? sum : n;
		sum += n;
		if ((size_t)n < iovec[i].iov_len)
			break;
	}
	return sum;
}

int ftruncate(int fd, off_t length)
{
	if (is_failing(UNIT_DISK_WRITE))
		return fails_with(EIO);
	return (int)syscall(SYS_ftruncate, fd, length);
}

int ftruncate64(int fd, off64_t length)
{
	return ftruncate(fd, length);
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
	int errnum = refusal();
	if (errnum != 0)
		return fails_with(errnum);
	return (int)syscall(SYS_fallocate, fd, mode, offset, len);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t len)
{
	return fallocate(fd, mode, offset, len);
}

/* Syncing: not doing it loses nothing in a test, and saves time. */

static int sync_any(void)
{
	return is_sync_failing() ? fails_with(EIO) : 0;
}

int fsync(int fd)
{
	(void)fd;
	return sync_any();
}

int fdatasync(int fildes)
{
	(void)fildes;
	return sync_any();
}

int msync(void *addr, size_t len, int flags)
{
	(void)addr, (void)len, (void)flags;
	return sync_any();
}

size_t unit_descriptors(void)
{
	size_t n = 0;
	DIR *dir = opendir("/proc/self/fd");
	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}
