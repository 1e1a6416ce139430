/* SPDX-License-Identifier: Apache-2.0 */
/* The LMDB backend: the data directory, held by one process, and its environments. */
#include "store/lmdb/lmdb-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* No keyspace has a full stop in its name. */
#define LOCK_FILE "mimd.lock"

struct lmdb {
	struct store_options options;
	char *directory;
	int lock_fd;          /* holds the flock */
	pthread_mutex_t lock; /* guards the list, which usage reads */
	struct environment *environments;
};

/* directory/name; NULL without memory. */
static char *path_of(const char *directory, const char *name, size_t n)
{
	struct buf b;
	buf_init(&b, 8192);
	buf_add_str(&b, str_of(directory));
	buf_add_char(&b, '/');
	buf_add(&b, name, n);
	const char *z = buf_ok(&b) ? buf_cstr(&b) : NULL;
	char *path = z != NULL ? strdup(z) : NULL;
	buf_free(&b);
	return path;
}

/* The number of the process that holds it is for people only. */
static void write_pid(int fd)
{
	char line[32];
	int n = snprintf(line, sizeof line, "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) == 0 && pwrite(fd, line, (size_t)n, 0) != n)
		return;
}

static bool refuse_lock(int fd, const char *directory, int errnum, struct error *err)
{
	char line[32];
	ssize_t n = pread(fd, line, sizeof line, 0);
	if (errnum != EWOULDBLOCK)
		return error_set_errno(err, "", errnum, "cannot lock %s/%s", directory,
				       LOCK_FILE);
	struct str pid = str_trim((struct str){line, n > 0 ? (size_t)n : 0});
	return error_set(err, ERROR_CONFLICT, "",
			 "the data directory %s is in use by another process (%.*s)",
			 directory, STR_ARG(pid));
}

static bool lock_directory(struct lmdb *l, struct error *err)
{
	char *path = path_of(l->directory, LOCK_FILE, strlen(LOCK_FILE));
	if (path == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory for a path");
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int errnum = errno;
	free(path);
	if (fd < 0)
		return error_set_errno(err, "", errnum, "cannot open %s/%s",
				       l->directory, LOCK_FILE);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		refuse_lock(fd, l->directory, errno, err);
		close(fd);
		return false;
	}
	write_pid(fd);
	l->lock_fd = fd;
	return true;
}

static void lmdb_close(void *backend)
{
	struct lmdb *l = backend;
	if (l->lock_fd >= 0)
		close(l->lock_fd);
	pthread_mutex_destroy(&l->lock);
	free(l->directory);
	free(l);
}

static bool lmdb_open(const struct store_options *o, void **backend, struct error *err)
{
	if (o->directory == NULL || o->directory[0] == '\0')
		return error_set(err, ERROR_USAGE, "",
				 "the lmdb store needs a directory");
	struct lmdb *l = calloc(1, sizeof *l);
	if (l == NULL || pthread_mutex_init(&l->lock, NULL) != 0) {
		free(l);
		return error_set(err, ERROR_MEMORY, "", "no memory for the store");
	}
	l->options = *o;
	l->lock_fd = -1;
	l->directory = strdup(o->directory);
	if (l->directory == NULL)
		error_set(err, ERROR_MEMORY, "", "no memory for the store");
	else if (mkdir(l->directory, 0700) != 0 && errno != EEXIST)
		error_set_errno(err, "", errno, "cannot make %s", l->directory);
	else if (lock_directory(l, err)) {
		*backend = l;
		return true;
	}
	lmdb_close(l);
	return false;
}

static bool lmdb_db_open(void *backend, struct str keyspace, struct str owner,
			 bool create, void **out, struct error *err)
{
	struct lmdb *l = backend;
	struct environment *e;
	struct str name = keyspace.n > 0 ? keyspace : STR("system");
	char *path = path_of(l->directory, name.p, name.n);
	if (path == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory for a path");
	bool ok = environment_open(path, keyspace, owner, create, &l->options, &e, err);
	free(path);
	if (!ok)
		return false;
	pthread_mutex_lock(&l->lock);
	e->next = l->environments;
	l->environments = e;
	pthread_mutex_unlock(&l->lock);
	e->owner = l;
	*out = e;
	return true;
}

static void lmdb_db_close(void *db)
{
	struct environment *e = db;
	struct lmdb *l = e->owner;
	pthread_mutex_lock(&l->lock);
	struct environment **at = &l->environments;
	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	pthread_mutex_unlock(&l->lock);
	environment_close(e);
}

static void lmdb_submit(void *db, const struct store_op *op)
{
	struct environment *e = db;
	struct error err;
	if (store_op_class(op->kind) != STORE_CLASS_READ) {
		writer_submit(e->writer, op);
		return;
	}
	bool ok = readers_run(e->readers, op, &err);
	store_op_done(op, ok ? NULL : &err);
}

static uint64_t lmdb_outbox_count(void *db)
{
	struct environment *e = db;
	struct error err;
	uint64_t n;
	return readers_count(e->readers, TABLE_OUTBOX, &n, &err) ? n : 0;
}

static void lmdb_usage(void *backend, struct store_usage *out)
{
	struct lmdb *l = backend;
	pthread_mutex_lock(&l->lock);
	for (struct environment *e = l->environments; e != NULL; e = e->next) {
		out->bytes_used += e->used;
		out->bytes_max += e->map_max != 0 ? e->map_max : e->map_size;
	}
	pthread_mutex_unlock(&l->lock);
}

const struct store_backend store_lmdb = {
	"lmdb",        lmdb_open,   lmdb_close,        lmdb_db_open,
	lmdb_db_close, lmdb_submit, lmdb_outbox_count, lmdb_usage,
};
