/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of an S3 store: their answers go on piece by piece, so that memory does not
 * depend on the object. What breaks off is taken up where it ended, of the same version
 * of the object, a few times; never is a part passed on as whole. */
#include "base/clock.h"
#include "base/crypto.h"
#include "net/object-store-internal.h"
#include "net/outgoing.h"
#include "net/s3-sign.h"

#include <stdio.h>
#include <stdlib.h>

#define ENDPOINT_MAX 2048
#define URL_MAX (ENDPOINT_MAX + 3 * OBJECT_KEY_MAX + 1024)
#define HEAD_MAX ((size_t)64 * 1024)
#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DEFAULT_REGION "us-east-1"
#define ETAG_MAX 256
#define TRIES_MAX 5
#define FIRST_WAIT_US 250000 /* doubled with each try in vain */
#define LOOK_MS 200          /* between two looks at whether it is to stop */

struct object_s3 {
	struct object_store store;
	struct object_s3_settings settings;
	struct s3_keys keys;
	char root[ENDPOINT_MAX + 16]; /* "https://host:port" */
	struct str host; /* in it, without a port that goes without saying */
	CURLM *multi;
	CURL *easy;
};

/* One request, until its answer has ended. */
struct call {
	const struct object_s3 *s3;
	object_fn *take;
	void *ctx;
	struct error *err;
	struct curl_slist *headers;
	size_t head_bytes;
	int64_t moved_us; /* when something came last */
	uint64_t done;    /* bytes that were taken, by all requests */
	uint64_t from;    /* where this request begins */
	unsigned tries;   /* since something was taken last */
	char etag[ETAG_MAX];
	bool answered; /* there is a status */
	bool in_place; /* what comes begins at `from` */
	bool chunked;  /* its end shows by itself */
	bool began;    /* the first piece of the body was there */
	bool failed;   /* *err says why */
	struct outgoing outgoing;
};

/* The answer ---------------------------------------------------------------------*/

static long status_of(const struct call *c)
{
	long status = 0;
	if (!c->answered)
		return 0;
	curl_easy_getinfo(c->s3->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* Value of a header line, absent if it is another's. */
static struct str header_value(struct str line, struct str name)
{
	return str_ieq(str_slice(line, 0, name.n), name)
		       ? str_trim(str_slice(line, name.n, line.n))
		       : (struct str){NULL, 0};
}

/* "bytes 100-199/200" */
static bool begins_at(struct str range, uint64_t at)
{
	static const struct str unit = STR_INIT("bytes ");
	uint64_t first;
	struct str rest = str_slice(range, unit.n, range.n);
	return str_starts(range, unit) &&
	       str_to_u64(str_slice(rest, 0, str_find_char(rest, '-')), UINT64_MAX,
			  &first) &&
	       first == at;
}

static size_t take_header(char *data, size_t size, size_t n, void *ctx)
{
	struct call *c = ctx;
	struct str line = {data, size * n};
	c->moved_us = clock_mono_us();
	c->head_bytes += line.n;
	if (str_starts(line, STR("HTTP/"))) {
		c->answered = true;
		c->chunked = false; /* of the last answer only */
		c->in_place = c->from == 0;
	}
	if (str_ieq(header_value(line, STR("transfer-encoding:")), STR("chunked")))
		c->chunked = true;
	if (begins_at(header_value(line, STR("content-range:")), c->from))
		c->in_place = true;
	struct str etag = header_value(line, STR("etag:"));
	if (etag.n > 0 && etag.n < sizeof c->etag && c->from == 0) {
		memcpy(c->etag, etag.p, etag.n);
		c->etag[etag.n] = '\0';
	}
	return c->head_bytes > HEAD_MAX ? 0 : line.n;
}

/* The status of an answer that goes on where it shall. */
static long right_status(const struct call *c)
{
	return c->from == 0 ? 200 : 206;
}

/* An answer that may end anywhere cannot be told from one that was cut. */
static bool has_an_end(const struct call *c)
{
	curl_off_t length = -1;
	curl_easy_getinfo(c->s3->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	return c->chunked || length >= 0;
}

static bool no_end(const struct call *c)
{
	return error_set(c->err, ERROR_UNAVAILABLE, "",
			 "%.*s does not say how long the object is",
			 STR_ARG(c->s3->host));
}

static size_t take_body(char *data, size_t size, size_t n, void *ctx)
{
	struct call *c = ctx;
	struct str bytes = {data, size * n};
	if (status_of(c) != right_status(c) || !c->in_place)
		return 0; /* what an error says is not read: its status is */
	if (!c->began && !has_an_end(c))
		c->failed = !no_end(c);
	c->began = true;
	if (!c->failed && !c->take(c->ctx, bytes, c->err))
		c->failed = true;
	if (!c->failed) {
		c->done += bytes.n;
		c->tries = 0;
	}
	/* the time that the taker took is not the store's */
	c->moved_us = clock_mono_us();
	return c->failed ? 0 : bytes.n;
}

/* The request --------------------------------------------------------------------*/

/* "/bucket/key" */
static bool add_path(const struct object_s3 *s, struct buf *out, struct str key)
{
	return s3_key_write(out, s->settings.bucket) && s3_key_write(out, key);
}

static bool sign(struct call *c, struct str path)
{
	const struct object_s3 *s = c->s3;
	char date[S3_DATE_LEN + 1], date2[CLOCK_RFC5322_LEN + 1];
	int64_t now_ms = clock_real_ms();
	bool v2 = s->settings.signature_version == 2;
	struct buf authorization;
	s3_date(date, now_ms);
	clock_format_rfc5322(date2, now_ms);
	const struct s3_pair headers[] = {
		{STR("host"), s->host},
		v2 ? (struct s3_pair){STR("date"), str_of(date2)}
		   : (struct s3_pair){STR("x-amz-date"), str_of(date)},
		{STR("x-amz-content-sha256"), STR(EMPTY_SHA256)},
	};
	const struct s3_request r = {.method = STR("GET"),
				     .path = path,
				     .headers = headers,
				     .n_headers = v2 ? 2 : 3};
	buf_init(&authorization, OUTGOING_HEADER_MAX);
	bool ok = (v2 ? s3_sign_v2 : s3_sign_v4)(&authorization, &r, &s->keys) &&
		  outgoing_add_header(&c->headers, "Authorization",
				      buf_str(&authorization));
	for (size_t i = 1; i < r.n_headers; i++)
		ok = ok && outgoing_add_header(&c->headers, headers[i].name.p,
					       headers[i].value);
	if (c->from > 0) {
		char range[64];
		snprintf(range, sizeof range, "bytes=%llu-",
			 (unsigned long long)c->from);
		ok = ok && outgoing_add_header(&c->headers, "Range", str_of(range)) &&
		     outgoing_add_header(&c->headers, "If-Match", str_of(c->etag));
	}
	buf_free(&authorization);
	return ok;
}

static void set_options(struct call *c)
{
	const struct object_s3_settings *s = &c->s3->settings;
	CURL *e = c->s3->easy;
	curl_easy_reset(e); /* connections stay */
	outgoing_prepare(e, &c->outgoing);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, 256L * 1024);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)s->timeout_ms);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
}

static bool prepare(struct call *c, struct str key)
{
	const struct object_s3 *s = c->s3;
	struct buf path, url;
	buf_init(&path, URL_MAX);
	buf_init(&url, URL_MAX);
	set_options(c);
	bool ok = add_path(s, &path, key) && buf_add_str(&url, str_of(s->root)) &&
		  buf_add_str(&url, buf_str(&path)) && sign(c, buf_str(&path));
	const char *text = buf_cstr(&url);
	ok = ok && text != NULL &&
	     curl_easy_setopt(s->easy, CURLOPT_URL, text) == CURLE_OK &&
	     curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, c->headers) == CURLE_OK;
	buf_free(&path);
	buf_free(&url);
	return ok || error_set(c->err, ERROR_MEMORY, "",
			       "no memory for a request, or it is too large");
}

static bool goes_on(struct call *c)
{
	const struct object_s3_settings *s = &c->s3->settings;
	if (s->stops != NULL && s->stops(s->stops_ctx))
		c->failed = !error_set(c->err, ERROR_UNAVAILABLE, "",
				       "the middleware stops");
	else if (clock_mono_us() - c->moved_us > s->timeout_ms * 1000)
		c->failed = !error_set(c->err, ERROR_TIMEOUT, "",
				       "nothing came from %.*s for %lld seconds",
				       STR_ARG(c->s3->host),
				       (long long)(s->timeout_ms / 1000));
	return !c->failed;
}

/* Until the answer has ended, somehow. */
static CURLcode run(struct call *c)
{
	const struct object_s3 *s = c->s3;
	CURLcode code = CURLE_ABORTED_BY_CALLBACK;
	int running = 1, left;
	c->moved_us = clock_mono_us();
	if (curl_multi_add_handle(s->multi, s->easy) != CURLM_OK)
		return CURLE_OUT_OF_MEMORY;
	while (running > 0 && goes_on(c)) {
		if (curl_multi_perform(s->multi, &running) != CURLM_OK)
			break;
		if (running > 0)
			curl_multi_poll(s->multi, NULL, 0, LOOK_MS, NULL);
	}
	for (CURLMsg *m; (m = curl_multi_info_read(s->multi, &left)) != NULL;)
		if (m->msg == CURLMSG_DONE)
			code = m->data.result;
	curl_multi_remove_handle(s->multi, s->easy);
	return code;
}

/* What a status means; the body of an error is not asked. */
static bool refused(const struct call *c, struct str key, long status)
{
	if (status == 404)
		return error_set(c->err, ERROR_NOT_FOUND, "",
				 "%.*s is not there, or there is no bucket \"%.*s\"",
				 STR_ARG(key), STR_ARG(c->s3->settings.bucket));
	if (status == 412)
		return error_set(c->err, ERROR_CONFLICT, "",
				 "%.*s has changed while it was read", STR_ARG(key));
	if (status == 403)
		return error_set(c->err, ERROR_UNPROCESSABLE, "",
				 "%.*s refuses (HTTP 403): a wrong access or secret "
				 "key, no permission, or clocks that differ",
				 STR_ARG(c->s3->host));
	if (status >= 300 && status < 400)
		return error_set(c->err, ERROR_UNPROCESSABLE, "",
				 "%.*s answers HTTP %ld: the bucket is elsewhere",
				 STR_ARG(c->s3->host), status);
	return error_set(c->err,
			 status >= 500 ? ERROR_UNAVAILABLE : ERROR_UNPROCESSABLE, "",
			 "%.*s answers HTTP %ld", STR_ARG(c->s3->host), status);
}

static bool judge(const struct call *c, struct str key, CURLcode code)
{
	long status = status_of(c);
	if (c->failed)
		return false; /* the taker, the clock, or a stop */
	/* an error's body is cut by us */
	if (status != 0 && (status != right_status(c) || !c->in_place))
		return refused(c, key, status);
	if (code == CURLE_OK)
		return has_an_end(c) || no_end(c);
	if (c->outgoing.refused)
		return error_set(c->err, ERROR_UNPROCESSABLE, "",
				 "%.*s " OUTGOING_REFUSED, STR_ARG(c->s3->host));
	return error_set(c->err, ERROR_UNAVAILABLE, "", "%.*s: %s",
			 STR_ARG(c->s3->host), outgoing_why(&c->outgoing, code));
}

/* Is it worth another try? Nobody knows what a part without an ETag is a part of. */
static bool may_go_on(struct call *c, CURLcode code)
{
	long status = status_of(c);
	if (c->failed || c->outgoing.refused || ++c->tries > TRIES_MAX)
		return false;
	if (c->done > 0 && c->etag[0] == '\0')
		return false;
	if (status >= 500)
		return true;
	/* it began, and broke off or cannot be reached any more */
	return c->done > 0 && code != CURLE_OK &&
	       (status == 0 || (status == right_status(c) && c->in_place));
}

/* False if it is to stop. */
static bool wait_a_while(struct call *c)
{
	int64_t until = clock_mono_us() + ((int64_t)FIRST_WAIT_US << (c->tries - 1));
	do {
		c->moved_us = clock_mono_us();
		if (!goes_on(c))
			return false;
		curl_multi_poll(c->s3->multi, NULL, 0, LOOK_MS, NULL);
	} while (clock_mono_us() < until);
	return true;
}

/* One request, from where the last one ended. */
static bool ask(struct call *c, struct str key, CURLcode *code)
{
	c->from = c->done;
	c->answered = c->began = c->in_place = false;
	c->head_bytes = 0;
	c->outgoing.error[0] = '\0';
	curl_slist_free_all(c->headers);
	c->headers = NULL;
	if (!prepare(c, key))
		return false;
	*code = run(c);
	return true;
}

static bool s3_read(struct object_store *store, struct str key, object_fn *take,
		    void *ctx, struct error *err)
{
	const struct object_s3 *s = (const struct object_s3 *)store;
	struct call c = {.s3 = s,
			 .take = take,
			 .ctx = ctx,
			 .err = err,
			 .outgoing = {.ca_file = s->settings.ca_file,
				      .allowed = s->settings.allowed,
				      .restricted = s->settings.restricted}};
	CURLcode code = CURLE_OK;
	bool ok = ask(&c, key, &code);
	while (ok && may_go_on(&c, code) && wait_a_while(&c))
		ok = ask(&c, key, &code);
	ok = ok && judge(&c, key, code);
	curl_slist_free_all(c.headers);
	return ok;
}

/* The store ----------------------------------------------------------------------*/

static void s3_close(struct object_store *store)
{
	struct object_s3 *s = (struct object_s3 *)store;
	if (s->easy != NULL)
		curl_easy_cleanup(s->easy);
	if (s->multi != NULL)
		curl_multi_cleanup(s->multi);
	free(s);
}

static const struct object_backend backend = {s3_read, s3_close};

static bool is_host(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = str_lower_char(s.p[i]);
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
		      c == '-' || c == ':' || c == '[' || c == ']'))
			return false;
	}
	return s.n > 0;
}

/* "https://host:port/", or without scheme, which means https. */
static bool set_endpoint(struct object_s3 *s, struct str endpoint, struct error *err)
{
	bool https = !str_starts(endpoint, STR("http://"));
	struct str scheme = https ? STR("https://") : STR("http://");
	struct str port = https ? STR(":443") : STR(":80");
	if (str_starts(endpoint, scheme))
		endpoint = str_slice(endpoint, scheme.n, endpoint.n);
	if (str_ends(endpoint, STR("/")))
		endpoint.n--;
	if (str_ends(endpoint, port))
		endpoint.n -= port.n; /* libcurl does not send it */
	if (!is_host(endpoint) || endpoint.n > ENDPOINT_MAX)
		return error_set(err, ERROR_UNPROCESSABLE, "",
				 "the endpoint must be a host, perhaps with scheme and "
				 "port, and no path");
	memcpy(s->root, scheme.p, scheme.n);
	memcpy(s->root + scheme.n, endpoint.p, endpoint.n);
	s->host = (struct str){s->root + scheme.n, endpoint.n};
	return true;
}

struct object_store *object_store_s3(const struct object_s3_settings *settings,
				     struct error *err)
{
	struct object_s3 *s = calloc(1, sizeof *s);
	if (s == NULL) {
		error_set(err, ERROR_MEMORY, "", "no memory");
		return NULL;
	}
	s->store.backend = &backend;
	s->settings = *settings;
	s->keys = (struct s3_keys){settings->access_key, settings->secret_key,
				   settings->region.n > 0 ? settings->region
							  : STR(DEFAULT_REGION)};
	s->multi = curl_multi_init();
	s->easy = curl_easy_init();
	bool ok = (s->multi != NULL && s->easy != NULL) ||
		  error_set(err, ERROR_MEMORY, "", "no memory");
	if (ok && set_endpoint(s, settings->endpoint, err))
		return &s->store;
	s3_close(&s->store);
	return NULL;
}
