/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/spool.h"

#include "agent/spool-segment.h"
#include "agent/spool-sync.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define SEGMENT_ROOM (1024 * 1024)
#define AREA "spool"

struct spool {
	struct spool_config config;
	int directory, lock;
	struct spool_index index;
	struct spool_sync *sync;
	struct spool_segment *segments; /* but the current one */
	struct spool_segment *current;  /* NULL: made when needed */
	uint64_t bytes;                 /* of all segments */
	uint64_t next_sequence;
	bool syncing, dirty; /* a sync is under way; something is newer than it */
	bool new_name;       /* the directory has a name that is not synced */
	/* segments that are full, but not known to be on disk */
	int closing[SPOOL_SYNC_FILES - 1];
	size_t n_closing, n_closing_given; /* those in the sync under way */
	bool complained;                   /* that nothing can be taken */
};

static void start_sync(struct spool *s)
{
	struct spool_sync_job job = {.directory = s->new_name ? s->directory : -1,
				     .sequence = s->next_sequence - 1};
	for (size_t i = 0; i < s->n_closing; i++)
		job.files[job.n_files++] = s->closing[i];
	if (s->current != NULL)
		job.files[job.n_files++] = s->current->fd;
	s->n_closing_given = s->n_closing;
	s->dirty = s->new_name = false;
	s->syncing = true;
	spool_sync_submit(s->sync, &job);
}

/* Nothing more is written to the current segment. */
static void retire_current(struct spool *s)
{
	struct spool_segment *g = s->current;
	if (g == NULL)
		return;
	s->current = NULL;
	s->closing[s->n_closing++] = g->fd;
	g->fd = -1;
	if (g->pending == 0) {
		s->bytes -= g->size;
		spool_segment_remove(s->directory, g);
	} else {
		g->next = s->segments;
		s->segments = g;
	}
}

static void on_synced(void *ctx, uint64_t sequence, int errnum)
{
	struct spool *s = ctx;
	s->syncing = false;
	for (size_t i = 0; i < s->n_closing_given; i++)
		close(s->closing[i]);
	s->n_closing -= s->n_closing_given;
	memmove(s->closing, s->closing + s->n_closing_given,
		s->n_closing * sizeof *s->closing);
	s->n_closing_given = 0;
	if (errnum != 0) {
		/* After a failed sync the kernel may have dropped the pages: this file
		 * cannot be trusted with anything more. */
		log_error(s->config.log, AREA, "cannot sync  error=%s",
			  strerror(errnum));
		retire_current(s);
	}
	s->config.synced(s->config.ctx, sequence, errnum == 0);
	if (s->dirty && !s->syncing)
		start_sync(s);
}

static bool open_directory(struct spool *s, struct error *err)
{
	const char *path = s->config.directory;
	s->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->directory < 0)
		return error_set_errno(err, path, errno, "cannot open the spool");
	s->lock = openat(s->directory, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock < 0)
		return error_set_errno(err, path, errno, "cannot lock the spool");
	if (flock(s->lock, LOCK_EX | LOCK_NB) != 0)
		return error_set(err, ERROR_CONFLICT, path,
				 "another process uses this spool");
	return true;
}

struct loading {
	struct spool *s;
	size_t n;
};

static bool take_record(void *ctx, const struct spool_record *r, size_t length)
{
	struct loading *l = ctx;
	(void)length;
	if (r->sequence >= l->s->next_sequence)
		l->s->next_sequence = r->sequence + 1;
	l->n++;
	return spool_index_add(&l->s->index, r, NULL) != NULL;
}

/* Those that were just read do not know their segment yet. */
static void adopt(struct spool *s, struct spool_segment *g)
{
	for (struct spool_tenant *t = s->index.tenants; t != NULL; t = t->next)
		for (struct spool_event *e = t->last; e != NULL && e->segment == NULL;
		     e = e->previous)
			e->segment = g;
}

static bool load_file(struct spool *s, const char *name, struct error *err)
{
	struct loading l = {.s = s};
	uint64_t cut;
	struct spool_segment *g =
		spool_segment_load(s->directory, name, take_record, &l, &cut, err);
	if (g == NULL)
		return false;
	if (g->keep_aside)
		log_error(s->config.log, AREA,
			  "damaged file, kept as %s.damaged when its good part is "
			  "delivered  good=%zu bytes_lost=%llu",
			  name, l.n, (unsigned long long)cut);
	else if (cut > 0)
		log_warn(s->config.log, AREA,
			 "half a record at the end of %s was cut off  bytes=%llu", name,
			 (unsigned long long)cut);
	g->pending = l.n;
	adopt(s, g);
	if (l.n == 0) {
		spool_segment_remove(s->directory, g);
		return true;
	}
	s->bytes += g->size;
	g->next = s->segments;
	s->segments = g;
	return true;
}

static int is_segment(const struct dirent *entry)
{
	return spool_segment_is_name(entry->d_name);
}

/* In the order of their names, which is that of time. */
static bool load_all(struct spool *s, struct error *err)
{
	struct dirent **names;
	int n = scandirat(s->directory, ".", &names, is_segment, alphasort);
	if (n < 0)
		return error_set_errno(err, s->config.directory, errno,
				       "cannot list the spool");
	bool ok = true;
	for (int i = 0; i < n; i++) {
		ok = ok && load_file(s, names[i]->d_name, err);
		free(names[i]);
	}
	free(names);
	return ok;
}

struct spool *spool_open(const struct spool_config *config, struct error *err)
{
	struct spool *s = calloc(1, sizeof *s);
	if (s == NULL) {
		error_set(err, ERROR_MEMORY, "", "out of memory");
		return NULL;
	}
	s->config = *config;
	s->directory = s->lock = -1;
	s->next_sequence = 1;
	bool ok = spool_index_init(&s->index);
	if (!ok)
		error_set(err, ERROR_MEMORY, "", "out of memory");
	ok = ok && open_directory(s, err) && load_all(s, err);
	if (ok)
		s->sync = spool_sync_start(config->loop, on_synced, s, err);
	if (s->sync == NULL) {
		spool_close(s);
		return NULL;
	}
	return s;
}

static void close_segments(struct spool *s)
{
	while (s->segments != NULL) {
		struct spool_segment *g = s->segments;
		s->segments = g->next;
		spool_segment_close(g);
	}
	if (s->current != NULL && s->current->pending == 0)
		spool_segment_remove(s->directory, s->current);
	else
		spool_segment_close(s->current);
}

void spool_close(struct spool *s)
{
	if (s == NULL)
		return;
	spool_sync_stop(s->sync);
	for (size_t i = 0; i < s->n_closing; i++)
		close(s->closing[i]);
	if (s->directory >= 0)
		close_segments(s);
	spool_index_free(&s->index);
	if (s->lock >= 0)
		close(s->lock);
	if (s->directory >= 0)
		close(s->directory);
	free(s);
}

/* Makes sure that the current segment has room. */
static bool make_room(struct spool *s, uint64_t room, struct error *err)
{
	if (s->bytes + room > s->config.max_bytes)
		return error_set(err, ERROR_FULL, "", "the spool is full");
	if (s->current != NULL && s->current->size + room <= s->current->room)
		return true;
	if (s->n_closing + 1 >= SPOOL_SYNC_FILES - 1)
		return error_set(err, ERROR_FULL, "", "the disk is too slow");
	struct spool_segment *g =
		spool_segment_new(s->directory, s->next_sequence, SEGMENT_ROOM, err);
	if (g == NULL)
		return false;
	retire_current(s);
	s->current = g;
	s->new_name = true;
	return true;
}

bool spool_can_take(struct spool *s)
{
	struct error err = {0};
	bool ok = make_room(s, SPOOL_ROOM, &err);
	if (!ok && !s->complained)
		log_error(s->config.log, AREA,
			  "no event can be taken, so nothing is injected  error=%s",
			  err.message);
	if (ok && s->complained)
		log_info(s->config.log, AREA, "events can be taken again");
	s->complained = !ok;
	return ok;
}

bool spool_append(struct spool *s, struct spool_record *event, struct error *err)
{
	char bytes[SPOOL_RECORD_MAX];
	struct buf b = {.p = bytes, .cap = sizeof bytes, .max = sizeof bytes};
	if (spool_of_user(s, event->tenant, event->user, NULL, 0) >=
	    SPOOL_EVENTS_PER_USER)
		return error_set(err, ERROR_BUSY, "",
				 "too many events of one user wait");
	event->sequence = s->next_sequence;
	if (!spool_record_encode(&b, event))
		return error_set(err, ERROR_BAD_VALUE, "", "an event that is too long");
	if (!make_room(s, b.n, err))
		return false;
	struct spool_event *e = spool_index_add(&s->index, event, s->current);
	if (e == NULL)
		return error_set(err, ERROR_MEMORY, "", "out of memory");
	if (!spool_segment_append(s->current, buf_str(&b), err)) {
		spool_index_remove(&s->index, e);
		return false;
	}
	s->current->pending++;
	s->bytes += b.n;
	s->next_sequence++;
	s->dirty = true;
	if (!s->syncing)
		start_sync(s);
	return true;
}

bool spool_is_synced(const struct spool *s)
{
	return !s->syncing && !s->dirty;
}

size_t spool_count(const struct spool *s)
{
	return s->index.n;
}

size_t spool_of_user(const struct spool *s, struct str tenant, struct str user,
		     const struct spool_event **out, size_t max)
{
	return spool_index_of_user(&s->index, tenant, user, out, max);
}

struct spool_tenant *spool_tenants(const struct spool *s)
{
	return s->index.tenants;
}

size_t spool_take(struct spool_tenant *t, struct spool_event **out, size_t max)
{
	size_t n = 0;
	for (struct spool_event *e = t->first; e != NULL && n < max; e = e->next)
		if (!e->taken) {
			e->taken = true;
			out[n++] = e;
		}
	return n;
}

void spool_put_back(struct spool_event **events, size_t n)
{
	for (size_t i = 0; i < n; i++)
		events[i]->taken = false;
}

void spool_park(struct spool_event *event)
{
	event->taken = event->parked = true;
}

static void drop_segment(struct spool *s, struct spool_segment *g)
{
	struct spool_segment **at = &s->segments;
	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	s->bytes -= g->size;
	spool_segment_remove(s->directory, g);
}

/* All that the current segment holds is delivered: it starts anew. */
static void empty_current(struct spool *s)
{
	struct error err = {0};
	s->bytes -= s->current->size;
	if (!spool_segment_empty(s->current, &err)) {
		log_warn(s->config.log, AREA, "%s", err.message);
		s->bytes += s->current->size;
		retire_current(s);
	}
}

void spool_delivered(struct spool *s, struct spool_event **events, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct spool_segment *g = events[i]->segment;
		spool_index_remove(&s->index, events[i]);
		if (--g->pending > 0)
			continue;
		if (g != s->current)
			drop_segment(s, g);
		else
			empty_current(s);
	}
}
