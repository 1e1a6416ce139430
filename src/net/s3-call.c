/* SPDX-License-Identifier: Apache-2.0 */
#include "net/s3-client.h"
#include "net/s3-refusal.h"

#include <errno.h>

#define TRIES_MAX 6
#define FIRST_WAIT_US 250000 /* doubled with each try in vain */
#define MOVES_MAX 2          /* from region to region */
#define ERROR_ARENA_MAX (2 * S3_ANSWER_MAX)

struct calling {
	struct s3_client *c;
	struct s3_exchange *x;
	struct error *err;
	struct arena *arena; /* of what is said */
	struct s3_answer said;
	struct error unread; /* why it cannot be read, if so */
	uint64_t taken;      /* at the last try in vain */
	unsigned tries;      /* since something was taken last */
	unsigned moves;
	struct error first; /* what the first version of the signature met with */
};

/* Why it failed ------------------------------------------------------------------*/

/* The store answered, and not with a success. */
static bool was_refused(const struct calling *k)
{
	const struct s3_exchange *x = k->x;
	return x->status != 0 && !x->timed_out && !x->other &&
	       (x->status < 200 || x->status >= 300 || k->said.kind == S3_ANSWER_ERROR);
}

static struct s3_refusal refusal_of(const struct calling *k)
{
	const struct s3_exchange *x = k->x;
	const struct s3_place *p = &k->c->place;
	return (struct s3_refusal){
		.status = x->status,
		.code = k->said.code,
		.message = k->said.message,
		.region = x->region[0] != '\0' ? str_of(x->region) : k->said.region,
		.endpoint = k->said.endpoint,
		.host = str_of(p->host),
		.bucket = str_of(p->bucket),
		.key = x->key,
		.own_region = str_of(p->region),
		.clock_ms = x->clock_ms,
	};
}

/* What an answer says; nothing, if that is no XML. False without memory. */
static bool read_answer(struct calling *k)
{
	k->said = (struct s3_answer){.kind = S3_ANSWER_OTHER};
	error_clear(&k->unread);
	if (!buf_ok(&k->x->text) ||
	    s3_answer_parse(k->arena, buf_str(&k->x->text), &k->said, &k->unread))
		return true;
	k->said = (struct s3_answer){.kind = S3_ANSWER_OTHER};
	k->x->failed = k->unread.kind == ERROR_MEMORY;
	if (k->x->failed)
		*k->err = k->unread;
	return !k->x->failed;
}

/* libcurl does not say why in words. */
static bool not_connected(const struct calling *k)
{
	long why = 0;
	curl_easy_getinfo(k->c->easy, CURLINFO_OS_ERRNO, &why);
	if (why == 0)
		return error_set(k->err, ERROR_UNAVAILABLE, "", "%s: cannot connect",
				 k->c->place.host);
	error_set_errno(k->err, "", (int)why, "%s: cannot connect", k->c->place.host);
	if (k->err->kind == ERROR_IO)
		k->err->kind = ERROR_UNAVAILABLE;
	return false;
}

static bool put_words(const struct calling *k)
{
	const struct s3_exchange *x = k->x;
	const char *host = k->c->place.host;
	if (was_refused(k)) {
		struct s3_refusal r = refusal_of(k);
		return s3_refusal_words(&r, k->err);
	}
	if (x->other)
		return x->status == 206 && x->from > 0
			       ? error_set(k->err, ERROR_CONFLICT, "",
					   "%s goes on with something else than the "
					   "rest of %.*s",
					   host, STR_ARG(x->key))
			       : error_set(k->err, ERROR_UNPROCESSABLE, "",
					   "%s answers HTTP %ld where the %s of %.*s "
					   "was asked for",
					   host, x->status,
					   x->from > 0 ? "rest" : "whole",
					   STR_ARG(x->key));
	if (x->code == CURLE_OUT_OF_MEMORY)
		return error_set(k->err, ERROR_MEMORY, "", "no memory for a request");
	if (x->timed_out)
		return error_set(k->err, ERROR_TIMEOUT, "",
				 "nothing came from %s for %lld seconds", host,
				 (long long)(k->c->settings.timeout_ms / 1000));
	if (x->status == 0 && x->outgoing.refused)
		return error_set(k->err, ERROR_UNPROCESSABLE, "",
				 "%s " OUTGOING_REFUSED, host);
	return x->code == CURLE_COULDNT_CONNECT
		       ? not_connected(k)
		       : error_set(k->err, ERROR_UNAVAILABLE, "", "%s: %s", host,
				   outgoing_why(&x->outgoing, x->code));
}

/* Another try --------------------------------------------------------------------*/

/* Signatures of version 2 are what the oldest stores know, and 4 all others. */
static bool takes_other_version(struct calling *k)
{
	struct s3_refusal r = refusal_of(k);
	if (k->c->settled || k->c->version == 2 || !was_refused(k) ||
	    !s3_refusal_of_signature(&r))
		return false;
	put_words(k);
	k->first = *k->err;
	k->c->version = 2;
	return true;
}

static bool moves_on(struct calling *k)
{
	if (!was_refused(k) || k->moves == MOVES_MAX)
		return false;
	struct s3_refusal r = refusal_of(k);
	if (!s3_place_move(&k->c->place, r.region))
		return false;
	k->moves++;
	return true;
}

/* May it go otherwise the next time? What was never reached at all will not be. Nobody
 * knows what a part without an ETag is a part of. Each call may be made twice. */
static bool may_pass(const struct calling *k)
{
	const struct s3_exchange *x = k->x;
	if (x->other || x->code == CURLE_OUT_OF_MEMORY ||
	    (x->status == 0 && x->outgoing.refused) ||
	    (x->taken > 0 && x->etag[0] == '\0'))
		return false;
	if (was_refused(k)) {
		struct s3_refusal r = refusal_of(k);
		return s3_refusal_passes(&r);
	}
	return x->timed_out || k->c->reached;
}

static bool tries_again(struct calling *k)
{
	if (k->x->taken > k->taken)
		k->tries = 0;
	k->taken = k->x->taken;
	unsigned most = k->x->tries > 0 ? k->x->tries : TRIES_MAX;
	return may_pass(k) && ++k->tries < most;
}

/* The whole ----------------------------------------------------------------------*/

/* False with k->x->failed if that is the end of it. */
static bool exchange(struct calling *k)
{
	k->x->from = k->x->take != NULL ? k->x->taken : 0;
	k->said = (struct s3_answer){.kind = S3_ANSWER_OTHER};
	if (!s3_exchange_run(k->c, k->x, k->err))
		return false;
	k->c->reached = k->c->reached || k->x->status != 0;
	/* also a success can turn out to be none, in its body */
	return read_answer(k) && k->x->whole && k->said.kind != S3_ANSWER_ERROR;
}

static bool insist(struct calling *k)
{
	while (!exchange(k)) {
		if (k->x->failed)
			return false;
		if (moves_on(k) || takes_other_version(k))
			continue;
		if (!tries_again(k))
			return put_words(k);
		if (!s3_client_wait(k->c, (int64_t)FIRST_WAIT_US << (k->tries - 1),
				    k->err))
			return false;
	}
	return true;
}

/* Whether the version of the signature is known from now on. */
static void settle(struct calling *k, bool ok)
{
	struct s3_refusal r = refusal_of(k);
	bool refused = !ok && !k->x->failed && was_refused(k);
	if (ok || (refused && s3_refusal_took_signature(&r))) {
		k->c->settled = true;
	} else if (k->first.kind != ERROR_NONE) {
		k->c->version = 4;
		/* both were refused: what a newer store says is what helps */
		if (refused && s3_refusal_of_signature(&r))
			*k->err = k->first;
	}
}

/* Where nobody answers, it was no place to move to. */
static void settle_place(struct calling *k, const struct s3_place *before)
{
	if (k->moves > 0 && k->x->status == 0)
		k->c->place = *before;
}

bool s3_call(struct s3_client *c, struct s3_exchange *x, struct arena *arena,
	     struct s3_answer *said, struct error *err)
{
	struct calling k = {.c = c, .x = x, .err = err, .arena = arena};
	const struct s3_place before = c->place;
	if (arena == NULL)
		k.arena = arena_new(ERROR_ARENA_MAX);
	if (k.arena == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory for a request");
	bool ok = insist(&k);
	settle(&k, ok);
	settle_place(&k, &before);
	if (ok && said != NULL) {
		*said = k.said;
		ok = k.unread.kind == ERROR_NONE ||
		     error_set(err, ERROR_UNPROCESSABLE, "", "%s: %s", c->place.host,
			       k.unread.message);
	}
	if (arena == NULL)
		arena_free(k.arena);
	return ok;
}
