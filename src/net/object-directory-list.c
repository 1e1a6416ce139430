/* SPDX-License-Identifier: Apache-2.0 */
/* The regular files beneath a directory, in the order of their keys' bytes: "a-b"
 * comes before "a/b", as a bucket has it. */
#include "base/arena.h"
#include "net/object-directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_MAX ((size_t)256 << 20)
#define DEPTH_MAX 64 /* of folders; what lies deeper is left out */
#define PAGE 1000    /* where none was given */
#define ENTRIES_FIRST 64

struct entry {
	struct str name; /* of a folder with its "/" */
	uint64_t size;
};

struct entries {
	struct entry *items;
	size_t n, room;
};

struct walk {
	int fd;
	const struct object_range *range;
	object_seen_fn *seen;
	void *ctx;
	struct error *err;
	struct arena *arena;
	size_t left; /* objects that may still be shown */
	bool more;   /* and there was another */
	char path[OBJECT_KEY_MAX + 2];
	size_t n;
	size_t depth;
};

static bool no_memory(struct walk *w)
{
	return error_set(w->err, ERROR_MEMORY, "", "no memory for a list");
}

static struct str path_of(const struct walk *w)
{
	return (struct str){w->path, w->n};
}

/* The range ----------------------------------------------------------------------*/

/* Could anything beneath this folder, or this key itself, be in the range? */
static bool may_hold(const struct walk *w, struct str key, bool folder)
{
	struct str prefix = w->range->prefix, after = w->range->after;
	if (!str_starts(key, prefix) && !(folder && str_starts(prefix, key)))
		return false;
	return str_cmp(key, after) > 0 || (folder && str_starts(after, key));
}

/* Entries of one folder ----------------------------------------------------------*/

static bool add_entry(struct walk *w, struct entries *all, struct str name,
		      const struct stat *st)
{
	bool folder = S_ISDIR(st->st_mode);
	if (all->n == all->room) {
		size_t room = all->room == 0 ? ENTRIES_FIRST : 2 * all->room;
		struct entry *more = arena_array(w->arena, room, sizeof *more);
		if (more == NULL)
			return no_memory(w);
		if (all->n > 0)
			memcpy(more, all->items, all->n * sizeof *more);
		all->items = more;
		all->room = room;
	}
	struct entry *e = &all->items[all->n];
	e->name = arena_printf(w->arena, "%.*s%s", STR_ARG(name), folder ? "/" : "");
	e->size = (uint64_t)st->st_size;
	if (e->name.p == NULL)
		return no_memory(w);
	all->n++;
	return true;
}

/* False if it is gone meanwhile or leads out. */
static bool look(struct walk *w, int flags, struct stat *st)
{
	struct error ignored;
	int fd = directory_open_beneath(w->fd, path_of(w), O_PATH | flags, &ignored);
	if (fd < 0)
		return false;
	bool known = fstat(fd, st) == 0;
	close(fd);
	return known;
}

/* A link to a file is one; a link to a folder is left out, as it may lead to one that
 * it lies in itself. */
static bool is_listed(struct walk *w, struct stat *st)
{
	if (!look(w, O_NOFOLLOW, st))
		return false;
	if (S_ISLNK(st->st_mode))
		return look(w, 0, st) && S_ISREG(st->st_mode);
	return S_ISREG(st->st_mode) || S_ISDIR(st->st_mode);
}

/* What can be no key is left out. */
static bool look_at(struct walk *w, struct entries *all, struct str name)
{
	struct error ignored;
	struct stat st;
	size_t n = w->n;
	if (!object_key_check(name, &ignored) || name.n + 1 > OBJECT_KEY_MAX - w->n)
		return true;
	memcpy(w->path + w->n, name.p, name.n);
	w->path[w->n + name.n] = '/';
	w->n += name.n;
	/* as a file, or as a folder */
	bool listed = (may_hold(w, path_of(w), false) ||
		       may_hold(w, (struct str){w->path, w->n + 1}, true)) &&
		      is_listed(w, &st);
	w->n = n;
	return !listed || add_entry(w, all, name, &st);
}

static bool read_names(struct walk *w, DIR *dir, struct entries *all)
{
	const struct dirent *d;
	bool ok = true;
	errno = 0;
	while (ok && (d = readdir(dir)) != NULL) {
		ok = look_at(w, all, str_of(d->d_name));
		errno = 0;
	}
	if (ok && errno != 0)
		return error_set_errno(w->err, "", errno, "cannot list");
	return ok;
}

static int by_name(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	return str_cmp(x->name, y->name);
}

static bool read_folder(struct walk *w, struct entries *all)
{
	struct str path = w->n > 0 ? path_of(w) : STR(".");
	int fd = directory_open_beneath(w->fd, path, O_RDONLY | O_DIRECTORY, w->err);
	if (fd < 0)
		return false;
	DIR *dir = fdopendir(fd);
	if (dir == NULL) {
		error_set_errno(w->err, "", errno, "cannot list");
		close(fd);
		return false;
	}
	bool ok = read_names(w, dir, all);
	closedir(dir);
	if (ok && all->n > 0)
		qsort(all->items, all->n, sizeof *all->items, by_name);
	return ok;
}

/* The walk -----------------------------------------------------------------------*/

static bool walk(struct walk *w);

static bool visit(struct walk *w, const struct entry *e)
{
	bool folder = str_ends(e->name, STR("/")), ok = true;
	size_t n = w->n;
	memcpy(w->path + w->n, e->name.p, e->name.n);
	w->n += e->name.n;
	if (may_hold(w, path_of(w), folder)) {
		if (folder) {
			ok = w->depth == DEPTH_MAX || walk(w);
		} else if (w->left == 0) {
			w->more = true;
		} else {
			w->left--;
			ok = w->seen(w->ctx, path_of(w), e->size, w->err);
		}
	}
	w->n = n;
	return ok;
}

static bool walk(struct walk *w)
{
	struct entries all = {NULL, 0, 0};
	w->depth++;
	bool ok = read_folder(w, &all);
	/* a folder that vanished meanwhile, or is closed to us, holds nothing */
	if (!ok && w->n > 0 && all.n == 0 && w->err->kind != ERROR_MEMORY)
		ok = true;
	for (size_t i = 0; ok && i < all.n && !w->more; i++)
		ok = visit(w, &all.items[i]);
	w->depth--;
	return ok;
}

bool object_directory_list(struct object_store *s, const struct object_range *range,
			   object_seen_fn *seen, void *ctx, bool *more,
			   struct error *err)
{
	struct walk w = {
		.fd = ((const struct object_directory *)s)->fd,
		.range = range,
		.seen = seen,
		.ctx = ctx,
		.err = err,
		.arena = arena_new(ARENA_MAX),
		.left = (range->page > 0 ? range->page : PAGE) * range->pages,
	};
	bool ok = w.arena != NULL ? walk(&w) : no_memory(&w);
	*more = w.more;
	arena_free(w.arena);
	return ok;
}
