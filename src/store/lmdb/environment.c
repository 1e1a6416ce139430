/* SPDX-License-Identifier: Apache-2.0 */
/* One environment: its files, its tables, its owner, and how large it may get. */
#include "store/lmdb/lmdb-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MAP_DEFAULT (UINT64_C(64) << 30)
#define MAP_LEAST (UINT64_C(1) << 20)
/* Threads that read at the same time; each costs 64 bytes of lock.mdb. */
#define READERS_MAX 510
/* What an import leaves on the disk for decisions. */
#define DISK_RESERVE (UINT64_C(64) << 20)

static const char *const table_names[TABLES_COUNT] = {
#define X(name, text) [TABLE_##name] = text,
	TABLES(X)
#undef X
};

/* A new file or directory lasts only when its directory is on the disk. */
static bool sync_directory(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(err, "", errno, "cannot open %s", path);
	bool ok = fsync(fd) == 0 ||
		  error_set_errno(err, "", errno, "cannot sync %s", path);
	close(fd);
	return ok;
}

static bool is_there(const char *path)
{
	struct buf file;
	struct stat st;
	buf_init(&file, 8192);
	buf_printf(&file, "%s/data.mdb", path);
	const char *name = buf_cstr(&file);
	bool there = name != NULL && buf_ok(&file) && stat(name, &st) == 0;
	buf_free(&file);
	return there;
}

static bool open_files(struct environment *e, uint64_t map_size, struct error *err)
{
	int stale, code = mdb_env_create(&e->env);
	if (code != 0)
		return lmdb_error(e, code, "open", err);
	uint64_t size = map_size != 0 ? map_size : MAP_DEFAULT;
	if (size < MAP_LEAST)
		size = MAP_LEAST;
	if (e->map_max != 0 && size > e->map_max)
		size = e->map_max;
	if ((code = mdb_env_set_mapsize(e->env, size)) != 0 ||
	    (code = mdb_env_set_maxdbs(e->env, TABLES_COUNT)) != 0 ||
	    (code = mdb_env_set_maxreaders(e->env, READERS_MAX)) != 0 ||
	    (code = mdb_env_open(e->env, e->path, MDB_NOTLS, 0600)) != 0 ||
	    (code = mdb_reader_check(e->env, &stale)) != 0)
		return lmdb_error(e, code, "cannot open the database", err);
	return true;
}

static bool open_tables(struct environment *e, MDB_txn *txn, struct error *err)
{
	for (size_t i = 0; i < TABLES_COUNT; i++) {
		int code = mdb_dbi_open(txn, table_names[i], MDB_CREATE, &e->dbi[i]);
		if (code != 0)
			return lmdb_error(e, code, "cannot open a table", err);
	}
	return true;
}

/* Whose it has to be. */
struct claim {
	struct str keyspace, owner;
	bool create;
};

static bool check_claim(struct environment *e, MDB_txn *txn, const struct claim *c,
			struct error *err)
{
	struct lmdb_tables tables;
	bool ok, there = true;
	if (!lmdb_tables_init(&tables, e, false))
		return error_set(err, ERROR_MEMORY, "", "no memory for a database");
	lmdb_tables_begin(&tables, txn);
	ok = c->create ? ordered_claim(&tables.t, c->keyspace, c->owner, &there, err)
		       : ordered_check_owner(&tables.t, c->keyspace, c->owner, &there,
					     err);
	lmdb_tables_free(&tables);
	if (ok && !c->create && !there)
		ok = error_set(err, ERROR_NOT_FOUND, "/keyspaceName",
			       "the keyspace \"%.*s\" was never completed",
			       STR_ARG(c->keyspace));
	return ok;
}

/* claim NULL: it was checked. */
static bool start(struct environment *e, const struct claim *claim, struct error *err)
{
	MDB_txn *txn;
	int code = mdb_txn_begin(e->env, NULL, 0, &txn);
	if (code != 0)
		return lmdb_error(e, code, "cannot begin", err);
	if (!open_tables(e, txn, err) ||
	    (claim != NULL && !check_claim(e, txn, claim, err))) {
		mdb_txn_abort(txn);
		return false;
	}
	code = mdb_txn_commit(txn);
	return code == 0 || lmdb_error(e, code, "cannot commit", err);
}

static struct environment *environment_new(const char *path)
{
	struct environment *e = calloc(1, sizeof *e);
	pthread_rwlockattr_t attr;
	if (e == NULL)
		return NULL;
	e->path = strdup(path);
	if (e->path == NULL || pthread_rwlockattr_init(&attr) != 0) {
		free(e->path);
		free(e);
		return NULL;
	}
	/* readers come and go without end, and the map must grow all the same */
	pthread_rwlockattr_setkind_np(&attr,
				      PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	int code = pthread_rwlock_init(&e->map_lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	if (code != 0) {
		free(e->path);
		free(e);
		return NULL;
	}
	return e;
}

/* The directory that the environment's own is in. */
static bool sync_parent(const char *path, struct error *err)
{
	char *parent = strdup(path);
	if (parent == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory for a path");
	char *slash = strrchr(parent, '/');
	if (slash != NULL)
		*slash = '\0';
	bool ok = sync_directory(slash == NULL       ? "."
				 : parent[0] == '\0' ? "/"
						     : parent,
				 err);
	free(parent);
	return ok;
}

/* A database that was not completed: half of its first pages would be taken for a
 * damaged one by the next try. */
static void remove_files(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	unlinkat(fd, "data.mdb", 0);
	unlinkat(fd, "lock.mdb", 0);
	close(fd);
	rmdir(path);
}

bool environment_open(const char *path, struct str keyspace, struct str owner,
		      bool create, const struct store_options *o,
		      struct environment **out, struct error *err)
{
	MDB_stat st;
	const struct claim claim = {keyspace, owner, create};
	bool is_new = !is_there(path);
	if (!create && is_new)
		return error_set(err, ERROR_NOT_FOUND, "/keyspaceName",
				 "there is no database in %s", path);
	if (create && mkdir(path, 0700) != 0 && errno != EEXIST)
		return error_set_errno(err, "", errno, "cannot make %s", path);
	struct environment *e = environment_new(path);
	if (e == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory for a database");
	e->map_max = o->map_max;
	e->log = o->log;
	if (!open_files(e, o->map_size, err) || !start(e, &claim, err) ||
	    (create && (!sync_directory(path, err) || !sync_parent(path, err)))) {
		environment_close(e);
		if (is_new)
			remove_files(path);
		return false;
	}
	mdb_env_stat(e->env, &st);
	e->page_size = st.ms_psize;
	environment_measure(e);
	e->readers = readers_new(e);
	e->writer = e->readers != NULL ? writer_new(e) : NULL;
	if (e->writer == NULL) {
		environment_close(e);
		return error_set(err, ERROR_MEMORY, "", "no thread for %s", path);
	}
	log_info(e->log, "store", "database opened  path=%s bytes=%llu", path,
		 (unsigned long long)e->used);
	*out = e;
	return true;
}

void environment_close(struct environment *e)
{
	writer_free(e->writer);
	readers_free(e->readers);
	if (e->env != NULL)
		mdb_env_close(e->env);
	pthread_rwlock_destroy(&e->map_lock);
	free(e->path);
	free(e);
}

/* With the map's lock, exclusive. */
static void shut(struct environment *e)
{
	readers_forget(e->readers);
	if (e->env != NULL)
		mdb_env_close(e->env);
	e->env = NULL;
}

/* LMDB has put its last page back as it was. That must be on the disk before pages
 * that only the lost transaction knows are used again. */
static bool open_anew(struct environment *e, struct error *err)
{
	int code = e->env != NULL ? mdb_env_sync(e->env, 1) : 0;
	if (code != 0)
		return lmdb_error(e, code, "cannot sync", err);
	pthread_rwlock_wrlock(&e->map_lock);
	shut(e);
	bool ok = open_files(e, e->map_size, err) && start(e, NULL, err);
	if (!ok)
		shut(e);
	pthread_rwlock_unlock(&e->map_lock);
	return ok;
}

void environment_mend(struct environment *e)
{
	MDB_txn *txn;
	struct error err;
	/* one that writes, though it does not: others may have taken all the readers'
	 * places, or the memory */
	int code = e->env == NULL ? MDB_PANIC : mdb_txn_begin(e->env, NULL, 0, &txn);
	if (code == 0)
		mdb_txn_abort(txn);
	if (code != MDB_PANIC) {
		e->is_broken = false;
		return;
	}
	bool ok = open_anew(e, &err);
	if (ok)
		log_info(e->log, "store", "database opened anew  path=%s", e->path);
	else if (!e->is_broken)
		log_error(e->log, "store", "cannot be opened anew  path=%s error=%s",
			  e->path, err.message);
	e->is_broken = !ok;
}

void environment_measure(struct environment *e)
{
	MDB_envinfo info;
	if (e->env == NULL)
		return;
	mdb_env_info(e->env, &info);
	e->map_size = info.me_mapsize;
	e->used = ((uint64_t)info.me_last_pgno + 1) * e->page_size;
}

bool environment_grow(struct environment *e, bool force, struct error *err)
{
	uint64_t size = e->map_size, larger = size * 2;
	if (!force && e->used < size / 10 * 9)
		return true;
	if (e->map_max != 0 && larger > e->map_max)
		larger = e->map_max;
	if (larger <= size)
		return lmdb_error(e, MDB_MAP_FULL, "grow", err);
	if (e->env == NULL)
		return lmdb_error(e, MDB_PANIC, "grow", err);
	pthread_rwlock_wrlock(&e->map_lock);
	int code = mdb_env_set_mapsize(e->env, larger);
	/* the smaller map is gone as well */
	if (code != 0)
		shut(e);
	pthread_rwlock_unlock(&e->map_lock);
	if (code != 0) {
		lmdb_error(e, code, "cannot grow the map", err);
		log_error(e->log, "store", "the map cannot grow  path=%s error=%s",
			  e->path, err->message);
		environment_mend(e);
		return false;
	}
	environment_measure(e);
	log_info(e->log, "store", "map grown  path=%s bytes=%llu", e->path,
		 (unsigned long long)larger);
	return true;
}

bool environment_has_room(struct environment *e, struct error *err)
{
	struct statvfs fs;
	uint64_t free_pages;
	if (statvfs(e->path, &fs) == 0 &&
	    (uint64_t)fs.f_bavail * fs.f_frsize < DISK_RESERVE)
		return error_set(err, ERROR_FULL, "",
				 "%s: the disk has less than %llu MiB left", e->path,
				 (unsigned long long)(DISK_RESERVE >> 20));
	if (e->map_max == 0 || e->used < e->map_max / 10 * 9)
		return true;
	if (!readers_free_pages(e->readers, &free_pages, err))
		return false;
	if (e->used - free_pages * e->page_size < e->map_max / 10 * 9)
		return true;
	return error_set(err, ERROR_FULL, "",
			 "%s: nine tenths of its greatest size are used", e->path);
}
