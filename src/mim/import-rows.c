/* SPDX-License-Identifier: Apache-2.0 */
/* First pass over the recipients: whom does each row mean, can it be rendered; those
 * that are taken go to the sort. */
#include "mim/import-internal.h"
#include "mim/settings.h"
#include "mim/sync.h"
#include "mim/user-find.h"

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>

#define ROW_ARENA_MAX (4u << 20)
#define BATCH_ARENA_MAX (4u << 20)
#define PATH_SIZE 4096

struct resolving {
	struct import_job *job;
	struct arena *batch_arena;
	struct store_identity *found; /* of each row of the batch */
	struct arena *arena;          /* of one row */
	struct buf bytes;             /* of one row, for the sort */
	bool has_erased;              /* anybody was ever erased: look at each */
	struct str user_key;          /* of the row under way */
	const uint8_t *sort_key;
	bool has_profile;
	struct user_record record; /* read when a variable is looked up in it */
	struct error failed;       /* to read it: the next row stops */
};

static enum bundle_verdict stop(struct error *reason, const struct error *err)
{
	*reason = *err;
	return BUNDLE_ROW_STOP;
}

static enum bundle_verdict reject(struct error *reason, enum error_kind kind,
				  const char *message)
{
	error_set(reason, kind, "", "%s", message);
	return BUNDLE_ROW_REJECTED;
}

/* Also of a hashed tenant: 64 hex digits are a key but for their case. */
static struct str own_key(struct arena *arena, struct str user)
{
	return user_key_from_name(arena, user, false, (struct str){NULL, 0});
}

/* Those whom no user key names as it is written in small letters, but perhaps a userId,
 * an e-mail address or an alias as it stands. */
static bool resolve_others(struct resolving *r, const struct bundle_row *rows, size_t n,
			   struct error *err)
{
	struct store_identity *others = arena_array(r->batch_arena, n, sizeof *others);
	size_t *of = arena_array(r->batch_arena, n, sizeof *of), m = 0;
	if (others == NULL || of == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory");
	for (size_t i = 0; i < n; i++) {
		const struct store_identity *own = &r->found[i];
		bool is_own =
			own->user_key.p != NULL && str_eq(own->user_key, own->text);
		if (is_own || str_eq(own->text, rows[i].user))
			continue;
		of[m] = i;
		others[m++].text = rows[i].user;
	}
	if (m > 0 &&
	    !sync_users_resolve(r->job->tenant->db, others, m, r->batch_arena, err))
		return false;
	/* the folded name is no user's key; what it is otherwise is not asked for */
	for (size_t i = 0; i < m; i++) {
		r->found[of[i]].user_key = others[i].user_key;
		if (others[i].user_key.p != NULL)
			memcpy(r->found[of[i]].sort_key, others[i].sort_key,
			       sizeof others[i].sort_key);
		else
			store_sort_key(r->found[of[i]].text, r->found[of[i]].sort_key);
	}
	return true;
}

/* User name, then userId, e-mail, alias. found[i].user_key is absent if nobody is
 * meant; its text is the key that such a user would have. */
static bool begin_rows(void *ctx, const struct bundle_row *rows, size_t n,
		       struct error *err)
{
	struct resolving *r = ctx;
	arena_reset(r->batch_arena);
	r->found = arena_array(r->batch_arena, n, sizeof *r->found);
	if (r->found == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory");
	for (size_t i = 0; i < n; i++) {
		r->found[i].text = own_key(r->batch_arena, rows[i].user);
		if (r->found[i].text.p == NULL)
			return error_set(err, ERROR_MEMORY, "", "no memory");
	}
	return sync_users_resolve(r->job->tenant->db, r->found, n, r->batch_arena,
				  err) &&
	       resolve_others(r, rows, n, err);
}

static enum bundle_verdict open_row(void *ctx, const struct bundle_row *row,
				    struct error *reason)
{
	struct resolving *r = ctx;
	struct import_job *j = r->job;
	const struct tenant *t = j->config->tenant;
	const struct store_identity *found = &r->found[row->index];
	struct error err = {0};
	bool erased = false;
	const struct bundle_check *c = j->check;
	arena_reset(r->arena);
	r->has_profile = false;
	if (r->failed.kind != ERROR_NONE)
		return stop(reason, &r->failed);
	if (import_stops(j) ||
	    !import_tick(j, c->rows_read, c->bytes_read, j->doc.bytes_total, &err))
		return stop(reason, &err);
	if (t->hashed_email_addresses && !user_key_is_hash(row->user))
		return reject(reason, ERROR_BAD_VALUE,
			      "user must be 64 hex digits: the tenant knows users by "
			      "their hash only");
	if (found->user_key.p == NULL && !t->accept_unknown_users)
		return reject(reason, ERROR_NOT_FOUND, "no user is known by this name");
	r->user_key = found->user_key.p != NULL ? found->user_key : found->text;
	r->sort_key = found->sort_key;
	if (r->has_erased &&
	    !user_is_suppressed(j->tenant, r->user_key, r->arena, &erased, &err))
		return stop(reason, &err);
	if (erased)
		return reject(reason, ERROR_NOT_FOUND, "the user was erased");
	return BUNDLE_ROW_TAKEN;
}

static bool is_attribute(void *ctx, struct str name)
{
	const struct resolving *r = ctx;
	return schema_attribute(&r->job->schema, name) != NULL;
}

static struct str attribute(void *ctx, struct str name)
{
	struct resolving *r = ctx;
	if (!r->has_profile && !sync_user_read(r->job->tenant->db, r->user_key, NULL, 0,
					       r->arena, &r->record, &r->failed))
		r->record = (struct user_record){.known = false};
	r->has_profile = true;
	const struct attribute *a = user_attribute(&r->record.profile, name);
	return r->record.known && a != NULL ? a->value : (struct str){NULL, 0};
}

static enum bundle_verdict take_row(void *ctx, const struct bundle_row *row,
				    struct error *reason)
{
	struct resolving *r = ctx;
	struct import_job *j = r->job;
	struct extsort_record record = {.number = row->line};
	uint8_t taken[EXTSORT_KEY_LEN + 8];
	struct error err = {0};
	memcpy(record.key, r->sort_key, sizeof record.key);
	memcpy(taken, record.key, sizeof record.key);
	for (size_t i = 0; i < 8; i++)
		taken[EXTSORT_KEY_LEN + i] = (uint8_t)(row->line >> (8 * i));
	crypto_sha256_add(&j->taken, (struct str){(const char *)taken, sizeof taken});
	buf_clear(&r->bytes);
	/* the key is kept in front of the values, for the sort's key is a hash */
	if (!import_encode(&r->bytes, &r->user_key, 1) ||
	    !import_encode(&r->bytes, row->values, row->n_values)) {
		error_set(&err, ERROR_MEMORY, "", "no memory");
		return stop(reason, &err);
	}
	record.bytes = buf_str(&r->bytes);
	return extsort_add(j->sort, &record, &err) ? BUNDLE_ROW_TAKEN
						   : stop(reason, &err);
}

static bool find_erased(struct resolving *r, struct error *err)
{
	struct store_document_list list;
	if (!sync_document_list(r->job->tenant->db, STORE_SUPPRESS, STR(""), STR(""), 1,
				false, r->arena, &list, err))
		return false;
	r->has_erased = list.n > 0;
	return true;
}

/* A thread reads, this one judges: batches go from the one to the other ------------*/

#define QUEUE_MAX 3

struct stream {
	struct bundle_reading *reading;
	const struct bundle_source *source;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	struct bundle_batch *queue[QUEUE_MAX]; /* the oldest first */
	size_t n;
	bool is_over;    /* nothing more comes; err says why, if it failed */
	bool is_stopped; /* nothing more is wanted */
	struct error err;
};

static bool hand(void *ctx, struct bundle_batch *batch, struct error *err)
{
	struct stream *s = ctx;
	pthread_mutex_lock(&s->lock);
	while (s->n == QUEUE_MAX && !s->is_stopped)
		pthread_cond_wait(&s->changed, &s->lock);
	bool ok = !s->is_stopped;
	if (ok)
		s->queue[s->n++] = batch;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	if (ok)
		return true;
	bundle_batch_free(batch);
	return error_set(err, ERROR_UNAVAILABLE, "", "nobody takes the rows");
}

static void *read_file(void *arg)
{
	struct stream *s = arg;
	struct error err = {0};
	import_yield();
	bundle_reading_run(s->reading, s->source, hand, s, &err);
	pthread_mutex_lock(&s->lock);
	s->is_over = true;
	s->err = err;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* NULL at the end. */
static struct bundle_batch *next_batch(struct stream *s)
{
	struct bundle_batch *batch = NULL;
	pthread_mutex_lock(&s->lock);
	while (s->n == 0 && !s->is_over)
		pthread_cond_wait(&s->changed, &s->lock);
	if (s->n > 0) {
		batch = s->queue[0];
		s->n--;
		memmove(&s->queue[0], &s->queue[1],
			s->n * sizeof(struct bundle_batch *));
	}
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return batch;
}

static void stop_reading(struct stream *s)
{
	pthread_mutex_lock(&s->lock);
	s->is_stopped = true;
	while (s->n > 0)
		bundle_batch_free(s->queue[--s->n]);
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

/* Why it stopped in *err: the judge's reason before the reader's. */
static void judge_all(struct stream *s, struct error *err)
{
	struct bundle_batch *batch;
	pthread_t thread;
	int code = pthread_create(&thread, NULL, read_file, s);
	if (code != 0) {
		error_set_errno(err, "", code, "cannot start a thread");
		return;
	}
	while ((batch = next_batch(s)) != NULL)
		if (!bundle_batch_judge(batch, err))
			break;
	stop_reading(s);
	pthread_join(thread, NULL);
	if (err->kind == ERROR_NONE)
		*err = s->err;
}

static bool check_rows(struct import_job *j, const struct bundle_rows_sink *sink,
		       struct error *err)
{
	const struct bundle_source source = {j, import_read_file};
	struct error stopped = {0};
	struct stream s = {.source = &source,
			   .reading = bundle_reading_new(j->check, sink),
			   .lock = PTHREAD_MUTEX_INITIALIZER,
			   .changed = PTHREAD_COND_INITIALIZER};
	if (s.reading == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory");
	judge_all(&s, &stopped);
	pthread_cond_destroy(&s.changed);
	pthread_mutex_destroy(&s.lock);
	return bundle_reading_end(s.reading, &stopped);
}

static bool read_all(struct import_job *j, struct resolving *r, struct error *err)
{
	uint8_t sha256[CRYPTO_SHA256_LEN];
	const struct bundle_rows_sink sink = {.ctx = r,
					      .is_attribute = is_attribute,
					      .begin = begin_rows,
					      .open = open_row,
					      .attribute = attribute,
					      .take = take_row};
	if (!find_erased(r, err))
		return false;
	crypto_sha256_start(&j->taken);
	if (!check_rows(j, &sink, err))
		return false;
	if (r->failed.kind != ERROR_NONE) {
		*err = r->failed;
		return false;
	}
	crypto_sha256_end(&j->taken, sha256);
	crypto_hex(j->content, sha256, sizeof sha256);
	return true;
}

bool import_open_sort(struct import_job *j, struct error *err)
{
	char directory[PATH_SIZE];
	const struct settings *s = j->mim->settings;
	if (!mim_settings_path(s, "inlay.import.temp-directory", directory,
			       sizeof directory))
		return error_set(err, ERROR_INTERNAL, "", "a path is too long");
	if (mkdir(directory, 0700) != 0 && errno != EEXIST)
		return error_set_errno(err, "", errno, "cannot make %s", directory);
	j->sort = extsort_new(directory, (size_t)settings_int(s, "inlay.import.memory"),
			      err);
	return j->sort != NULL;
}

bool import_read_rows(struct import_job *j)
{
	struct error err = {0};
	struct resolving r = {.job = j,
			      .arena = arena_new(ROW_ARENA_MAX),
			      .batch_arena = arena_new(BATCH_ARENA_MAX)};
	buf_init(&r.bytes, EXTSORT_RECORD_MAX);
	bool ok = (r.arena != NULL && r.batch_arena != NULL) ||
		  error_set(&err, ERROR_MEMORY, "", "no memory");
	ok = ok && import_open_sort(j, &err) && read_all(j, &r, &err);
	if (err.kind != ERROR_NONE)
		import_fail(j, &err);
	buf_free(&r.bytes);
	arena_free(r.batch_arena);
	arena_free(r.arena);
	return ok;
}
