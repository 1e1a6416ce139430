/* SPDX-License-Identifier: Apache-2.0 */
#include "net/s3-refusal.h"

#define CLOCK_OFF_MS INT64_C(60000) /* worth a word */
#define MESSAGE_MAX 120

enum {
	PASSES = 1,
	OF_SIGNATURE = 2,
	ELSEWHERE = 4, /* with the region that it named */
	OF_CLOCK = 8,
	OF_OBJECT = 16, /* with the key, else with the bucket */
	OF_BUCKET = 32,
	OF_RIGHTS = 64,
	TAKEN = 128, /* the signature was */
};

static const struct known {
	const char *code;
	unsigned flags;
	enum error_kind kind;
	const char *words;
} all[] = {
	{"InvalidAccessKeyId", 0, ERROR_UNPROCESSABLE,
	 "the access key is not known there"},
	{"SignatureDoesNotMatch", OF_SIGNATURE, ERROR_UNPROCESSABLE,
	 "the secret key is not that of the access key"},
	{"AccessDenied", OF_SIGNATURE | OF_RIGHTS, ERROR_FORBIDDEN, "no permission"},
	{"AllAccessDisabled", 0, ERROR_UNPROCESSABLE, "all access is disabled"},
	{"InvalidToken", 0, ERROR_UNPROCESSABLE,
	 "the access key needs a session's token"},
	{"RequestTimeTooSkewed", OF_CLOCK, ERROR_UNPROCESSABLE, "the clocks differ"},
	{"AccessForbidden", 0, ERROR_UNPROCESSABLE, "no permission"},
	{"NoSuchBucket", OF_BUCKET, ERROR_UNPROCESSABLE, "there is no bucket"},
	{"InvalidBucketName", OF_BUCKET, ERROR_UNPROCESSABLE,
	 "no bucket can be called"},
	{"NoSuchKey", OF_OBJECT | TAKEN, ERROR_NOT_FOUND, "is not there"},
	{"NoSuchUpload", TAKEN, ERROR_CONFLICT, "the upload is not known any more"},
	{"PreconditionFailed", OF_OBJECT | TAKEN, ERROR_CONFLICT,
	 "has changed while it was read"},
	{"InvalidRange", OF_OBJECT | TAKEN, ERROR_CONFLICT,
	 "cannot be taken up where it broke off"},
	{"PermanentRedirect", ELSEWHERE, ERROR_UNPROCESSABLE,
	 "the bucket is elsewhere"},
	{"TemporaryRedirect", ELSEWHERE, ERROR_UNPROCESSABLE,
	 "the bucket is elsewhere"},
	{"AuthorizationHeaderMalformed", ELSEWHERE | OF_SIGNATURE, ERROR_UNPROCESSABLE,
	 "the region is not that of the bucket"},
	{"IllegalLocationConstraintException", ELSEWHERE, ERROR_UNPROCESSABLE,
	 "the region is not that of the bucket"},
	{"InvalidObjectState", OF_OBJECT | TAKEN, ERROR_UNPROCESSABLE,
	 "is archived and must be restored first"},
	{"EntityTooLarge", OF_OBJECT, ERROR_UNPROCESSABLE, "is too large for it"},
	{"QuotaExceeded", 0, ERROR_UNPROCESSABLE, "the quota is used up"},
	{"InvalidRequest", OF_SIGNATURE, ERROR_UNPROCESSABLE, NULL},
	{"InvalidArgument", OF_SIGNATURE, ERROR_UNPROCESSABLE, NULL},
	{"NotImplemented", OF_SIGNATURE, ERROR_UNPROCESSABLE, NULL},
	{"SlowDown", PASSES, ERROR_UNAVAILABLE, "it has too much to do"},
	{"ServiceUnavailable", PASSES, ERROR_UNAVAILABLE, "it has too much to do"},
	{"InternalError", PASSES, ERROR_UNAVAILABLE, "it has a fault of its own"},
	{"RequestTimeout", PASSES, ERROR_UNAVAILABLE, "what was sent came too slowly"},
	{"OperationAborted", PASSES, ERROR_UNAVAILABLE,
	 "somebody else changes the same"},
};

/* A status that no code explains: of HEAD, of a proxy. */
static const struct {
	long from, to;
	struct known meaning;
} statuses[] = {
	{300, 399, {"", ELSEWHERE, ERROR_UNPROCESSABLE, "the bucket is elsewhere"}},
	{403,
	 403,
	 {"", OF_SIGNATURE, ERROR_UNPROCESSABLE,
	  "a wrong access or secret key, no permission, or clocks that differ"}},
	{404, 404, {"", OF_OBJECT, ERROR_NOT_FOUND, "is not there"}},
	{408, 408, {"", PASSES, ERROR_UNAVAILABLE, "what was sent came too slowly"}},
	{412, 412, {"", OF_OBJECT, ERROR_CONFLICT, "has changed while it was read"}},
	{416,
	 416,
	 {"", OF_OBJECT, ERROR_CONFLICT, "cannot be taken up where it broke off"}},
	{429, 429, {"", PASSES, ERROR_UNAVAILABLE, "it has too much to do"}},
	{501, 501, {"", OF_SIGNATURE, ERROR_UNPROCESSABLE, NULL}},
	{500, 599, {"", PASSES, ERROR_UNAVAILABLE, NULL}},
	{0, 999, {"", 0, ERROR_UNPROCESSABLE, NULL}},
};

static const struct known *meaning_of(const struct s3_refusal *r)
{
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (r->code.n > 0 && str_eqz(r->code, all[i].code))
			return &all[i];
	size_t i = 0;
	while (r->status < statuses[i].from || r->status > statuses[i].to)
		i++; /* the last one is for all */
	return &statuses[i].meaning;
}

bool s3_refusal_passes(const struct s3_refusal *r)
{
	return (meaning_of(r)->flags & PASSES) != 0;
}

bool s3_refusal_of_signature(const struct s3_refusal *r)
{
	return (meaning_of(r)->flags & OF_SIGNATURE) != 0;
}

bool s3_refusal_took_signature(const struct s3_refusal *r)
{
	return (meaning_of(r)->flags & TAKEN) != 0;
}

/* Words --------------------------------------------------------------------------*/

/* What it said itself, in short and in whole characters. */
static struct str short_of(struct str s)
{
	size_t n = s.n < MESSAGE_MAX ? s.n : MESSAGE_MAX;
	while (n < s.n && n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return str_slice(s, 0, n);
}

static bool off_clock(const struct s3_refusal *r, struct error *err)
{
	int64_t off = r->clock_ms < 0 ? -r->clock_ms : r->clock_ms;
	if (off < CLOCK_OFF_MS)
		return error_set(err, ERROR_UNPROCESSABLE, "",
				 "%.*s: its clock and this machine's differ too much",
				 STR_ARG(r->host));
	return error_set(err, ERROR_UNPROCESSABLE, "",
			 "%.*s: this machine's clock is %lld seconds %s its own",
			 STR_ARG(r->host), (long long)(off / 1000),
			 r->clock_ms > 0 ? "behind" : "ahead of");
}

static bool elsewhere(const struct s3_refusal *r, const char *words, struct error *err)
{
	if (r->region.n > 0)
		return error_set(err, ERROR_UNPROCESSABLE, "",
				 "%.*s: %s, in region \"%.*s\" instead of \"%.*s\"",
				 STR_ARG(r->host), words, STR_ARG(short_of(r->region)),
				 STR_ARG(r->own_region));
	if (r->endpoint.n > 0)
		return error_set(err, ERROR_UNPROCESSABLE, "",
				 "%.*s: %s, at endpoint \"%.*s\"", STR_ARG(r->host),
				 words, STR_ARG(short_of(r->endpoint)));
	return error_set(err, ERROR_UNPROCESSABLE, "", "%.*s: %s (HTTP %ld)",
			 STR_ARG(r->host), words, r->status);
}

static bool unknown(const struct s3_refusal *r, const struct known *k,
		    struct error *err)
{
	if (r->code.n == 0)
		return error_set(err, k->kind, "", "%.*s answers HTTP %ld",
				 STR_ARG(r->host), r->status);
	return error_set(err, k->kind, "", "%.*s answers HTTP %ld, %.*s: %.*s",
			 STR_ARG(r->host), r->status, STR_ARG(short_of(r->code)),
			 STR_ARG(short_of(r->message)));
}

bool s3_refusal_words(const struct s3_refusal *r, struct error *err)
{
	const struct known *k = meaning_of(r);
	if (k->words == NULL)
		return unknown(r, k, err);
	if (k->flags & OF_CLOCK)
		return off_clock(r, err);
	if (k->flags & ELSEWHERE)
		return elsewhere(r, k->words, err);
	if (k->flags & OF_RIGHTS && r->key.n > 0)
		/* who may not list is not told what is not there either */
		return error_set(err, k->kind, "",
				 "%.*s: no permission for \"%.*s\", or it is not there",
				 STR_ARG(r->host), STR_ARG(short_of(r->key)));
	if (k->flags & OF_BUCKET)
		return error_set(err, k->kind, "", "%.*s: %s \"%.*s\"",
				 STR_ARG(r->host), k->words, STR_ARG(r->bucket));
	if (k->flags & OF_OBJECT && r->key.n > 0)
		return error_set(err, k->kind, "", "%.*s %s", STR_ARG(short_of(r->key)),
				 k->words);
	if (k->flags & OF_OBJECT)
		return error_set(err, k->kind, "", "bucket \"%.*s\" %s",
				 STR_ARG(r->bucket), k->words);
	return error_set(err, k->kind, "", "%.*s: %s", STR_ARG(r->host), k->words);
}
