/* SPDX-License-Identifier: Apache-2.0 */
/* Between the front of the store and its backends. A call of store.h becomes a
 * struct store_op, checked by the front; a backend is a small struct of functions
 * of which one takes operations. Only the front calls a backend. */
#ifndef INLAY_STORE_STORE_INTERNAL_H
#define INLAY_STORE_STORE_INTERNAL_H

#include "store/store.h"

/* READ: changes nothing. WRITE: somebody waits for it. BULK: an import; goes
 * behind what somebody waits for. */
enum store_op_class {
	STORE_CLASS_READ,
	STORE_CLASS_WRITE,
	STORE_CLASS_BULK,
};

/* X(NAME, member of struct store_op's union, class) */
#define STORE_OPS(X)                                                                   \
	X(DOCUMENT_GET, document_get, READ)                                            \
	X(DOCUMENT_LIST, document_list, READ)                                          \
	X(DOCUMENT_PUT, document_put, WRITE)                                           \
	X(USER_READ, user_read, READ)                                                  \
	X(USER_COMMIT, user_commit, WRITE)                                             \
	X(USER_RESOLVE, user_resolve, READ)                                            \
	X(USERS_RESOLVE, users_resolve, READ)                                          \
	X(USER_ERASE, user_erase, WRITE)                                               \
	X(USER_SCAN, user_scan, READ)                                                  \
	X(INSTANCE_GET, instance_get, READ)                                            \
	X(ROWS_WRITE, rows_write, BULK)                                                \
	X(PROFILES_WRITE, profiles_write, BULK)                                        \
	X(ROWS_SWEEP, rows_sweep, BULK)                                                \
	X(STATISTICS_READ, statistics_read, READ)                                      \
	X(DUE_LIST, due_list, READ)                                                    \
	X(OUTBOX_SORT, outbox_sort, BULK)                                              \
	X(QUEUE_LIST, queue_list, READ)                                                \
	X(QUEUE_SETTLE, queue_settle, BULK)                                            \
	X(POINT_LIST, point_list, READ)                                                \
	X(DEAD_LIST, dead_list, READ)                                                  \
	X(DEAD_ORDER, dead_order, WRITE)
enum store_op_kind {
#define X(name, member, class) STORE_OP_##name,
	STORE_OPS(X)
#undef X
		STORE_OPS_COUNT
};

/* A call under way. A backend that cannot do it at once copies the struct; what it
 * points at is borrowed from the caller until store_op_done. */
struct store_op {
	enum store_op_kind kind;
	struct store_db *db;
	store_fn *done;
	void *ctx;
	struct arena *arena; /* for the results; NULL where there are none */
	union {
		struct {
			enum store_collection c;
			struct str id;
			struct store_document *out;
		} document_get;
		struct {
			enum store_collection c;
			struct str prefix, after;
			size_t limit;
			bool with_body;
			struct store_document_list *out;
		} document_list;
		struct {
			enum store_collection c;
			struct str id, body;
			uint64_t if_revision;
			uint64_t *revision; /* may be NULL */
		} document_put;
		struct {
			struct str user_key;
			const uint64_t *loads;
			size_t n_loads;
			struct user_record *out;
		} user_read;
		struct {
			struct str user_key;
			uint64_t if_revision;
			const struct store_user_change *change;
			uint64_t *revision; /* may be NULL */
		} user_commit;
		struct {
			struct str identity;
			struct str *user_key;
		} user_resolve;
		struct {
			struct store_identity *items;
			size_t n;
		} users_resolve;
		struct {
			struct str user_key;
			const uint8_t *suppress; /* CRYPTO_SHA256_LEN bytes */
			int64_t now_ms;
		} user_erase;
		struct {
			struct str resume;
			size_t limit;
			struct store_scan *out;
		} user_scan;
		struct {
			struct id16 instance;
			struct store_instance *out;
		} instance_get;
		struct {
			uint64_t load;
			const struct store_row *rows;
			size_t n;
			enum store_collection c;
			const struct store_document *progress; /* may be NULL */
		} rows_write;
		struct {
			const struct user_profile *profiles;
			size_t n;
			struct error *errors;
		} profiles_write;
		struct {
			const uint64_t *live;
			size_t n_live;
			struct str resume;
			struct str *out_resume;
			uint64_t *removed;
			size_t most; /* rows to remove, at least 1 */
		} rows_sweep;
		struct {
			struct str campaign;
			int64_t from_ms, to_ms;
			struct store_statistic **out;
			size_t *n;
		} statistics_read;
		struct {
			int64_t now_ms;
			size_t limit;
			struct store_due_entry **out;
			size_t *n;
		} due_list;
		struct {
			int64_t now_ms;
			size_t limit;
			size_t *moved;
		} outbox_sort;
		struct {
			struct str point;
			int64_t after_due_ms;
			uint64_t after_sequence;
			int64_t until_ms;
			size_t limit;
			struct store_queue_list *out;
		} queue_list;
		struct {
			struct str point;
			const struct store_outcome *outcomes;
			size_t n;
			const struct store_point_state *state;
			int64_t now_ms;
		} queue_settle;
		struct {
			struct store_point_list *out;
		} point_list;
		struct {
			struct str point;
			uint64_t after;
			size_t limit;
			struct store_dead_list *out;
		} dead_list;
		struct {
			struct str point;
			const uint64_t *sequences;
			size_t n;
			enum store_dead_order order;
			int64_t now_ms;
			size_t *moved;
		} dead_order;
	};
};

enum store_op_class store_op_class(enum store_op_kind kind);
/* What was checked goes to the backend; what was refused ends here, with *err. */
void store_op_begin(const struct store_op *op, bool ok, const struct error *err);
/* Tells who wants to know that only the disk is still in the way. */
void store_op_applied(const struct store_op *op);
/* Ends an operation: runs the caller's completion, then no longer counts it as
 * under way. Exactly once for each, under no lock. err NULL: success. The database
 * may be closed as soon as it returns. */
void store_op_done(const struct store_op *op, const struct error *err);
/* Hands an operation to the backend of op->db (the front's only way in). */
void store_submit(const struct store_op *op);

static inline size_t store_at_most(size_t limit, size_t max)
{
	return limit < max ? limit : max;
}

struct store_backend {
	const char *name;
	bool (*open)(const struct store_options *o, void **backend, struct error *err);
	void (*close)(void *backend);
	/* As store_db_create (create) and store_db_open; never for a keyspace that
	 * is open already. keyspace "" is the system database. */
	bool (*db_open)(void *backend, struct str keyspace, struct str owner,
			bool create, void **db, struct error *err);
	/* No operation is under way any more. */
	void (*db_close)(void *db);
	/* Does it, or copies it to do it later, and calls store_op_done once. */
	void (*submit)(void *db, const struct store_op *op);
	uint64_t (*outbox_count)(void *db);
	/* Fills bytes_used and bytes_max. */
	void (*usage)(void *backend, struct store_usage *out);
};

extern const struct store_backend store_memory, store_lmdb, store_faulty;

/* What the backend's open gave. */
void *store_backend_state(struct store *s);

/* Limits that the front checks before any backend sees an operation, so that keys
 * have a known greatest length. */
#define STORE_USER_KEY_MAX 512
#define STORE_NAME_MAX 64  /* campaign, variant, point, event type */
#define STORE_NODE_MAX 255 /* as a host's name, RFC 1035 section 2.3.4 */
#define STORE_KEYSPACE_MAX 48
#define STORE_LIMIT_MAX 10000 /* items a call lists */
#define STORE_SWEEP_MAX 1000  /* rows a sweep removes in one call */
#define STORE_VALUES_MAX 1024 /* columns of a recipient row */
#define STORE_CHANGE_MAX 4096 /* items of one kind in a change */

#endif
