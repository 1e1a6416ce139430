/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/feed.h"

#include "base/crypto.h"
#include "base/json.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct entry {
	bool is_user;
	char *name;
};

struct waiter {
	struct waiter *next;
	struct request *q;
	uint64_t since;
	int64_t until_us;
};

struct feed {
	struct feed_room *room;       /* may be NULL */
	pthread_mutex_t lock;         /* guards all that follows */
	uint64_t epoch;               /* of this process */
	uint64_t last;                /* number of the newest entry; 0: none yet */
	uint64_t floor;               /* cursors before it have missed something */
	struct entry kept[FEED_KEPT]; /* by number */
	struct waiter *waiters;
	size_t n_waiters;
	bool ended;
};

struct feed *feed_new(struct feed_room *room)
{
	struct feed *f = calloc(1, sizeof *f);
	if (f == NULL)
		return NULL;
	if (pthread_mutex_init(&f->lock, NULL) != 0) {
		free(f);
		return NULL;
	}
	f->room = room;
	crypto_random(&f->epoch, sizeof f->epoch);
	return f;
}

void feed_free(struct feed *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < FEED_KEPT; i++)
		free(f->kept[i].name);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

/* Answers ------------------------------------------------------------------------*/

static void put_entries(struct json_writer *w, const struct feed *f, uint64_t since)
{
	for (uint64_t i = since + 1; i <= f->last; i++) {
		const struct entry *e = &f->kept[i % FEED_KEPT];
		json_put_object(w);
		json_kv_string(w, e->is_user ? "user" : "campaign", str_of(e->name));
		json_put_object_end(w);
	}
}

/* Under the lock. reset: `since` means nothing. */
static void write_answer(const struct feed *f, struct buf *out, bool reset,
			 uint64_t since)
{
	struct json_writer w;
	char cursor[FEED_CURSOR_MAX];
	snprintf(cursor, sizeof cursor, "%016" PRIx64 "-%" PRIu64, f->epoch, f->last);
	json_writer_init(&w, out);
	json_put_object(&w);
	json_kv_string(&w, "cursor", str_of(cursor));
	json_kv_bool(&w, "reset", reset);
	json_put_key(&w, STR("entries"));
	json_put_array(&w);
	if (!reset)
		put_entries(&w, f, since);
	json_put_array_end(&w);
	json_put_object_end(&w);
}

/* False: it is none of ours, or has missed something. Under the lock. */
static bool read_cursor(const struct feed *f, struct str text, uint64_t *since)
{
	char epoch[17];
	struct str rest = text, part;
	snprintf(epoch, sizeof epoch, "%016" PRIx64, f->epoch);
	return text.p != NULL && str_next_part(&rest, '-', &part) &&
	       str_eqz(part, epoch) && str_to_u64(rest, f->last, since) &&
	       *since >= f->floor && f->last - *since <= FEED_KEPT;
}

/* Not under the lock: whoever gets the answer may ask again. */
static void answer(struct waiter *list)
{
	struct waiter *next;
	for (; list != NULL; list = next) {
		next = list->next;
		request_reply(list->q, 200);
		free(list);
	}
}

/* Takes those out of the list that something can be told, or whose time is over, and
 * writes their answers. Under the lock. */
static struct waiter *take(struct feed *f, int64_t now_us)
{
	struct waiter *taken = NULL;
	for (struct waiter **at = &f->waiters; *at != NULL;) {
		struct waiter *w = *at;
		bool missed = w->since < f->floor;
		if (w->since == f->last && w->until_us > now_us && !f->ended) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		f->n_waiters--;
		if (f->room != NULL)
			f->room->waiting--;
		w->next = taken;
		taken = w;
		write_answer(f, &w->q->out, missed, w->since);
	}
	return taken;
}

void feed_tick(struct feed *f, int64_t now_us)
{
	pthread_mutex_lock(&f->lock);
	struct waiter *taken = take(f, now_us);
	pthread_mutex_unlock(&f->lock);
	answer(taken);
}

void feed_end(struct feed *f)
{
	pthread_mutex_lock(&f->lock);
	f->ended = true;
	struct waiter *taken = take(f, 0);
	pthread_mutex_unlock(&f->lock);
	answer(taken);
}

size_t feed_waiters(struct feed *f)
{
	pthread_mutex_lock(&f->lock);
	size_t n = f->n_waiters;
	pthread_mutex_unlock(&f->lock);
	return n;
}

/* Under the lock. True: one more is counted. */
static bool take_room(struct feed *f)
{
	struct feed_room *room = f->room;
	if (room == NULL)
		return f->n_waiters < FEED_WAITERS_MAX;
	if (f->n_waiters >= room->most / 2)
		return false;
	if (room->waiting++ < room->most)
		return true;
	room->waiting--;
	return false;
}

void feed_ask(struct feed *f, struct request *q, struct str since, int64_t until_us)
{
	struct waiter *w = malloc(sizeof *w);
	uint64_t from = 0;
	pthread_mutex_lock(&f->lock);
	bool reset = !read_cursor(f, since, &from);
	bool waits =
		w != NULL && !reset && from == f->last && !f->ended && take_room(f);
	if (waits) {
		*w = (struct waiter){f->waiters, q, from, until_us};
		f->waiters = w;
		f->n_waiters++;
	} else {
		write_answer(f, &q->out, reset, from);
	}
	pthread_mutex_unlock(&f->lock);
	if (waits)
		return;
	free(w);
	request_reply(q, 200);
}

/* Entries ------------------------------------------------------------------------*/

/* name NULL: all cursors have missed something. */
static void publish(struct feed *f, bool is_user, char *name)
{
	pthread_mutex_lock(&f->lock);
	f->last++;
	if (name == NULL)
		f->floor = f->last;
	struct entry *e = &f->kept[f->last % FEED_KEPT];
	free(e->name);
	*e = (struct entry){is_user, name};
	struct waiter *taken = take(f, 0);
	pthread_mutex_unlock(&f->lock);
	answer(taken);
}

static char *copy_of(struct str s)
{
	char *copy = malloc(s.n + 1);
	if (copy == NULL)
		return NULL;
	memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return copy;
}

void feed_campaign(struct feed *f, struct str campaign)
{
	publish(f, false, copy_of(campaign));
}

void feed_user(struct feed *f, struct str user_key)
{
	publish(f, true, copy_of(user_key));
}

void feed_all(struct feed *f)
{
	publish(f, false, NULL);
}
