/* SPDX-License-Identifier: Apache-2.0 */
#include "net/s3-sign.h"

#include "base/crypto.h"

#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define SERVICE "s3"
#define DAY_LEN 8 /* 20130524 */

void s3_date(char out[S3_DATE_LEN + 1], int64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	struct tm t;
	gmtime_r(&s, &t);
	snprintf(out, S3_DATE_LEN + 1, "%04u%02u%02uT%02u%02u%02uZ",
		 (unsigned)(t.tm_year + 1900) % 10000, (unsigned)(t.tm_mon + 1) % 100,
		 (unsigned)t.tm_mday % 100, (unsigned)t.tm_hour % 100,
		 (unsigned)t.tm_min % 100, (unsigned)t.tm_sec % 100);
}

bool s3_key_write(struct buf *out, struct str key)
{
	struct str part;
	while (str_next_part(&key, '/', &part)) {
		buf_add_char(out, '/');
		buf_add_percent(out, part);
	}
	return buf_ok(out);
}

bool s3_query_write(struct buf *out, const struct s3_pair *query, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_char(out, '&');
		buf_add_percent(out, query[i].name);
		if (query[i].value.p != NULL) {
			buf_add_char(out, '=');
			buf_add_percent(out, query[i].value);
		}
	}
	return buf_ok(out);
}

static struct str header(const struct s3_request *r, struct str name)
{
	for (size_t i = 0; i < r->n_headers; i++)
		if (str_eq(r->headers[i].name, name))
			return r->headers[i].value;
	return (struct str){NULL, 0};
}

static int by_name(const void *a, const void *b)
{
	const struct s3_pair *x = a, *y = b;
	int d = str_cmp(x->name, y->name);
	return d != 0 ? d : str_cmp(x->value, y->value);
}

/* A sorted copy; false if there are too many. */
static bool sorted(const struct s3_pair *from, size_t n,
		   struct s3_pair to[S3_PAIRS_MAX])
{
	if (n > S3_PAIRS_MAX)
		return false;
	if (n > 0)
		memcpy(to, from, n * sizeof *to);
	qsort(to, n, sizeof *to, by_name);
	return true;
}

/* Version 4 ----------------------------------------------------------------------*/

/* The names of parameters that we send are all unreserved, so that they sort as they
 * are; a value follows "=" always. */
static bool add_query_v4(struct buf *out, const struct s3_request *r)
{
	struct s3_pair pairs[S3_PAIRS_MAX];
	if (!sorted(r->query, r->n_query, pairs))
		return false;
	for (size_t i = 0; i < r->n_query; i++)
		if (pairs[i].value.p == NULL)
			pairs[i].value = STR("");
	return s3_query_write(out, pairs, r->n_query);
}

static void add_names(struct buf *out, const struct s3_pair *headers, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_char(out, ';');
		buf_add_str(out, headers[i].name);
	}
}

static bool add_canonical(struct buf *out, const struct s3_request *r,
			  const struct s3_pair *headers)
{
	buf_add_str(out, r->method);
	buf_add_char(out, '\n');
	buf_add_str(out, r->path);
	buf_add_char(out, '\n');
	if (!add_query_v4(out, r))
		return false;
	buf_add_char(out, '\n');
	for (size_t i = 0; i < r->n_headers; i++) {
		buf_add_str(out, headers[i].name);
		buf_add_char(out, ':');
		buf_add_str(out, headers[i].value);
		buf_add_char(out, '\n');
	}
	buf_add_char(out, '\n');
	add_names(out, headers, r->n_headers);
	buf_add_char(out, '\n');
	return buf_add_str(out, header(r, STR("x-amz-content-sha256")));
}

static struct str mac_str(const uint8_t mac[CRYPTO_SHA256_LEN])
{
	return (struct str){(const char *)mac, CRYPTO_SHA256_LEN};
}

/* A key for one day, one region, this service. */
static bool signing_key(const struct s3_keys *k, struct str day,
			uint8_t out[CRYPTO_SHA256_LEN])
{
	const struct str steps[] = {k->region, STR(SERVICE), STR("aws4_request")};
	uint8_t next[CRYPTO_SHA256_LEN];
	struct buf first;
	buf_init(&first, k->secret_key.n + 4);
	buf_add(&first, "AWS4", 4);
	bool ok = buf_add_str(&first, k->secret_key);
	crypto_hmac_sha256(buf_str(&first), day, out);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		crypto_hmac_sha256(mac_str(out), steps[i], next);
		memcpy(out, next, sizeof next);
	}
	if (first.p != NULL)
		crypto_wipe(first.p, first.n);
	buf_free(&first);
	crypto_wipe(next, sizeof next);
	return ok;
}

static void add_scope(struct buf *out, const struct s3_keys *k, struct str day)
{
	buf_add_str(out, day);
	buf_add_char(out, '/');
	buf_add_str(out, k->region);
	buf_add_str(out, STR("/" SERVICE "/aws4_request"));
}

static bool sign_canonical(struct buf *text, const struct s3_keys *k, struct str date,
			   char out[2 * CRYPTO_SHA256_LEN + 1])
{
	struct str day = str_slice(date, 0, DAY_LEN);
	uint8_t hash[CRYPTO_SHA256_LEN], key[CRYPTO_SHA256_LEN];
	char hex[2 * CRYPTO_SHA256_LEN + 1];
	crypto_sha256(buf_str(text), hash);
	crypto_hex(hex, hash, sizeof hash);
	buf_clear(text);
	buf_add_str(text, STR(ALGORITHM "\n"));
	buf_add_str(text, date);
	buf_add_char(text, '\n');
	add_scope(text, k, day);
	buf_add_char(text, '\n');
	bool ok = buf_add(text, hex, sizeof hex - 1) && signing_key(k, day, key);
	if (!ok)
		return false;
	crypto_hmac_sha256(mac_str(key), buf_str(text), hash);
	crypto_hex(out, hash, sizeof hash);
	crypto_wipe(key, sizeof key);
	return true;
}

bool s3_sign_v4(struct buf *out, const struct s3_request *r, const struct s3_keys *k)
{
	struct s3_pair headers[S3_PAIRS_MAX];
	char signature[2 * CRYPTO_SHA256_LEN + 1];
	struct str date = header(r, STR("x-amz-date"));
	struct buf text;
	if (date.n != S3_DATE_LEN || header(r, STR("x-amz-content-sha256")).n == 0 ||
	    header(r, STR("host")).n == 0 || !sorted(r->headers, r->n_headers, headers))
		return false;
	buf_init(&text, S3_SIGN_MAX);
	bool ok = add_canonical(&text, r, headers) &&
		  sign_canonical(&text, k, date, signature);
	buf_free(&text);
	if (!ok)
		return false;
	buf_add_str(out, STR(ALGORITHM " Credential="));
	buf_add_str(out, k->access_key);
	buf_add_char(out, '/');
	add_scope(out, k, str_slice(date, 0, DAY_LEN));
	buf_add_str(out, STR(",SignedHeaders="));
	add_names(out, headers, r->n_headers);
	buf_add_str(out, STR(",Signature="));
	return buf_add_str(out, str_of(signature));
}

/* Version 2 ----------------------------------------------------------------------*/

/* Of the query, only these are signed. */
static const char *const signed_parameters[] = {
	"acl",
	"delete",
	"lifecycle",
	"location",
	"partNumber",
	"policy",
	"response-content-type",
	"uploadId",
	"uploads",
	"versionId",
	"versioning",
	"versions",
};

static bool is_signed(struct str name)
{
	for (size_t i = 0; i < sizeof signed_parameters / sizeof *signed_parameters;
	     i++)
		if (str_eqz(name, signed_parameters[i]))
			return true;
	return false;
}

static bool add_resource(struct buf *out, const struct s3_request *r)
{
	struct s3_pair pairs[S3_PAIRS_MAX];
	char sep = '?';
	if (!sorted(r->query, r->n_query, pairs))
		return false;
	buf_add_str(out, r->resource);
	buf_add_str(out, r->path);
	for (size_t i = 0; i < r->n_query; i++) {
		if (!is_signed(pairs[i].name))
			continue;
		buf_add_char(out, sep);
		buf_add_str(out, pairs[i].name);
		if (pairs[i].value.n > 0) {
			buf_add_char(out, '=');
			buf_add_str(out, pairs[i].value); /* not encoded */
		}
		sep = '&';
	}
	return buf_ok(out);
}

static bool add_text_v2(struct buf *out, const struct s3_request *r)
{
	static const struct str amz = STR_INIT("x-amz-");
	struct s3_pair headers[S3_PAIRS_MAX];
	bool amz_date = header(r, STR("x-amz-date")).n > 0;
	if (!sorted(r->headers, r->n_headers, headers) ||
	    (!amz_date && header(r, STR("date")).n == 0))
		return false;
	buf_add_str(out, r->method);
	buf_add_char(out, '\n');
	buf_add_str(out, header(r, STR("content-md5")));
	buf_add_char(out, '\n');
	buf_add_str(out, header(r, STR("content-type")));
	buf_add_char(out, '\n');
	if (!amz_date)
		buf_add_str(out, header(r, STR("date")));
	buf_add_char(out, '\n');
	for (size_t i = 0; i < r->n_headers; i++) {
		if (!str_starts(headers[i].name, amz))
			continue;
		buf_add_str(out, headers[i].name);
		buf_add_char(out, ':');
		buf_add_str(out, headers[i].value);
		buf_add_char(out, '\n');
	}
	return add_resource(out, r);
}

static bool add_signature_v2(struct buf *out, struct str secret, struct str text)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	if (secret.n > INT32_MAX)
		return false;
	return HMAC(EVP_sha1(), secret.p != NULL ? secret.p : "", (int)secret.n,
		    (const unsigned char *)text.p, text.n, mac, &n) != NULL &&
	       crypto_base64(out, (struct str){(const char *)mac, n});
}

bool s3_sign_v2(struct buf *out, const struct s3_request *r, const struct s3_keys *k)
{
	struct buf text;
	buf_init(&text, S3_SIGN_MAX);
	bool ok = add_text_v2(&text, r);
	buf_add_str(out, STR("AWS "));
	buf_add_str(out, k->access_key);
	buf_add_char(out, ':');
	ok = ok && add_signature_v2(out, k->secret_key, buf_str(&text));
	buf_free(&text);
	return ok && buf_ok(out);
}
