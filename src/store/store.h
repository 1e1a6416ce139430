/* SPDX-License-Identifier: Apache-2.0 */
/* What the middleware keeps, in the words of its domain (storage.md). One front,
 * several backends behind one struct of functions (store-internal.h): memory, LMDB,
 * a faulty one for tests; Cassandra comes behind the same.
 *
 * ASYNCHRONOUS. Every call that can wait takes a completion and returns at once.
 * The completion runs exactly once, inline or on another thread, never under a lock
 * of the store; `err` is NULL on success and valid only during the call. Results are
 * written to `out` (memory from `arena`, which the caller must not touch until the
 * completion has run) before it runs. Arguments are borrowed until then.
 * A completion must not block: it may hold up others (the one writer of LMDB runs
 * them). It may make further calls, but not open or close, nor store_wait.
 * Lists give at most 10,000 items a call, whatever the limit.
 * An error of kind CONFLICT means that a condition did not hold and nothing was
 * written; TIMEOUT or IO on a write means that the outcome is unknown.
 *
 * The tenant's database comes first in every call: nothing crosses it. */
#ifndef INLAY_STORE_STORE_H
#define INLAY_STORE_STORE_H

#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "model/user.h"

struct store;
struct store_db; /* one tenant's database */

typedef void store_fn(void *ctx, const struct error *err);

struct store_options {
	const char *backend;   /* "lmdb", "memory", "faulty" (wraps `inner`) */
	const char *directory; /* lmdb: made if absent (0700), locked by flock */
	uint64_t map_size;     /* lmdb: bytes of address space per environment; 0:
				  64 GiB. Sparse; doubled before it is full */
	uint64_t map_max;      /* lmdb: what it may grow to; 0: only the disk limits.
				  Imports end with FULL at 90 % of it */
	struct log *log;       /* may be NULL */
	/* memory: completions come from another thread, after up to delay_ms, out of
	 * order; 0: inline */
	unsigned delay_ms;
	/* faulty: the n-th write-like call from now fails with IO (1 = the next);
	 * fail_when: 'b' before anything was written, 'a' after (outcome unknown to
	 * the caller); 'c': as 'b', the n-th call of any kind */
	struct store *inner; /* stays the caller's, closed after the faulty one */
	uint64_t fail_nth;
	char fail_when;
};
bool store_open(const struct store_options *o, struct store **out, struct error *err);
/* Waits for calls under way, then closes all databases. */
void store_close(struct store *s);
const char *store_backend_name(const struct store *s);
/* Faulty backend only: re-arms. Returns how many calls went by since the last. */
uint64_t store_faulty_arm(struct store *s, uint64_t nth, char when);

/* Databases ------------------------------------------------------------------
 * A database is named by keyspace and belongs to the tenant whose id it was
 * created with: CONFLICT for another. Opening and creating may block (start,
 * administration); they are called off the HTTP threads. The system database
 * (tenants, tokens) is keyspace "" with owner "". A keyspace is
 * [a-z][a-z0-9_]{0,47} and not "system": else BAD_VALUE. */
bool store_db_create(struct store *s, struct str keyspace, struct str owner,
		     struct store_db **out, struct error *err); /* exists: opens it */
bool store_db_open(struct store *s, struct str keyspace, struct str owner,
		   struct store_db **out, struct error *err); /* NOT_FOUND */
/* Handles are counted, the last waits for calls under way; data is never deleted.
 * NULL is fine. */
void store_db_close(struct store_db *db);

struct store_usage {
	uint64_t bytes_used;      /* on disk or in memory, of all databases */
	uint64_t bytes_max;       /* map size; 0: unbounded */
	uint64_t calls, failures; /* since the start */
	/* a write failed for want of room since the last success; imports and other
	 * writes apart, as these may go on when those cannot */
	bool full;
};
void store_usage(struct store *s, struct store_usage *out);

/* Documents ------------------------------------------------------------------
 * What the control plane keeps: small JSON texts under a collection and an id,
 * each with a revision that every write raises. */
#define STORE_COLLECTIONS(X)                                                           \
	/* of the system database */                                                   \
	X(TENANT, "tenant") /* id: tenant */                                           \
	X(TOKEN, "token")   /* id: hex SHA-256 of the token */                         \
	X(SYSTEM, "system") /* id: "key" (fingerprint of the master key), ... */       \
	/* of a tenant's database */                                                   \
	X(SETTING,                                                                     \
	  "setting") /* "tenant-key", "attributes", "purposes", "kill", ... */         \
	X(CAMPAIGN, "campaign") /* id: campaign; its state */                          \
	X(VERSION, "version") /* id: campaign/0000000003; definition, template data */ \
	X(TEMPLATE, "template") /* id: sha256; the template's bytes */                 \
	X(LOAD, "load")     /* id: 016 hex; campaign, sha256, columns, rows, state */  \
	X(IMPORT, "import") /* id: import; progress and errors */                      \
	X(SUPPRESS, "suppress") /* id: hex of id_suppress() */
enum store_collection {
#define X(name, text) STORE_##name,
	STORE_COLLECTIONS(X)
#undef X
		STORE_COLLECTIONS_COUNT
};
#define STORE_DOCUMENT_MAX (2 * 1024 * 1024)
#define STORE_ID_MAX 200

struct store_document {
	struct str id, body;
	uint64_t revision; /* from 1; from more if the database ever deleted one */
};
#define STORE_ANY UINT64_MAX     /* whatever is there */
#define STORE_ABSENT UINT64_C(0) /* must not exist */

/* Absent document: success with out->revision 0. */
void store_document_get(struct store_db *db, enum store_collection c, struct str id,
			struct arena *arena, struct store_document *out, store_fn *done,
			void *ctx);
/* Those whose id begins with prefix and is greater than `after`, by id, at most
 * limit. with_body false leaves bodies out. */
struct store_document_list {
	struct store_document *items;
	size_t n;
	bool more;
};
void store_document_list(struct store_db *db, enum store_collection c,
			 struct str prefix, struct str after, size_t limit,
			 bool with_body, struct arena *arena,
			 struct store_document_list *out, store_fn *done, void *ctx);
/* if_revision: STORE_ANY, STORE_ABSENT or the revision it must have: else CONFLICT.
 * *revision (may be NULL) is the new one. A body absent ({NULL,0}) deletes. */
void store_document_put(struct store_db *db, enum store_collection c, struct str id,
			struct str body, uint64_t if_revision, uint64_t *revision,
			store_fn *done, void *ctx);

/* Users ----------------------------------------------------------------------
 * One partition per user key. */

/* Everything of a user, one read of one snapshot. A user of whom nothing is known
 * gives an empty record. loads: only recipient rows of these (sorted ascending);
 * n_loads SIZE_MAX: all. */
void store_user_read(struct store_db *db, struct str user_key, const uint64_t *loads,
		     size_t n_loads, struct arena *arena, struct user_record *out,
		     store_fn *done, void *ctx);

struct store_event {
	struct id16 event_id;
	struct id16 instance;
	struct str campaign;
	enum statistic statistic;
	int64_t assigned_ms; /* of the instance: the event's partition (its hour) */
	int64_t at_ms;       /* when it happened: the hour it is counted in */
};
struct store_outbox_row {
	struct id16 event_id;
	struct id16 instance;
	struct str point;      /* conversion point */
	struct str event_type; /* injected, reinjected, read, expunged */
	struct str campaign;
	int64_t at_ms;
};
struct store_due {
	int64_t due_ms;
	struct id16 instance;
};

/* After a write: it may have been done or not. */
static inline bool store_outcome_unknown(const struct error *err)
{
	return err->kind == ERROR_IO || err->kind == ERROR_TIMEOUT;
}

/* One conditional write to one user's partition, with everything that goes with it.
 * Atomic on LMDB and memory. */
struct store_user_change {
	const struct user_profile
		*profile; /* NULL: stays. Replaces it whole; identities
			     (user_id, email, aliases) are unique in
			     the database, each kind apart: CONFLICT at
			     "/userId", "/email" or "/aliases" */
	const struct assignment *assignments; /* upserted by instance */
	size_t n_assignments;
	const struct id16 *forget; /* assignments dropped (retention) */
	size_t n_forget;
	const struct store_event *events; /* each event_id counted once; known under
					     another statistic: the count moves, and
					     stays in the hour of its first at_ms */
	size_t n_events;
	const struct store_outbox_row *outbox; /* once per (event_id, point) */
	size_t n_outbox;
	const struct store_due *due; /* look again then: store_due_list */
	size_t n_due;
	const struct store_due *due_done; /* done with */
	size_t n_due_done;
	/* Runs before done, on a thread of the store, if the store can tell: every
	 * condition holds, and only the disk is still in the way. Then somebody may get
	 * ready for what follows; done may still come with an error. Perhaps never,
	 * perhaps more than once. Must not wait. NULL: nobody asks. */
	void (*applied)(void *ctx);
	void *applied_ctx;
	bool patient; /* goes behind what somebody waits for, for a while */
};
/* if_revision as of the record read (0: never written), or STORE_ANY; a CONFLICT of
 * revisions has no `where`. Over USER_MAX_ASSIGNMENTS or USER_MAX_PARTITION:
 * TOO_LARGE, but only for a new assignment or a profile: what becomes of a message
 * that is out is always kept. Durable when done. */
void store_user_commit(struct store_db *db, struct str user_key, uint64_t if_revision,
		       const struct store_user_change *change, uint64_t *revision,
		       store_fn *done, void *ctx);

/* Which user key an identity means: as user key (of anybody ever committed), then
 * user_id, e-mail, alias. Absent when none; the first kind that knows it wins.
 * User keys, user ids and aliases are compared as bytes, e-mail addresses with ASCII
 * letters folded. */
void store_user_resolve(struct store_db *db, struct str identity, struct arena *arena,
			struct str *user_key, store_fn *done, void *ctx);

/* Many at once, of one snapshot, for imports: at most STORE_ROWS_MAX. A text that can
 * be no identity means nobody. */
struct store_identity {
	struct str text;
	struct str user_key;  /* out; absent: nobody's. May be borrowed from text */
	uint8_t sort_key[16]; /* out: of user_key, of nobody's that of the text */
};
void store_users_resolve(struct store_db *db, struct store_identity *items, size_t n,
			 struct arena *arena, store_fn *done, void *ctx);

/* Removes all that is known of the user: profile, identities, rows, assignments,
 * instance rows, due marks, unique marks keep counting but no longer name anyone.
 * Writes the suppress document under the hex of `suppress` with the time. */
void store_user_erase(struct store_db *db, struct str user_key,
		      const uint8_t suppress[CRYPTO_SHA256_LEN], int64_t now_ms,
		      store_fn *done, void *ctx);

/* Profiles in the order of the store, from behind `resume` (absent: the start);
 * out->resume is absent at the end. A slice may be empty before it. */
struct store_scan {
	struct user_profile *profiles;
	size_t n;
	struct str resume;
};
void store_user_scan(struct store_db *db, struct str resume, size_t limit,
		     struct arena *arena, struct store_scan *out, store_fn *done,
		     void *ctx);

/* Whom an instance was given to, or an absent key (erased, forgotten). */
struct store_instance {
	struct str user_key, campaign;
	int64_t assigned_ms;
};
void store_instance_get(struct store_db *db, struct id16 instance, struct arena *arena,
			struct store_instance *out, store_fn *done, void *ctx);

/* Loads ----------------------------------------------------------------------*/

/* Order in which rows must be given to store_rows_write: by this, then nothing
 * (one row a user and load). */
void store_sort_key(struct str user_key, uint8_t out[16]);

struct store_row {
	uint8_t sort_key[16];
	const struct str *values;
	size_t n_values;
};
/* A slice of a load, ascending by sort_key, together with a document (the import's
 * progress) in the same transaction. Behind decisions in the writer's queue.
 * At most 2,000 rows a call. A row of the same user and load is replaced. progress
 * may be NULL; it is written whatever its revision is. Nothing is written if one row
 * is refused: TOO_LARGE at "/12" is the row with that index, whose user's partition
 * would be over USER_MAX_PARTITION. For speed have several calls under way: they
 * are committed together. */
#define STORE_ROWS_MAX 2000
void store_rows_write(struct store_db *db, uint64_t load, const struct store_row *rows,
		      size_t n, enum store_collection c,
		      const struct store_document *progress, store_fn *done, void *ctx);
/* Profiles of an import, as store_user_commit with STORE_ANY each, merged by the
 * caller before; behind decisions in the queue. errors[i].kind tells which of them
 * was refused (CONFLICT: identity taken; TOO_LARGE, BAD_VALUE); the others are
 * written. */
#define STORE_PROFILES_MAX 500
void store_profiles_write(struct store_db *db, const struct user_profile *profiles,
			  size_t n, struct error *errors, store_fn *done, void *ctx);
/* Deletes rows of loads that are not in `live` (ascending), a slice at a time from
 * `resume` (absent: start); *out_resume is absent when the end was reached. */
void store_rows_sweep(struct store_db *db, const uint64_t *live, size_t n_live,
		      struct str resume, struct arena *arena, struct str *out_resume,
		      uint64_t *removed, store_fn *done, void *ctx);

/* Statistics, outbox, due ----------------------------------------------------*/
struct store_statistic {
	int64_t hour_ms; /* beginning of the hour, UTC */
	enum statistic statistic;
	uint64_t count;  /* events */
	uint64_t unique; /* users counted with it for the first time in this hour */
};
/* Rows of a campaign with from_ms <= hour < to_ms, by hour, then statistic. Sums of
 * `count` and `unique` over all hours are the exact totals. */
void store_statistics_read(struct store_db *db, struct str campaign, int64_t from_ms,
			   int64_t to_ms, struct arena *arena,
			   struct store_statistic **out, size_t *n, store_fn *done,
			   void *ctx);
/* What arrived and was not sorted yet. */
uint64_t store_outbox_count(struct store_db *db);
/* Those due at or before now_ms, oldest first. */
struct store_due_entry {
	int64_t due_ms;
	struct id16 instance;
	struct str user_key;
};
void store_due_list(struct store_db *db, int64_t now_ms, size_t limit,
		    struct arena *arena, struct store_due_entry **out, size_t *n,
		    store_fn *done, void *ctx);

/* Deliveries -----------------------------------------------------------------
 * An outbox row arrives with a commit, for all points in one list. Sorting moves it
 * into the queue of its point, ordered by when it is due; settling takes it out of
 * there: it was delivered, or is due again later, or was given up and is a dead
 * letter until somebody replays or discards it. A row keeps its sequence on all these
 * ways, so that each of these calls may be repeated. */
struct store_queue_row {
	struct store_outbox_row event;
	uint64_t sequence; /* of its arrival, unique in the database */
	int64_t due_ms;
	int64_t queued_ms; /* when it was sorted, or replayed */
	int64_t first_ms;  /* of the first attempt that failed; 0: none did */
	uint32_t attempts; /* that failed */
};
/* Moves at most `limit` rows into queues, due at once; *moved tells how many there
 * were. Behind decisions in the writer's queue, as store_queue_settle. */
#define STORE_SORT_MAX 2000
void store_outbox_sort(struct store_db *db, int64_t now_ms, size_t limit, size_t *moved,
		       store_fn *done, void *ctx);

/* Rows of a point behind (after_due_ms, after_sequence), due at or before until_ms, in
 * that order. */
struct store_queue_list {
	struct store_queue_row *items;
	size_t n;
	bool more;
};
void store_queue_list(struct store_db *db, struct str point, int64_t after_due_ms,
		      uint64_t after_sequence, int64_t until_ms, size_t limit,
		      struct arena *arena, struct store_queue_list *out, store_fn *done,
		      void *ctx);

enum store_fate {
	STORE_FATE_SENT,   /* gone */
	STORE_FATE_ERASED, /* gone: whom it speaks of is not known any more */
	STORE_FATE_LATER,  /* an attempt failed: due again at next_ms */
	STORE_FATE_DEAD,   /* given up */
};
struct store_outcome {
	uint64_t sequence;
	int64_t due_ms; /* as it was listed */
	enum store_fate fate;
	int64_t next_ms;
	struct str error; /* of a dead letter; at most STORE_ERROR_MAX bytes */
};
#define STORE_ERROR_MAX 200
/* How a point fares, as its sender sees it. Times are 0 if there is none. */
struct store_point_state {
	int64_t failing_since_ms; /* of the first failure since a success */
	int64_t next_ms;          /* nothing is sent before */
	int64_t sent_ms;          /* of the last success */
	int64_t error_ms;         /* of the last failure */
	struct str error;         /* its reason; at most STORE_ERROR_MAX bytes */
	uint32_t failures;        /* since a success */
};
struct store_point {
	struct str id;
	uint64_t waiting, dead; /* in the queue, dead letters */
	uint64_t sent, erased;  /* ever */
	struct store_point_state state;
};
/* Each row once in a call. One that is not (or no more) where it was listed is passed
 * over and not counted; the state is written in any case. */
#define STORE_SETTLE_MAX 1000
void store_queue_settle(struct store_db *db, struct str point,
			const struct store_outcome *outcomes, size_t n,
			const struct store_point_state *state, int64_t now_ms,
			store_fn *done, void *ctx);
/* All points that ever had a row, by id. */
struct store_point_list {
	struct store_point *items;
	size_t n;
};
void store_point_list(struct store_db *db, struct arena *arena,
		      struct store_point_list *out, store_fn *done, void *ctx);

struct store_dead_row {
	struct store_queue_row row; /* due_ms: when it was given up */
	struct str error;
};
/* By sequence, from behind `after`. */
struct store_dead_list {
	struct store_dead_row *items;
	size_t n;
	bool more;
};
void store_dead_list(struct store_db *db, struct str point, uint64_t after,
		     size_t limit, struct arena *arena, struct store_dead_list *out,
		     store_fn *done, void *ctx);
/* Replay: back into the queue as if it had just arrived, and the point is tried at
 * once. Discard: gone. Those that are not there are passed over; *moved counts. */
enum store_dead_order {
	STORE_DEAD_REPLAY,
	STORE_DEAD_DISCARD,
};
void store_dead_order(struct store_db *db, struct str point, const uint64_t *sequences,
		      size_t n, enum store_dead_order order, int64_t now_ms,
		      size_t *moved, store_fn *done, void *ctx);

/* Waiting, for worker threads and tests: pass store_wait_done and the struct as
 * completion, then store_wait returns what it was. */
struct store_wait;
struct store_wait *store_wait_new(void);
void store_wait_free(struct store_wait *w);
void store_wait_done(void *ctx, const struct error *err);
bool store_wait(struct store_wait *w, struct error *err); /* re-usable afterwards */

#endif
