/* SPDX-License-Identifier: Apache-2.0 */
/* An inbox is being opened: apply the events that come with it, bring what is stored in
 * line with what the mailbox shows, decide, make the assignment durable, then answer
 * (storage.md "Assignment = compare-and-set"). Who loses the race reads and decides
 * anew, at most twice, then answers without actions; so does who does not know whether
 * the write happened and finds no trace of it. Asynchronous, and without HTTP. */
#ifndef INLAY_MIM_OPENING_H
#define INLAY_MIM_OPENING_H

#include "mim/metrics.h"
#include "mim/partition.h"
#include "mim/requests.h"
#include "mim/user-update.h"

#define OPENING_TRIES 3

struct opening;
/* err: the partition could not be read; else o->decision holds and is durable. */
typedef void opening_done(struct opening *o, const struct error *err);
/* o->decision holds if the disk takes it: an answer may be written, but not be sent to
 * its end before done, and not at all if done comes with an error. At most once, before
 * done; where the store cannot tell, never. */
typedef void opening_early(struct opening *o);

struct opening {
	/* set by the caller; borrowed until done has run */
	struct store_db *db;
	const struct snapshot *snapshot;
	const struct decision_request *request; /* NULL: a dry one, for hello */
	struct str user_key;
	struct arena *arena;
	int64_t now_ms;
	struct metrics *metrics; /* may be NULL */
	struct log *log;         /* may be NULL */
	opening_done *done;
	opening_early *early; /* NULL: nobody asks */
	void *ctx;
	/* the answer */
	struct decision decision;
	struct reconciled reconciled; /* which of `present` are ours */
	/* own */
	struct user_update update;
	struct partition partition;
	struct user_record again;
	uint64_t nonce;
	uint64_t dropped; /* events of unknown instances */
	bool told_early;
};

/* May call done before it returns. */
void opening_start(struct opening *o);

#endif
