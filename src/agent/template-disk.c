/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/template-disk.h"

#include "base/crypto.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define AREA "cache"
#define TENANT_MAX 64

struct entry {
	struct entry *newer, *older; /* by last use */
	uint64_t size;
	int64_t used; /* when it was found at start: the file's time */
	char tenant[TENANT_MAX + 1];
	char sha256[TEMPLATE_SHA256_LEN + 1];
};

struct template_disk {
	int directory;
	uint64_t max, bytes;
	struct log *log;
	struct entry *newest, *oldest;
};

bool template_is_sha256(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') ||
		      (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return s.n == TEMPLATE_SHA256_LEN;
}

bool template_hash_is(struct str bytes, struct str sha256)
{
	uint8_t hash[CRYPTO_SHA256_LEN];
	char hex[2 * CRYPTO_SHA256_LEN + 1];
	crypto_sha256(bytes, hash);
	crypto_hex(hex, hash, sizeof hash);
	return str_eqz(sha256, hex);
}

static void push_newest(struct template_disk *d, struct entry *e)
{
	e->newer = NULL;
	e->older = d->newest;
	if (d->newest != NULL)
		d->newest->newer = e;
	else
		d->oldest = e;
	d->newest = e;
}

static void unlink_entry(struct template_disk *d, struct entry *e)
{
	if (e->newer != NULL)
		e->newer->older = e->older;
	else
		d->newest = e->older;
	if (e->older != NULL)
		e->older->newer = e->newer;
	else
		d->oldest = e->newer;
}

static struct entry *find(const struct template_disk *d, struct str tenant,
			  struct str sha256)
{
	struct entry *e = d->newest;
	while (e != NULL && !(str_eqz(sha256, e->sha256) && str_eqz(tenant, e->tenant)))
		e = e->older;
	return e;
}

static void path_of(char out[TENANT_MAX + TEMPLATE_SHA256_LEN + 2],
		    const struct entry *e)
{
	snprintf(out, TENANT_MAX + TEMPLATE_SHA256_LEN + 2, "%s/%s", e->tenant,
		 e->sha256);
}

static void drop(struct template_disk *d, struct entry *e)
{
	char path[TENANT_MAX + TEMPLATE_SHA256_LEN + 2];
	path_of(path, e);
	unlinkat(d->directory, path, 0);
	unlink_entry(d, e);
	d->bytes -= e->size;
	free(e);
}

static struct entry *add(struct template_disk *d, struct str tenant, struct str sha256,
			 uint64_t size)
{
	struct entry *e = calloc(1, sizeof *e);
	if (e == NULL)
		return NULL;
	memcpy(e->tenant, tenant.p, tenant.n); /* an id: 64 bytes at most */
	memcpy(e->sha256, sha256.p, TEMPLATE_SHA256_LEN);
	e->size = size;
	d->bytes += size;
	push_newest(d, e);
	return e;
}

/* What one tenant's folder holds; anything else in it is a left-over of ours. */
static void look_through_tenant(struct template_disk *d, const char *tenant)
{
	int fd = openat(d->directory, tenant,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *file;
	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((file = readdir(dir)) != NULL) {
		struct stat st;
		struct str name = str_of(file->d_name);
		if (file->d_name[0] == '.')
			continue;
		if (!template_is_sha256(name)) {
			unlinkat(fd, file->d_name, 0);
		} else if (fstatat(fd, file->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			   S_ISREG(st.st_mode)) {
			struct entry *e =
				add(d, str_of(tenant), name, (uint64_t)st.st_size);
			if (e != NULL)
				e->used = st.st_mtime;
		}
	}
	closedir(dir);
}

struct found {
	struct entry *entry;
};

static int by_use(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	return (x->entry->used > y->entry->used) - (x->entry->used < y->entry->used);
}

/* Puts the entries that were found into the order of their use. */
static bool sort(struct template_disk *d)
{
	size_t n = 0, i = 0;
	for (struct entry *e = d->newest; e != NULL; e = e->older)
		n++;
	struct found *all = calloc(n > 0 ? n : 1, sizeof *all);
	if (all == NULL)
		return false;
	for (struct entry *e = d->newest; e != NULL; e = e->older)
		all[i++].entry = e;
	qsort(all, n, sizeof *all, by_use);
	d->newest = d->oldest = NULL;
	for (i = 0; i < n; i++)
		push_newest(d, all[i].entry);
	free(all);
	return true;
}

static void make_room(struct template_disk *d, uint64_t room)
{
	struct entry *next;
	for (struct entry *e = d->oldest; e != NULL && d->bytes + room > d->max;
	     e = next) {
		next = e->newer;
		drop(d, e);
	}
}

static bool look_through(struct template_disk *d, const char *path, struct error *err)
{
	int fd = openat(d->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *tenant;
	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return error_set_errno(err, path, errno, "cannot read the cache");
	}
	while ((tenant = readdir(dir)) != NULL)
		if (str_is_id(str_of(tenant->d_name)))
			look_through_tenant(d, tenant->d_name);
	closedir(dir);
	if (!sort(d))
		return error_set(err, ERROR_MEMORY, "", "out of memory");
	make_room(d, 0);
	return true;
}

struct template_disk *template_disk_open(const char *directory, uint64_t max_bytes,
					 struct log *log, struct error *err)
{
	struct template_disk *d = calloc(1, sizeof *d);
	if (d == NULL) {
		error_set(err, ERROR_MEMORY, "", "out of memory");
		return NULL;
	}
	d->max = max_bytes;
	d->log = log;
	d->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->directory < 0)
		error_set_errno(err, directory, errno, "cannot open the cache");
	if (d->directory < 0 || !look_through(d, directory, err)) {
		template_disk_close(d);
		return NULL;
	}
	return d;
}

void template_disk_close(struct template_disk *d)
{
	if (d == NULL)
		return;
	struct entry *next;
	for (struct entry *e = d->newest; e != NULL; e = next) {
		next = e->older;
		free(e);
	}
	if (d->directory >= 0)
		close(d->directory);
	free(d);
}

/* The hash tells whether these are all of its bytes. */
static bool read_bytes(int fd, uint64_t size, struct buf *out)
{
	buf_clear(out);
	if (size > out->max)
		return false;
	char *p = buf_reserve(out, (size_t)size);
	while (p != NULL && out->n < size) {
		ssize_t n = read(fd, out->p + out->n, (size_t)size - out->n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		buf_commit(out, (size_t)n);
	}
	return p != NULL;
}

bool template_disk_get(struct template_disk *d, struct str tenant, struct str sha256,
		       struct buf *out)
{
	char path[TENANT_MAX + TEMPLATE_SHA256_LEN + 2];
	struct entry *e = find(d, tenant, sha256);
	if (e == NULL)
		return false;
	path_of(path, e);
	int fd = openat(d->directory, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool ok = fd >= 0 && read_bytes(fd, e->size, out) &&
		  template_hash_is(buf_str(out), sha256);
	if (ok) {
		/* the order of use survives a restart */
		futimens(fd, NULL);
		unlink_entry(d, e);
		push_newest(d, e);
	} else {
		log_warn(d->log, AREA, "a damaged template is removed  sha256=%.*s",
			 STR_ARG(sha256));
		drop(d, e);
	}
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool write_all(int fd, struct str bytes)
{
	while (bytes.n > 0) {
		ssize_t n = write(fd, bytes.p, bytes.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes = str_slice(bytes, (size_t)n, bytes.n);
	}
	return true;
}

/* A temporary file that becomes `name`. What a crash leaves is either whole or is
 * found out by its hash, so it need not be synced. */
static bool write_file(int dir, const char *name, struct str bytes)
{
	char temporary[TEMPLATE_SHA256_LEN + 8];
	snprintf(temporary, sizeof temporary, "%s.tmp", name);
	int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	bool ok = write_all(fd, bytes);
	ok = close(fd) == 0 && ok;
	ok = ok && renameat(dir, temporary, dir, name) == 0;
	if (!ok)
		unlinkat(dir, temporary, 0);
	return ok;
}

void template_disk_put(struct template_disk *d, struct str tenant, struct str sha256,
		       struct str bytes)
{
	if (bytes.n > d->max || find(d, tenant, sha256) != NULL)
		return;
	make_room(d, bytes.n);
	struct entry *e = add(d, tenant, sha256, bytes.n);
	if (e == NULL)
		return;
	int dir = -1;
	if (mkdirat(d->directory, e->tenant, 0700) == 0 || errno == EEXIST)
		dir = openat(d->directory, e->tenant,
			     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || !write_file(dir, e->sha256, bytes)) {
		log_warn(d->log, AREA, "a template cannot be kept on disk  error=%s",
			 strerror(errno));
		drop(d, e);
	}
	if (dir >= 0)
		close(dir);
}

uint64_t template_disk_bytes(const struct template_disk *d)
{
	return d->bytes;
}
