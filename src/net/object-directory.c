/* SPDX-License-Identifier: Apache-2.0 */
#include "net/object-directory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PIECE (256 * 1024)
#define RENAME_RETRIES 32

int directory_open_beneath(int dir, struct str path, int flags, struct error *err)
{
	char name[OBJECT_KEY_MAX + 1];
	struct open_how how = {.flags = (uint32_t)(flags | O_CLOEXEC),
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	if (path.n >= sizeof name) {
		error_set(err, ERROR_BAD_VALUE, "", "the path is too long");
		return -1;
	}
	memcpy(name, path.p, path.n);
	name[path.n] = '\0';
	long fd = -1;
	/* EAGAIN: a rename is under way somewhere */
	for (int i = 0; i < RENAME_RETRIES; i++) {
		fd = syscall(SYS_openat2, dir, name, &how, sizeof how);
		if (fd >= 0 || (errno != EINTR && errno != EAGAIN))
			break;
	}
	if (fd >= 0)
		return (int)fd;
	if (errno == ENOENT || errno == ENOTDIR)
		error_set(err, ERROR_NOT_FOUND, "", "%s is not there", name);
	else if (errno == EXDEV || errno == ELOOP)
		error_set(err, ERROR_FORBIDDEN, "", "%s leads out of its directory",
			  name);
	else if (errno == ENOSYS)
		error_set(err, ERROR_UNAVAILABLE, "",
			  "directories need openat2(2), Linux 5.6 or newer");
	else
		error_set_errno(err, "", errno, "cannot open %s", name);
	return -1;
}

static bool read_pieces(int fd, char *piece, object_fn *take, void *ctx,
			struct error *err)
{
	for (;;) {
		ssize_t n = read(fd, piece, PIECE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(err, "", errno, "cannot read");
		if (n == 0)
			return true;
		if (!take(ctx, (struct str){piece, (size_t)n}, err))
			return false;
	}
}

static bool read_file(int fd, object_fn *take, void *ctx, struct error *err)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return error_set_errno(err, "", errno, "cannot read");
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERROR_FORBIDDEN, "", "is no regular file");
	char *piece = malloc(PIECE);
	if (piece == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory");
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	bool ok = read_pieces(fd, piece, take, ctx, err);
	free(piece);
	return ok;
}

static bool directory_read(struct object_store *s, struct str key, object_fn *take,
			   void *ctx, struct error *err)
{
	const struct object_directory *d = (const struct object_directory *)s;
	/* not blocked by a FIFO that somebody put there */
	int fd = directory_open_beneath(d->fd, key, O_RDONLY | O_NONBLOCK | O_NOCTTY,
					err);
	if (fd < 0)
		return false;
	bool ok = read_file(fd, take, ctx, err);
	close(fd);
	return ok;
}

static void directory_close(struct object_store *s)
{
	struct object_directory *d = (struct object_directory *)s;
	close(d->fd);
	free(d);
}

static bool directory_find(struct object_store *s, struct str key, uint64_t *size,
			   struct error *err)
{
	const struct object_directory *d = (const struct object_directory *)s;
	struct stat st;
	int fd = directory_open_beneath(d->fd, key, O_PATH, err);
	if (fd < 0)
		return false;
	bool ok = fstat(fd, &st) == 0 || error_set_errno(err, "", errno, "cannot look");
	close(fd);
	if (ok && !S_ISREG(st.st_mode))
		return error_set(err, ERROR_FORBIDDEN, "", "is no regular file");
	if (ok)
		*size = (uint64_t)st.st_size;
	return ok;
}

static const struct object_backend backend = {directory_read, directory_find,
					      object_directory_list, directory_close};

/* One step down; takes `dir` over. */
static int step_down(int dir, struct str below, struct error *err)
{
	if (dir < 0 || below.n == 0)
		return dir;
	int fd = object_key_check(below, err)
			 ? directory_open_beneath(dir, below, O_PATH | O_DIRECTORY, err)
			 : -1;
	close(dir);
	return fd;
}

static int open_root(const char *root, struct error *err)
{
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		error_set(err, ERROR_NOT_FOUND, "", "%s is not there", root);
	else if (fd < 0)
		error_set_errno(err, "", errno, "cannot open %s", root);
	return fd;
}

struct object_store *object_store_directory(const char *root, struct str tenant,
					    struct str below, struct error *err)
{
	int fd = step_down(step_down(open_root(root, err), tenant, err), below, err);
	if (fd < 0)
		return NULL;
	struct object_directory *d = calloc(1, sizeof *d);
	if (d == NULL) {
		close(fd);
		error_set(err, ERROR_MEMORY, "", "no memory");
		return NULL;
	}
	d->store.backend = &backend;
	d->fd = fd;
	return &d->store;
}
