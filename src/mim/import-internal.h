/* SPDX-License-Identifier: Apache-2.0 */
/* An import while it runs, on one thread. */
#ifndef INLAY_MIM_IMPORT_INTERNAL_H
#define INLAY_MIM_IMPORT_INTERNAL_H

#include "mim/documents.h"
#include "mim/extsort.h"
#include "mim/import.h"
#include "mim/schema-store.h"
#include "model/bundle-check.h"
#include "net/object-store.h"

struct import_job {
	struct mim *mim;
	struct tenant_runtime *tenant; /* held */
	struct tenant_config *config;  /* held */
	struct arena *arena;           /* as long as the job */
	struct import_document doc;
	struct user_schema schema;
	struct object_store *objects;
	const struct data_source *source; /* in config */
	_Atomic bool interrupted;         /* the middleware stops: to be resumed. Asked
					   by who reads, too, on another thread */
	bool dead_rows;                   /* there is something to sweep */
	struct error_list problem;        /* why it fails */
	struct error_list row_errors;
	int64_t phase_us;    /* clock_mono_us() when the phase began */
	int64_t saved_us;    /* when the document was last written */
	uint64_t phase_rows; /* done in the phase */
	/* campaigns */
	struct bundle_check *check;
	struct extsort *sort;
	struct crypto_sha256_state taken; /* of key and line of each row taken */
	char content[2 * CRYPTO_SHA256_LEN + 1];
	uint64_t epoch;   /* fences an importer that was thought dead */
	uint64_t load;    /* 0: none */
	bool load_is_old; /* a load of before has the same content */
	/* Before the first row was read: what the tenant's `erasures` was, and when. */
	uint64_t erasures;
	int64_t began_ms;
};

/* Adds a reason why it fails; false. */
bool import_fail(struct import_job *j, const struct error *err);
/* True, and notes it, when the middleware stops. */
bool import_stops(struct import_job *j);
/* Writes the document now. */
bool import_save(struct import_job *j, struct error *err);
bool import_enter(struct import_job *j, enum import_phase phase, struct error *err);
/* To be called with every row: rate, time left, document once a second. `done` of
 * `total` (0: not known) rows or bytes of the phase. */
bool import_tick(struct import_job *j, uint64_t rows, uint64_t done, uint64_t total,
		 struct error *err);
/* The document as it is, into a cleared buffer. */
bool import_write(const struct import_job *j, struct buf *out, struct error *err);

/* A file below the import's prefix; for struct bundle_source, too. */
bool import_read_file(void *job, struct str name, bundle_bytes_fn *take, void *ctx,
		      struct error *err);
/* More rows rejected than inlay.import.max-rejected-percent? */
bool import_check_rejected(struct import_job *j);

/* The calling thread, one of an import's, gives way to those that decide: whatever an
 * import has to calculate, a decision that comes meanwhile does not wait for it. */
void import_yield(void);

/* import-run.c: takes the job over. */
void import_run(void *ctx); /* a struct import_job */
void import_job_free(struct import_job *j);
void import_take_figures(struct import_job *j); /* from the checker */
/* import-campaign.c */
bool import_campaign(struct import_job *j);
/* import-order.c: forgets the oldest that are over. */
void import_prune(struct tenant_runtime *t);
void import_sweep_later(struct tenant_runtime *t);

/* import-rows.c: makes j->sort; the first pass over the recipients goes into it. */
bool import_open_sort(struct import_job *j, struct error *err);
bool import_read_rows(struct import_job *j);
/* import-load.c: second pass: finds rows of the same user; third: writes the load. */
bool import_count_twins(struct import_job *j, struct str file);
struct import_cursor {
	uint8_t last[EXTSORT_KEY_LEN];
	bool has_last;
};
/* The next record that is the first of its user. */
bool import_next_user(struct import_job *j, struct import_cursor *c,
		      struct extsort_record *r, bool *more, struct error *err);
bool import_load_rows(struct import_job *j);
/* A complete load of before with the same rows for the same users: j->load. */
bool import_find_load(struct import_job *j);

/* import-slices.c: sorted rows on their way to the store. */
struct import_slices;
struct import_slices *import_slices_new(struct import_job *j); /* NULL: no memory */
/* Waits for what the store has. NULL is fine. */
void import_slices_free(struct import_slices *all);
bool import_slices_add(struct import_slices *s, const struct extsort_record *r,
		       struct error *err);
/* All are stored, or rejected. */
bool import_slices_end(struct import_slices *s, struct error *err);
/* Rejects a row that was accepted at first. */
void import_reject_taken(struct import_job *j, struct str file, uint64_t line,
			 enum error_kind kind, const char *why);
/* import-publish.c */
enum import_news {
	IMPORT_NEWS,      /* to be loaded */
	IMPORT_KNOWN,     /* loaded already, nothing to do */
	IMPORT_TO_FLIP,   /* loaded already, but not active yet */
	IMPORT_NOT_TAKEN, /* j->problem says why */
};
enum import_news import_compare(struct import_job *j);
bool import_claim(struct import_job *j);
bool import_publish(struct import_job *j);
bool import_flip(struct import_job *j);
/* Gives up what import_claim and import_load_rows left. */
void import_give_up(struct import_job *j);
/* import-users.c */
bool import_users(struct import_job *j);
/* import-sweep.c */
void import_sweep(struct tenant_runtime *t);
/* Loads that an earlier attempt of this import began are dead. */
bool import_bury_attempts(struct import_job *j, struct error *err);
/* Has the import come to its end, or is it forgotten already? */
bool import_is_over(struct tenant_runtime *t, struct str import, struct arena *arena,
		    bool *over, struct error *err);
/* Is any version that is active, or may be yet, made of the load? */
bool import_load_is_used(struct tenant_runtime *t, struct str campaign, uint64_t load,
			 bool *used, struct error *err);

/* A row's values as bytes of a sort record, and back. */
bool import_encode(struct buf *out, const struct str *values, size_t n);
/* Points into bytes; false if they do not hold exactly n values. */
bool import_decode(struct str bytes, struct str *values, size_t n);

#endif
