/* SPDX-License-Identifier: Apache-2.0 */
/* One block of memory serves both phases. While records are added, they fill it from
 * the front and entries for them from the back; when the two meet, the records are
 * written as a sorted run. While runs are merged, it is cut into one read buffer a
 * run. When there are as many runs as buffers, they are merged into one first. */
#include "mim/extsort-internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RECORD_LEN_MAX (EXTSORT_HEAD_LEN + EXTSORT_RECORD_MAX)
#define BUFFER_MIN (64u * 1024) /* holds any record */
#define FAN_IN_MAX 512
static_assert(RECORD_LEN_MAX <= BUFFER_MIN, "a buffer holds any record");

struct run {
	off_t at, end; /* in the file: what is not read yet */
	char *buffer;
	size_t from, to; /* in the buffer: what is not consumed yet */
};

struct extsort {
	char *directory;
	char *block;
	size_t block_n;
	size_t used;      /* bytes of records at the front */
	size_t n_records; /* in the block; that many entries stand at its end */
	uint64_t count;   /* in all */
	int fd;           /* the runs, one behind the other; -1: none yet */
	off_t file_end;
	struct {
		off_t at, end;
	} runs[FAN_IN_MAX];
	size_t n_runs, max_runs;
	/* reading */
	bool reading;
	size_t next; /* in memory: index of the next entry */
	struct run merge[FAN_IN_MAX];
	struct extsort_entry
		heap[FAN_IN_MAX]; /* runs by their first record; at: the run */
	size_t n_heap;
	bool consumed; /* the record at the top of the heap was handed out */
};

struct extsort *extsort_new(const char *directory, size_t memory, struct error *err)
{
	struct extsort *s = calloc(1, sizeof *s);
	assert(memory >= EXTSORT_MEMORY_MIN);
	if (s != NULL) {
		s->fd = -1;
		s->block_n = memory - memory % sizeof(struct extsort_entry);
		s->max_runs = s->block_n / BUFFER_MIN;
		if (s->max_runs > FAN_IN_MAX)
			s->max_runs = FAN_IN_MAX;
		s->directory = strdup(directory);
		s->block = malloc(s->block_n);
	}
	if (s == NULL || s->directory == NULL || s->block == NULL) {
		extsort_free(s);
		error_set(err, ERROR_MEMORY, "", "no memory to sort with");
		return NULL;
	}
	return s;
}

void extsort_free(struct extsort *s)
{
	if (s == NULL)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s->directory);
	free(s->block);
	free(s);
}

uint64_t extsort_count(const struct extsort *s)
{
	return s->count;
}

/* Records as bytes ----------------------------------------------------------------*/

static void decode(const char *p, struct extsort_record *r)
{
	r->bytes = (struct str){p + EXTSORT_HEAD_LEN, extsort_record_bytes(p)};
	memcpy(r->key, p + 4, EXTSORT_KEY_LEN);
	memcpy(&r->number, p + 4 + EXTSORT_KEY_LEN, sizeof r->number);
}

/* The entries at the end of the block, in the order of adding backwards. */
static struct extsort_entry *entries(const struct extsort *s)
{
	return (struct extsort_entry *)(void *)(s->block + s->block_n) - s->n_records;
}

static void sort_block(struct extsort *s)
{
	extsort_entries(s->block, entries(s), s->n_records);
}

static int open_temporary(const struct extsort *s, struct error *err)
{
	char path[4096];
	int fd = open(s->directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	/* a file system without O_TMPFILE */
	int n = snprintf(path, sizeof path, "%s/.sort-XXXXXX", s->directory);
	if (n < 0 || (size_t)n >= sizeof path) {
		error_set(err, ERROR_IO, "",
			  "the path of the temporary directory is "
			  "too long");
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		error_set_errno(err, "", errno, "cannot make a temporary file in %s",
				s->directory);
	else
		unlink(path);
	return fd;
}

static bool write_all(int fd, off_t at, const char *p, size_t n, struct error *err)
{
	while (n > 0) {
		ssize_t k = pwrite(fd, p, n, at);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return error_set_errno(err, "", errno,
					       "cannot write a temporary file");
		p += k;
		at += k;
		n -= (size_t)k;
	}
	return true;
}

/* Written pages are given to the disk so many bytes at once, and only when those before
 * are there. Left to the kernel they would go some hundred MB at a time, and every
 * decision that must be durable would wait behind them. */
#define PACE (1 << 20)

struct writer {
	int fd;
	off_t at;    /* where the buffer's first byte goes */
	off_t paced; /* up to here the disk has it, or is about to */
	char buffer[BUFFER_MIN];
	size_t n;
};

/* A file system that cannot do this is none that needs it. */
static void pace(struct writer *w)
{
	if (w->at - w->paced < PACE)
		return;
	if (w->paced >= PACE)
		sync_file_range(w->fd, w->paced - PACE, PACE,
				SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
					SYNC_FILE_RANGE_WAIT_AFTER);
	sync_file_range(w->fd, w->paced, w->at - w->paced, SYNC_FILE_RANGE_WRITE);
	w->paced = w->at;
}

static bool writer_flush(struct writer *w, struct error *err)
{
	if (!write_all(w->fd, w->at, w->buffer, w->n, err))
		return false;
	w->at += (off_t)w->n;
	w->n = 0;
	pace(w);
	return true;
}

static bool writer_add(struct writer *w, const char *record, struct error *err)
{
	size_t n = EXTSORT_HEAD_LEN + extsort_record_bytes(record);
	if (n > sizeof w->buffer - w->n && !writer_flush(w, err))
		return false;
	memcpy(w->buffer + w->n, record, n);
	w->n += n;
	return true;
}

static struct writer *writer_new(int fd, off_t at, struct error *err)
{
	struct writer *w = malloc(sizeof *w);
	if (w == NULL) {
		error_set(err, ERROR_MEMORY, "", "no memory to sort with");
		return NULL;
	}
	w->fd = fd;
	w->at = w->paced = at;
	w->n = 0;
	return w;
}

/* Merging ---------------------------------------------------------------------------*/

static size_t buffer_size(const struct extsort *s)
{
	return s->block_n / s->n_runs;
}

static const char *first(const struct extsort *s, size_t run)
{
	return s->merge[run].buffer + s->merge[run].from;
}

/* Is a whole record in the buffer? */
static bool has_record(const struct run *r)
{
	size_t n = r->to - r->from;
	return n >= EXTSORT_HEAD_LEN &&
	       n >= EXTSORT_HEAD_LEN + extsort_record_bytes(r->buffer + r->from);
}

/* Makes the run's next record stand in its buffer. */
static bool fill(struct extsort *s, struct run *r, struct error *err)
{
	if (has_record(r) || r->at == r->end)
		return true;
	memmove(r->buffer, r->buffer + r->from, r->to - r->from);
	r->to -= r->from;
	r->from = 0;
	size_t size = buffer_size(s);
	while (r->to < size && r->at < r->end) {
		size_t want = size - r->to;
		if ((off_t)want > r->end - r->at)
			want = (size_t)(r->end - r->at);
		ssize_t k = pread(s->fd, r->buffer + r->to, want, r->at);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return error_set_errno(err, "", errno,
					       "cannot read a temporary file");
		if (k == 0)
			return error_set(err, ERROR_IO, "",
					 "a temporary file was cut short");
		r->to += (size_t)k;
		r->at += k;
	}
	return true;
}

static struct extsort_entry entry_of(const struct extsort *s, size_t run)
{
	return (struct extsort_entry){extsort_prefix(first(s, run)), run};
}

static bool run_goes_before(const struct extsort *s, const struct extsort_entry *a,
			    const struct extsort_entry *b)
{
	if (a->prefix != b->prefix)
		return a->prefix < b->prefix;
	return extsort_compare(first(s, a->at), first(s, b->at)) < 0;
}

/* Brings the heap's entry i down to its place. */
static void sift_down(struct extsort *s, size_t i)
{
	struct extsort_entry run = s->heap[i];
	for (;;) {
		size_t child = 2 * i + 1;
		if (child >= s->n_heap)
			break;
		if (child + 1 < s->n_heap &&
		    run_goes_before(s, &s->heap[child + 1], &s->heap[child]))
			child++;
		if (!run_goes_before(s, &s->heap[child], &run))
			break;
		s->heap[i] = s->heap[child];
		i = child;
	}
	s->heap[i] = run;
}

static bool merge_start(struct extsort *s, struct error *err)
{
	s->n_heap = 0;
	s->consumed = false;
	for (size_t i = 0; i < s->n_runs; i++) {
		struct run *r = &s->merge[i];
		*r = (struct run){.at = s->runs[i].at,
				  .end = s->runs[i].end,
				  .buffer = s->block + i * buffer_size(s)};
		if (!fill(s, r, err))
			return false;
		s->heap[s->n_heap++] = entry_of(s, i);
	}
	for (size_t i = s->n_heap / 2; i-- > 0;)
		sift_down(s, i);
	return true;
}

/* *record: the bytes of the next one, or NULL at the end. */
static bool merge_next(struct extsort *s, const char **record, struct error *err)
{
	if (s->consumed) {
		struct run *r = &s->merge[s->heap[0].at];
		r->from += EXTSORT_HEAD_LEN + extsort_record_bytes(r->buffer + r->from);
		if (!fill(s, r, err))
			return false;
		if (has_record(r))
			s->heap[0] = entry_of(s, s->heap[0].at);
		else
			s->heap[0] = s->heap[--s->n_heap];
		if (s->n_heap > 0)
			sift_down(s, 0);
	}
	s->consumed = s->n_heap > 0;
	*record = s->n_heap > 0 ? first(s, s->heap[0].at) : NULL;
	return true;
}

static bool merge_to(struct extsort *s, struct writer *w, struct error *err)
{
	const char *record;
	if (!merge_start(s, err))
		return false;
	while (merge_next(s, &record, err)) {
		if (record == NULL)
			return writer_flush(w, err);
		if (!writer_add(w, record, err))
			return false;
	}
	return false;
}

/* All runs become one, in a new file. */
static bool merge_runs(struct extsort *s, struct error *err)
{
	int fd = open_temporary(s, err);
	if (fd < 0)
		return false;
	struct writer *w = writer_new(fd, 0, err);
	if (w == NULL || !merge_to(s, w, err)) {
		free(w);
		close(fd);
		return false;
	}
	close(s->fd);
	s->fd = fd;
	s->file_end = w->at;
	s->runs[0].at = 0;
	s->runs[0].end = w->at;
	s->n_runs = 1;
	free(w);
	return true;
}

/* The block's records become a run; the block is empty then. */
static bool write_run(struct extsort *s, struct error *err)
{
	if (s->fd < 0 && (s->fd = open_temporary(s, err)) < 0)
		return false;
	struct writer *w = writer_new(s->fd, s->file_end, err);
	if (w == NULL)
		return false;
	sort_block(s);
	bool ok = true;
	for (size_t i = 0; ok && i < s->n_records; i++)
		ok = writer_add(w, s->block + entries(s)[i].at, err);
	ok = ok && writer_flush(w, err);
	if (ok) {
		s->runs[s->n_runs].at = s->file_end;
		s->runs[s->n_runs].end = w->at;
		s->n_runs++;
		s->file_end = w->at;
		s->used = s->n_records = 0;
	}
	free(w);
	return ok && (s->n_runs < s->max_runs || merge_runs(s, err));
}

/* The caller's side
 * ------------------------------------------------------------------*/

bool extsort_add(struct extsort *s, const struct extsort_record *record,
		 struct error *err)
{
	assert(!s->reading);
	size_t n = EXTSORT_HEAD_LEN + record->bytes.n;
	if (record->bytes.n > EXTSORT_RECORD_MAX)
		return error_set(err, ERROR_TOO_LARGE, "", "a row is over %u bytes",
				 EXTSORT_RECORD_MAX);
	size_t room =
		s->block_n - s->used - s->n_records * sizeof(struct extsort_entry);
	if (n + sizeof(struct extsort_entry) > room && !write_run(s, err))
		return false;
	char *at = s->block + s->used;
	uint32_t length = (uint32_t)record->bytes.n;
	memcpy(at, &length, sizeof length);
	memcpy(at + 4, record->key, EXTSORT_KEY_LEN);
	memcpy(at + 4 + EXTSORT_KEY_LEN, &record->number, sizeof record->number);
	if (length > 0)
		memcpy(at + EXTSORT_HEAD_LEN, record->bytes.p, length);
	s->n_records++;
	s->count++;
	entries(s)[0] = (struct extsort_entry){extsort_prefix(at), s->used};
	s->used += n;
	return true;
}

bool extsort_rewind(struct extsort *s, struct error *err)
{
	if (!s->reading) {
		if (s->n_runs > 0 && s->n_records > 0 && !write_run(s, err))
			return false;
		sort_block(s);
		s->reading = true;
	}
	s->next = 0;
	return s->n_runs == 0 || merge_start(s, err);
}

bool extsort_next(struct extsort *s, struct extsort_record *record, bool *more,
		  struct error *err)
{
	const char *p = NULL;
	assert(s->reading);
	*record = (struct extsort_record){.number = 0};
	*more = false;
	if (s->n_runs > 0) {
		if (!merge_next(s, &p, err))
			return false;
	} else if (s->next < s->n_records) {
		p = s->block + entries(s)[s->next++].at;
	}
	if (p != NULL) {
		decode(p, record);
		*more = true;
	}
	return true;
}
