/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ordered/keys.h"

#include "store/store-internal.h"

#include <assert.h>

struct user_hash user_hash(struct str user_key)
{
	struct user_hash h;
	crypto_blake2b_128(user_key, h.b);
	return h;
}

static void add(struct key *k, const void *p, size_t n)
{
	assert(n <= KEY_MAX - k->n);
	if (n > 0)
		memcpy(k->b + k->n, p, n);
	k->n += n;
}

static void add_byte(struct key *k, unsigned b)
{
	uint8_t byte = (uint8_t)b;
	add(k, &byte, 1);
}

static void add_u32(struct key *k, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		add_byte(k, (v >> shift) & 0xff);
}

static void add_u64(struct key *k, uint64_t v)
{
	add_u32(k, (uint32_t)(v >> 32));
	add_u32(k, (uint32_t)v);
}

struct key key_meta(const char *name)
{
	struct key k;
	k.n = 0;
	add(&k, name, strlen(name));
	return k;
}

struct key key_document(enum store_collection c, struct str id)
{
	struct key k;
	k.n = 0;
	add_byte(&k, (unsigned)c);
	add(&k, id.p, id.n);
	return k;
}

struct key key_user(const struct user_hash *user, enum user_kind kind)
{
	struct key k;
	k.n = 0;
	add(&k, user->b, sizeof user->b);
	add_byte(&k, (unsigned)kind);
	return k;
}

struct key key_row(const struct user_hash *user, uint64_t load)
{
	struct key k = key_user(user, USER_ROW);
	add_u64(&k, load);
	return k;
}

struct key key_assignment(const struct user_hash *user, struct id16 instance)
{
	struct key k = key_user(user, USER_ASSIGNMENT);
	add(&k, instance.b, ID_LEN);
	return k;
}

struct key key_user_due(const struct user_hash *user, int64_t due_ms,
			struct id16 instance)
{
	struct key k = key_user(user, USER_DUE);
	add_u64(&k, (uint64_t)due_ms);
	add(&k, instance.b, ID_LEN);
	return k;
}

/* A campaign's id holds no NUL (check_name), so none is another's beginning. */
struct key key_counted(const struct user_hash *user, struct str campaign,
		       enum statistic statistic)
{
	struct key k = key_user(user, USER_COUNTED);
	add(&k, campaign.p, campaign.n);
	add_byte(&k, 0);
	add_byte(&k, (unsigned)statistic);
	return k;
}

static struct key key_identity_hash(enum identity_kind kind,
				    const struct user_hash *hash)
{
	struct key k;
	k.n = 0;
	add_byte(&k, (unsigned)kind);
	add(&k, hash->b, sizeof hash->b);
	return k;
}

static struct key key_email(struct str text)
{
	char folded[STORE_USER_KEY_MAX];
	assert(text.n <= sizeof folded);
	for (size_t i = 0; i < text.n; i++)
		folded[i] = str_lower_char(text.p[i]);
	struct user_hash hash = user_hash((struct str){folded, text.n});
	return key_identity_hash(IDENTITY_EMAIL, &hash);
}

struct key key_identity(enum identity_kind kind, struct str text)
{
	if (kind == IDENTITY_EMAIL)
		return key_email(text);
	struct user_hash hash = user_hash(text);
	return key_identity_hash(kind, &hash);
}

static bool has_capital(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] >= 'A' && text.p[i] <= 'Z')
			return true;
	return false;
}

struct key key_identity_of(enum identity_kind kind, struct str text,
			   const struct user_hash *hash)
{
	if (kind == IDENTITY_EMAIL && has_capital(text))
		return key_email(text);
	return key_identity_hash(kind, hash);
}

struct key key_instance(struct id16 instance)
{
	struct key k;
	k.n = 0;
	add(&k, instance.b, ID_LEN);
	return k;
}

struct key key_event(uint32_t assigned_hour, struct id16 event_id)
{
	struct key k;
	k.n = 0;
	add_u32(&k, assigned_hour);
	add(&k, event_id.b, ID_LEN);
	return k;
}

struct key key_statistic(struct str campaign, uint32_t hour, enum statistic statistic)
{
	struct key k;
	k.n = 0;
	add(&k, campaign.p, campaign.n);
	add_byte(&k, 0);
	add_u32(&k, hour);
	add_byte(&k, (unsigned)statistic);
	return k;
}

struct key key_outbox(uint64_t sequence)
{
	struct key k;
	k.n = 0;
	add_u64(&k, sequence);
	return k;
}

struct key key_outbox_id(struct id16 event_id, struct str point)
{
	struct key k;
	k.n = 0;
	add(&k, event_id.b, ID_LEN);
	add(&k, point.p, point.n);
	return k;
}

struct key key_due(int64_t due_ms, struct id16 instance)
{
	struct key k;
	k.n = 0;
	add_u64(&k, (uint64_t)due_ms);
	add(&k, instance.b, ID_LEN);
	return k;
}

struct key key_point(struct str point)
{
	struct key k;
	k.n = 0;
	add(&k, point.p, point.n);
	add_byte(&k, 0);
	return k;
}

struct key key_queue(struct str point, int64_t due_ms, uint64_t sequence)
{
	struct key k = key_point(point);
	add_u64(&k, (uint64_t)due_ms);
	add_u64(&k, sequence);
	return k;
}

struct key key_dead(struct str point, uint64_t sequence)
{
	struct key k = key_point(point);
	add_u64(&k, sequence);
	return k;
}

bool key_is_user(struct str key, const struct user_hash *user, enum user_kind kind)
{
	return key.n >= KEY_USER_TAIL && memcmp(key.p, user->b, sizeof user->b) == 0 &&
	       (uint8_t)key.p[sizeof user->b] == (uint8_t)kind;
}

bool key_in_record(struct str key, const struct user_hash *user)
{
	return key.n >= KEY_USER_TAIL && memcmp(key.p, user->b, sizeof user->b) == 0 &&
	       key_user_kind(key) <= USER_ASSIGNMENT;
}

enum user_kind key_user_kind(struct str key)
{
	return key.n >= KEY_USER_TAIL
		       ? (enum user_kind)(uint8_t)key.p[KEY_USER_TAIL - 1]
		       : USER_END;
}

struct user_hash key_user_of(struct str key)
{
	struct user_hash h = {{0}};
	if (key.n >= sizeof h.b)
		memcpy(h.b, key.p, sizeof h.b);
	return h;
}

uint32_t key_u32(struct str key, size_t at)
{
	uint32_t v = 0;
	for (size_t i = at; i < at + 4; i++)
		v = v << 8 | (i < key.n ? (uint8_t)key.p[i] : 0);
	return v;
}

uint64_t key_u64(struct str key, size_t at)
{
	return (uint64_t)key_u32(key, at) << 32 | key_u32(key, at + 4);
}

struct id16 key_id16(struct str key, size_t at)
{
	struct id16 id = {{0}};
	if (key.n >= at + ID_LEN)
		memcpy(id.b, key.p + at, ID_LEN);
	return id;
}
