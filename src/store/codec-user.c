/* SPDX-License-Identifier: Apache-2.0 */
/* The records of a user's partition: head with profile, assignments, rows. */
#include "store/codec-internal.h"
#include "store/store-internal.h"

static void put_profile(struct buf *out, const struct user_profile *p)
{
	codec_put_text(out, p->user_id);
	codec_put_text(out, p->email);
	codec_put_u64(out, p->n_aliases);
	for (size_t i = 0; i < p->n_aliases; i++)
		codec_put_text(out, p->aliases[i]);
	codec_put_u64(out, p->n_attributes);
	for (size_t i = 0; i < p->n_attributes; i++) {
		codec_put_text(out, p->attributes[i].name);
		codec_put_text(out, p->attributes[i].value);
	}
	codec_put_u64(out, p->n_consents);
	for (size_t i = 0; i < p->n_consents; i++) {
		const struct consent *c = &p->consents[i];
		codec_put_text(out, c->purpose);
		codec_put_u64(out, c->granted);
		codec_put_i64(out, c->at_ms);
		codec_put_text(out, c->source);
		codec_put_text(out, c->wording);
	}
	codec_put_u64(out, p->n_opt_outs);
	for (size_t i = 0; i < p->n_opt_outs; i++) {
		const struct opt_out *o = &p->opt_outs[i];
		codec_put_text(out, o->purpose);
		codec_put_i64(out, o->at_ms);
		codec_put_text(out, o->source);
	}
}

void codec_head_encode(struct buf *out, uint64_t revision, struct str user_key,
		       const struct user_profile *profile)
{
	buf_add_char(out, CODEC_VERSION);
	codec_put_u64(out, revision);
	codec_put_text(out, user_key);
	codec_put_u64(out, profile != NULL);
	if (profile != NULL)
		put_profile(out, profile);
}

/* An array of so many, or NULL with in->bad or *memory cleared. */
static void *take_array(struct codec_in *in, struct arena *arena, size_t max,
			size_t size, size_t *n, bool *memory)
{
	*n = (size_t)codec_u64(in, max);
	if (*n == 0)
		return NULL;
	/* each item has a byte at least */
	if (*n > (size_t)(in->end - in->p)) {
		in->bad = true;
		*n = 0;
		return NULL;
	}
	void *p = arena_array(arena, *n, size);
	if (p == NULL) {
		*memory = false;
		*n = 0;
	}
	return p;
}

static void take_consents(struct codec_in *in, struct arena *arena,
			  struct user_profile *p, bool *memory)
{
	struct consent *c = take_array(in, arena, USER_MAX_CONSENTS, sizeof *c,
				       &p->n_consents, memory);
	for (size_t i = 0; i < p->n_consents; i++) {
		c[i].purpose = codec_text(in);
		c[i].granted = codec_flag(in);
		c[i].at_ms = codec_i64(in);
		c[i].source = codec_text(in);
		c[i].wording = codec_text(in);
	}
	p->consents = c;
	if (!*memory)
		return;
	struct opt_out *o = take_array(in, arena, USER_MAX_CONSENTS, sizeof *o,
				       &p->n_opt_outs, memory);
	for (size_t i = 0; i < p->n_opt_outs; i++) {
		o[i].purpose = codec_text(in);
		o[i].at_ms = codec_i64(in);
		o[i].source = codec_text(in);
	}
	p->opt_outs = o;
}

static void take_profile(struct codec_in *in, struct arena *arena,
			 struct user_profile *p, bool *memory)
{
	p->user_id = codec_text(in);
	p->email = codec_text(in);
	struct str *aliases = take_array(in, arena, USER_MAX_IDENTITIES,
					 sizeof *aliases, &p->n_aliases, memory);
	for (size_t i = 0; i < p->n_aliases; i++)
		aliases[i] = codec_text(in);
	p->aliases = aliases;
	if (!*memory)
		return;
	struct attribute *attributes =
		take_array(in, arena, USER_MAX_ATTRIBUTES, sizeof *attributes,
			   &p->n_attributes, memory);
	for (size_t i = 0; i < p->n_attributes; i++) {
		attributes[i].name = codec_text(in);
		attributes[i].value = codec_text(in);
	}
	p->attributes = attributes;
	if (*memory)
		take_consents(in, arena, p, memory);
}

bool codec_head_decode(struct str bytes, struct arena *arena, struct codec_head *out,
		       struct error *err)
{
	struct codec_in in = codec_in(bytes);
	bool memory = true;
	*out = (struct codec_head){0};
	codec_begin(&in);
	out->revision = codec_u64(&in, UINT64_MAX);
	out->profile.user = codec_text(&in);
	out->known = codec_flag(&in);
	if (out->known)
		take_profile(&in, arena, &out->profile, &memory);
	if (!memory)
		return error_set(err, ERROR_MEMORY, "", "no memory for a profile");
	return codec_end(&in, "profile", err);
}

bool codec_head_split(struct str bytes, uint64_t *revision, struct str *user_key,
		      struct str *rest, struct error *err)
{
	struct codec_in in = codec_in(bytes);
	codec_begin(&in);
	*revision = codec_u64(&in, UINT64_MAX);
	*rest = (struct str){(const char *)in.p, (size_t)(in.end - in.p)};
	*user_key = codec_text(&in);
	if (in.bad)
		return error_set(err, ERROR_CORRUPT, "", "a stored profile is damaged");
	return true;
}

void codec_head_join(struct buf *out, uint64_t revision, struct str rest)
{
	buf_add_char(out, CODEC_VERSION);
	codec_put_u64(out, revision);
	buf_add_str(out, rest);
}

enum assignment_bits {
	BIT_SERVICE = 1,
	BIT_WAS_READ = 2,
	BIT_GONE_FINAL = 4,
	BITS_ALL = 7,
};

void codec_assignment_encode(struct buf *out, const struct assignment *a)
{
	unsigned bits = (a->service ? BIT_SERVICE : 0) |
			(a->was_read ? BIT_WAS_READ : 0) |
			(a->gone_final ? BIT_GONE_FINAL : 0);
	buf_add_char(out, CODEC_VERSION);
	codec_put_u64(out, bits);
	codec_put_u64(out, (uint64_t)a->state);
	codec_put_u64(out, (uint64_t)a->cause);
	codec_put_text(out, a->campaign);
	codec_put_u64(out, a->version);
	codec_put_text(out, a->variant);
	codec_put_u64(out, a->n);
	codec_put_u64(out, a->k);
	codec_put_i64(out, a->assigned_ms);
	codec_put_i64(out, a->injected_ms);
	codec_put_i64(out, a->read_ms);
	codec_put_i64(out, a->ended_ms);
	codec_put_u64(out, a->uidvalidity);
	codec_put_u64(out, a->uid);
	codec_put_u64(out, a->nonce);
	codec_put_u64(out, a->reported);
	codec_put_text(out, a->node);
}

bool codec_assignment_decode(struct str bytes, struct assignment *out,
			     struct error *err)
{
	struct codec_in in = codec_in(bytes);
	*out = (struct assignment){0};
	codec_begin(&in);
	uint64_t bits = codec_u64(&in, BITS_ALL);
	out->service = (bits & BIT_SERVICE) != 0;
	out->was_read = (bits & BIT_WAS_READ) != 0;
	out->gone_final = (bits & BIT_GONE_FINAL) != 0;
	out->state = (enum assignment_state)codec_u64(&in, ASSIGNMENT_STATES_COUNT - 1);
	out->cause = (enum wire_cause)codec_u64(&in, UINT8_MAX);
	out->campaign = codec_text(&in);
	out->version = (uint32_t)codec_u64(&in, UINT32_MAX);
	out->variant = codec_text(&in);
	out->n = (uint32_t)codec_u64(&in, UINT32_MAX);
	out->k = (uint32_t)codec_u64(&in, UINT32_MAX);
	out->assigned_ms = codec_i64(&in);
	out->injected_ms = codec_i64(&in);
	out->read_ms = codec_i64(&in);
	out->ended_ms = codec_i64(&in);
	out->uidvalidity = (uint32_t)codec_u64(&in, UINT32_MAX);
	out->uid = (uint32_t)codec_u64(&in, UINT32_MAX);
	out->nonce = codec_u64(&in, UINT64_MAX);
	out->reported = (unsigned)codec_u64(&in, UINT32_MAX);
	out->node = codec_text(&in);
	return codec_end(&in, "assignment", err);
}

void codec_row_encode(struct buf *out, const struct str *values, size_t n)
{
	buf_add_char(out, CODEC_VERSION);
	codec_put_u64(out, n);
	for (size_t i = 0; i < n; i++)
		codec_put_text(out, values[i]);
}

bool codec_row_decode(struct str bytes, struct arena *arena, struct recipient_row *out,
		      struct error *err)
{
	struct codec_in in = codec_in(bytes);
	bool memory = true;
	codec_begin(&in);
	struct str *values = take_array(&in, arena, STORE_VALUES_MAX, sizeof *values,
					&out->n_values, &memory);
	for (size_t i = 0; i < out->n_values; i++)
		values[i] = codec_text(&in);
	out->values = values;
	if (!memory)
		return error_set(err, ERROR_MEMORY, "", "no memory for a row");
	return codec_end(&in, "recipient row", err);
}
