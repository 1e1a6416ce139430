/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of the ordered tables. Numbers are big-endian, so that the order of the
 * bytes is theirs. A user is 16 bytes, BLAKE2b-128 of the user key, so that a
 * partition is one range, keys are short, and all are spread evenly. */
#ifndef INLAY_STORE_ORDERED_KEYS_H
#define INLAY_STORE_ORDERED_KEYS_H

#include "store/store.h"

struct user_hash {
	uint8_t b[16];
};
struct user_hash user_hash(struct str user_key);

/* In a partition, in the order in which a decision reads it; what is behind
 * ASSIGNMENT it does not read. X(NAME, number) */
enum user_kind {
	USER_HEAD = 0,       /* revision, user key, profile */
	USER_ROW = 1,        /* load(8) */
	USER_ASSIGNMENT = 2, /* instance(16) */
	USER_DUE = 3,        /* due(8) instance(16): to find it when erasing */
	USER_COUNTED = 4,    /* campaign 0 statistic(1): hours in which counted */
	USER_END = 5,
};

enum identity_kind {
	IDENTITY_USER_ID = 1,
	IDENTITY_EMAIL = 2,
	IDENTITY_ALIAS = 3,
};

#define KEY_MAX 224
struct key {
	uint8_t b[KEY_MAX];
	size_t n;
};
static inline struct str key_str(const struct key *k)
{
	return (struct str){(const char *)k->b, k->n};
}

struct key key_meta(const char *name);
struct key key_document(enum store_collection c, struct str id);
/* hash and kind: the head, or the beginning of all of a kind. */
struct key key_user(const struct user_hash *user, enum user_kind kind);
struct key key_row(const struct user_hash *user, uint64_t load);
struct key key_assignment(const struct user_hash *user, struct id16 instance);
struct key key_user_due(const struct user_hash *user, int64_t due_ms,
			struct id16 instance);
struct key key_counted(const struct user_hash *user, struct str campaign,
		       enum statistic statistic);
/* E-mail addresses are folded. */
struct key key_identity(enum identity_kind kind, struct str text);
/* The same of a text that is user_hash'ed already. */
struct key key_identity_of(enum identity_kind kind, struct str text,
			   const struct user_hash *hash);
struct key key_instance(struct id16 instance);
struct key key_event(uint32_t assigned_hour, struct id16 event_id);
struct key key_statistic(struct str campaign, uint32_t hour, enum statistic statistic);
struct key key_outbox(uint64_t sequence);
struct key key_outbox_id(struct id16 event_id, struct str point);
struct key key_due(int64_t due_ms, struct id16 instance);
/* All of a point begins with key_point, and of no other point: names hold no NUL. */
struct key key_point(struct str point);
struct key key_queue(struct str point, int64_t due_ms, uint64_t sequence);
struct key key_dead(struct str point, uint64_t sequence);

/* Is it of this user and kind? */
bool key_is_user(struct str key, const struct user_hash *user, enum user_kind kind);
/* Is it of what a decision reads of this user? False for an absent key. */
bool key_in_record(struct str key, const struct user_hash *user);
enum user_kind key_user_kind(struct str key);
struct user_hash key_user_of(struct str key); /* of a key of USERS */
uint64_t key_u64(struct str key, size_t at);
uint32_t key_u32(struct str key, size_t at);
struct id16 key_id16(struct str key, size_t at);
#define KEY_USER_TAIL 17 /* what follows hash and kind */

#endif
