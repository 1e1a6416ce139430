/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/bundle-dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 65536

bool bundle_dir_open(struct bundle_dir *d, const char *path, struct error *err)
{
	d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd >= 0)
		return true;
	if (errno == ENOENT || errno == ENOTDIR)
		return error_set(err, ERROR_NOT_FOUND, "", "there is no directory %s",
				 path);
	return error_set_errno(err, "", errno, "cannot open the directory %s", path);
}

void bundle_dir_close(struct bundle_dir *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

static int open_file(const struct bundle_dir *d, const char *name, struct error *err)
{
	struct stat st;
	/* O_NONBLOCK: a FIFO must not hold us up */
	int fd = openat(d->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		if (errno == ENOENT)
			error_set(err, ERROR_NOT_FOUND, "", "is not there");
		else
			error_set_errno(err, "", errno, "cannot be opened");
		return -1;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	error_set(err, ERROR_UNPROCESSABLE, "", "is not a file");
	return -1;
}

int bundle_dir_file(const struct bundle_dir *d, struct str name, struct error *err)
{
	char path[BUNDLE_FILE_NAME_MAX + 1];
	if (name.n > BUNDLE_FILE_NAME_MAX) {
		error_set(err, ERROR_BAD_VALUE, "", "the name of a file is too long");
		return -1;
	}
	memcpy(path, name.p, name.n);
	path[name.n] = '\0';
	return open_file(d, path, err);
}

static bool read_file(void *ctx, struct str name, bundle_bytes_fn *take, void *take_ctx,
		      struct error *err)
{
	char piece[PIECE];
	int fd = bundle_dir_file(ctx, name, err);
	bool ok = fd >= 0;
	while (ok) {
		ssize_t n = read(fd, piece, sizeof piece);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			ok = error_set_errno(err, "", errno, "cannot be read");
		if (n <= 0)
			break;
		ok = take(take_ctx, (struct str){piece, (size_t)n}, err);
	}
	if (fd >= 0)
		close(fd);
	return ok;
}

struct bundle_source bundle_dir_source(struct bundle_dir *d)
{
	return (struct bundle_source){.ctx = d, .read = read_file};
}

static bool write_all(int fd, struct str bytes)
{
	while (bytes.n > 0) {
		ssize_t n = write(fd, bytes.p, bytes.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes = str_slice(bytes, (size_t)n, bytes.n);
	}
	return fsync(fd) == 0;
}

bool bundle_dir_write(const struct bundle_dir *d, const char *name, struct str bytes,
		      struct error *err)
{
	char temporary[BUNDLE_FILE_NAME_MAX + 8];
	snprintf(temporary, sizeof temporary, ".%s.new", name);
	int fd = openat(d->fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			0644);
	if (fd < 0)
		return error_set_errno(err, name, errno, "cannot be written");
	bool ok = write_all(fd, bytes);
	int why = errno;
	if (close(fd) != 0 && ok) {
		ok = false;
		why = errno;
	}
	if (ok && renameat(d->fd, temporary, d->fd, name) != 0) {
		ok = false;
		why = errno;
	}
	if (ok)
		return true;
	unlinkat(d->fd, temporary, 0);
	return error_set_errno(err, name, why, "cannot be written");
}
