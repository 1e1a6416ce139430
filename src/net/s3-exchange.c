/* SPDX-License-Identifier: Apache-2.0 */
#include "net/s3-client.h"

#include "base/clock.h"
#include "base/crypto.h"

#include <openssl/evp.h>
#include <stdio.h>

#define URL_MAX (S3_HOST_MAX + S3_BUCKET_MAX + 3 * OBJECT_KEY_MAX + S3_SIGN_MAX + 64)
#define HEAD_MAX ((size_t)64 * 1024)
#define LOOK_MS 200 /* between two looks at whether it is to stop */
#define HEADERS_OWN 5

/* One exchange, until its answer has ended. */
struct call {
	struct s3_client *c;
	struct s3_exchange *x;
	struct error *err;
	struct curl_slist *headers;
	size_t head_bytes;
	int64_t moved_us; /* when something came or went last */
	curl_off_t sent;
	bool in_place; /* what comes is the rest from x->from on */
	bool same;     /* of the object that the first success was of */
	bool chunked;  /* its end shows by itself */
	bool began;    /* the first piece of the body was there */
};

/* The answer ---------------------------------------------------------------------*/

/* Value of a header line, absent if it is another's. */
static struct str header_value(struct str line, struct str name)
{
	return str_ieq(str_slice(line, 0, name.n), name)
		       ? str_trim(str_slice(line, name.n, line.n))
		       : (struct str){NULL, 0};
}

/* "bytes 100-199/200": from there to the end of an object of this size (-1: any). */
static bool is_rest(struct str range, uint64_t from, int64_t size)
{
	static const struct str unit = STR_INIT("bytes ");
	uint64_t first, last, total;
	struct str rest = str_slice(range, unit.n, range.n);
	size_t dash = str_find_char(rest, '-'), slash = str_find_char(rest, '/');
	return str_starts(range, unit) && dash < slash &&
	       str_to_u64(str_slice(rest, 0, dash), INT64_MAX, &first) &&
	       str_to_u64(str_slice(rest, dash + 1, slash), INT64_MAX, &last) &&
	       str_to_u64(str_slice(rest, slash + 1, rest.n), INT64_MAX, &total) &&
	       first == from && last + 1 == total &&
	       (size < 0 || total == (uint64_t)size);
}

static void keep(char *to, size_t size, struct str value)
{
	if (value.n == 0 || value.n >= size)
		return;
	memcpy(to, value.p, value.n);
	to[value.n] = '\0';
}

static void note_clock(struct s3_exchange *x, struct str date)
{
	char text[64] = "";
	keep(text, sizeof text, date);
	time_t there = curl_getdate(text, NULL);
	if (there > 0)
		x->clock_ms = (int64_t)there * 1000 - clock_real_ms();
}

static void begin_answer(struct call *call)
{
	struct s3_exchange *x = call->x;
	curl_easy_getinfo(call->c->easy, CURLINFO_RESPONSE_CODE, &x->status);
	call->chunked = false; /* of the last answer only */
	call->in_place = x->from == 0;
	call->same = true;
}

static bool is_2xx(const struct s3_exchange *x)
{
	return x->status >= 200 && x->status < 300;
}

/* The first success names the object; what goes on must be of the same. */
static void note_etag(struct call *call, struct str etag)
{
	struct s3_exchange *x = call->x;
	if (etag.n == 0 || !is_2xx(x))
		return;
	if (x->from == 0)
		keep(x->etag, sizeof x->etag, etag);
	else
		call->same = str_eqz(etag, x->etag);
}

static size_t take_header(char *data, size_t size, size_t n, void *ctx)
{
	struct call *call = ctx;
	struct s3_exchange *x = call->x;
	struct str line = {data, size * n};
	call->moved_us = clock_mono_us();
	call->head_bytes += line.n;
	if (str_starts(line, STR("HTTP/")))
		begin_answer(call);
	if (str_ieq(header_value(line, STR("transfer-encoding:")), STR("chunked")))
		call->chunked = true;
	if (x->from > 0 &&
	    is_rest(header_value(line, STR("content-range:")), x->from, x->size))
		call->in_place = true;
	note_etag(call, header_value(line, STR("etag:")));
	keep(x->region, sizeof x->region,
	     header_value(line, STR("x-amz-bucket-region:")));
	if (header_value(line, STR("date:")).n > 0)
		note_clock(x, header_value(line, STR("date:")));
	return call->head_bytes > HEAD_MAX ? 0 : line.n;
}

/* Of an object all is due, or the rest of it. */
static bool is_success(const struct call *call)
{
	const struct s3_exchange *x = call->x;
	if (x->take == NULL)
		return is_2xx(x);
	return x->from > 0 ? x->status == 206 && call->in_place && call->same
			   : x->status == 200;
}

static void note_length(struct call *call)
{
	curl_off_t length = -1;
	curl_easy_getinfo(call->c->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	call->x->length = length;
}

/* An answer that may end anywhere cannot be told from one that was cut. */
static bool has_an_end(const struct call *call)
{
	return call->chunked || call->x->length >= 0;
}

static bool no_end(const struct call *call)
{
	return error_set(call->err, ERROR_UNAVAILABLE, "",
			 "%s does not say how long the object is", call->c->place.host);
}

static bool give(struct call *call, struct str bytes)
{
	struct s3_exchange *x = call->x;
	if (!call->began) {
		note_length(call);
		if (!has_an_end(call))
			return no_end(call);
		if (x->from == 0)
			x->size = x->length;
		call->began = true;
	}
	if (!x->take(x->ctx, bytes, call->err))
		return false;
	x->taken += bytes.n;
	return true;
}

static size_t take_body(char *data, size_t size, size_t n, void *ctx)
{
	struct call *call = ctx;
	struct s3_exchange *x = call->x;
	struct str bytes = {data, size * n};
	bool ok;
	if (x->take != NULL && is_success(call)) {
		ok = give(call, bytes);
		x->failed = !ok;
	} else if (x->take != NULL && is_2xx(x)) {
		ok = false; /* another part, or all of it once more */
	} else {
		ok = buf_add_str(&x->text, bytes);
	}
	/* the time that the taker took is not the store's */
	call->moved_us = clock_mono_us();
	return ok ? bytes.n : 0;
}

static int look_at_sent(void *ctx, curl_off_t of, curl_off_t got, curl_off_t to_send,
			curl_off_t sent)
{
	struct call *call = ctx;
	(void)of;
	(void)got;
	(void)to_send;
	if (sent != call->sent)
		call->moved_us = clock_mono_us();
	call->sent = sent;
	return 0;
}

/* The request --------------------------------------------------------------------*/

struct signing {
	struct s3_pair headers[S3_PAIRS_MAX];
	size_t n;
	char hash[2 * CRYPTO_SHA256_LEN + 1];
	char date[S3_DATE_LEN + 1], date2[CLOCK_RFC5322_LEN + 1];
	char range[64];
	struct buf md5;
};

static void add(struct signing *s, struct str name, struct str value)
{
	s->headers[s->n++] = (struct s3_pair){name, value};
}

/* Version 2 signs no hash of the body, but the header that may carry one (RFC 1864). */
static bool add_md5(struct signing *s, struct str body)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	if (EVP_Digest(body.p, body.n, md, &n, EVP_md5(), NULL) != 1)
		return true; /* a FIPS provider has none; the header may be absent */
	bool ok = crypto_base64(&s->md5, (struct str){(const char *)md, n});
	add(s, STR("content-md5"), buf_str(&s->md5));
	return ok;
}

static bool add_own(struct call *call, struct signing *s)
{
	const struct s3_exchange *x = call->x;
	uint8_t hash[CRYPTO_SHA256_LEN];
	int64_t now_ms = clock_real_ms();
	if (call->c->version == 2) {
		clock_format_rfc5322(s->date2, now_ms);
		add(s, STR("date"), str_of(s->date2));
		return x->body.n == 0 || add_md5(s, x->body);
	}
	s3_date(s->date, now_ms);
	crypto_sha256(x->body, hash);
	crypto_hex(s->hash, hash, sizeof hash);
	add(s, STR("x-amz-date"), str_of(s->date));
	add(s, STR("x-amz-content-sha256"), str_of(s->hash));
	return true;
}

static bool add_range(struct call *call, struct signing *s)
{
	if (call->x->from == 0)
		return true;
	snprintf(s->range, sizeof s->range, "bytes=%llu-",
		 (unsigned long long)call->x->from);
	return outgoing_add_header(&call->headers, "Range", str_of(s->range)) &&
	       outgoing_add_header(&call->headers, "If-Match", str_of(call->x->etag));
}

static bool send_headers(struct call *call, const struct signing *s)
{
	bool ok = outgoing_add_line(&call->headers, "Expect:") &&
		  outgoing_add_line(&call->headers, "Content-Type:");
	for (size_t i = 1; i < s->n; i++) /* libcurl sends the host itself */
		ok = ok && outgoing_add_header(&call->headers, s->headers[i].name.p,
					       s->headers[i].value);
	return ok;
}

static bool sign(struct call *call, struct str path, struct str resource)
{
	const struct s3_client *c = call->c;
	const struct s3_exchange *x = call->x;
	const struct s3_keys keys = {c->settings.access_key, c->settings.secret_key,
				     str_of(c->place.region)};
	struct signing s = {.n = 0};
	struct buf authorization;
	buf_init(&authorization, OUTGOING_HEADER_MAX);
	buf_init(&s.md5, 64);
	add(&s, STR("host"), str_of(c->place.host));
	bool ok = x->n_headers <= S3_PAIRS_MAX - HEADERS_OWN && add_own(call, &s);
	for (size_t i = 0; ok && i < x->n_headers; i++)
		add(&s, x->headers[i].name, x->headers[i].value);
	const struct s3_request r = {.method = x->method,
				     .path = path,
				     .resource = resource,
				     .query = x->query,
				     .n_query = x->n_query,
				     .headers = s.headers,
				     .n_headers = s.n};
	ok = ok &&
	     (c->version == 2 ? s3_sign_v2 : s3_sign_v4)(&authorization, &r, &keys) &&
	     outgoing_add_header(&call->headers, "Authorization",
				 buf_str(&authorization)) &&
	     send_headers(call, &s) && add_range(call, &s);
	buf_free(&authorization);
	buf_free(&s.md5);
	return ok;
}

static bool set_method(CURL *e, const struct s3_exchange *x)
{
	if (str_eqz(x->method, "HEAD"))
		return curl_easy_setopt(e, CURLOPT_NOBODY, 1L) == CURLE_OK;
	if (str_eqz(x->method, "GET"))
		return true;
	/* a literal: x->method is text with its end */
	if (curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, x->method.p) != CURLE_OK)
		return false;
	if (str_eqz(x->method, "DELETE"))
		return true;
	return curl_easy_setopt(e, CURLOPT_POSTFIELDS,
				x->body.p != NULL ? x->body.p : "") == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
				(curl_off_t)x->body.n) == CURLE_OK;
}

static void set_options(struct call *call)
{
	const struct object_s3_settings *s = &call->c->settings;
	CURL *e = call->c->easy;
	curl_easy_reset(e); /* connections stay */
	outgoing_prepare(e, &call->x->outgoing);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, 256L * 1024);
	curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)s->timeout_ms);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, call);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, look_at_sent);
	curl_easy_setopt(e, CURLOPT_XFERINFODATA, call);
}

static bool add_url(const struct call *call, struct str path, struct buf *url)
{
	const struct s3_exchange *x = call->x;
	s3_place_root(&call->c->place, url);
	buf_add_str(url, path);
	if (x->n_query > 0)
		buf_add_char(url, '?');
	return s3_query_write(url, x->query, x->n_query);
}

static bool prepare(struct call *call)
{
	struct s3_client *c = call->c;
	struct buf path, resource, url;
	buf_init(&path, URL_MAX);
	buf_init(&resource, URL_MAX);
	buf_init(&url, URL_MAX);
	set_options(call);
	bool ok = s3_place_path(&c->place, call->x->key, &path) &&
		  s3_place_resource(&c->place, &resource) &&
		  add_url(call, buf_str(&path), &url) &&
		  sign(call, buf_str(&path), buf_str(&resource)) &&
		  set_method(c->easy, call->x);
	const char *text = buf_cstr(&url);
	ok = ok && text != NULL &&
	     curl_easy_setopt(c->easy, CURLOPT_URL, text) == CURLE_OK &&
	     curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK;
	buf_free(&path);
	buf_free(&resource);
	buf_free(&url);
	call->x->failed = !ok;
	return ok || error_set(call->err, ERROR_MEMORY, "",
			       "no memory for a request, or it is too large");
}

/* The exchange -------------------------------------------------------------------*/

bool s3_client_stops(const struct s3_client *c, struct error *err)
{
	const struct object_s3_settings *s = &c->settings;
	if (c->until_us > 0 && clock_mono_us() > c->until_us)
		return !error_set(err, ERROR_TIMEOUT, "",
				  "%s has not answered all within %lld seconds",
				  c->place.host, (long long)(s->within_ms / 1000));
	return s->stops != NULL && s->stops(s->stops_ctx) &&
	       !error_set(err, ERROR_UNAVAILABLE, "", "the middleware stops");
}

bool s3_client_wait(const struct s3_client *c, int64_t us, struct error *err)
{
	int64_t until = clock_mono_us() + us;
	while (!s3_client_stops(c, err)) {
		int64_t left_ms = (until - clock_mono_us()) / 1000;
		if (left_ms <= 0)
			return true;
		curl_multi_poll(c->multi, NULL, 0,
				left_ms < LOOK_MS ? (int)left_ms : LOOK_MS, NULL);
	}
	return false;
}

static bool goes_on(struct call *call)
{
	struct s3_exchange *x = call->x;
	int64_t most_us = call->c->settings.timeout_ms * 1000;
	x->failed = x->failed || s3_client_stops(call->c, call->err);
	x->timed_out = clock_mono_us() - call->moved_us > most_us;
	return !x->failed && !x->timed_out;
}

/* Until the answer has ended, somehow. */
static CURLcode run(struct call *call)
{
	const struct s3_client *c = call->c;
	CURLcode code = CURLE_ABORTED_BY_CALLBACK;
	int running = 1, left;
	call->moved_us = clock_mono_us();
	if (curl_multi_add_handle(c->multi, c->easy) != CURLM_OK)
		return CURLE_OUT_OF_MEMORY;
	while (running > 0 && goes_on(call)) {
		if (curl_multi_perform(c->multi, &running) != CURLM_OK)
			break;
		if (running > 0)
			curl_multi_poll(c->multi, NULL, 0, LOOK_MS, NULL);
	}
	for (CURLMsg *m; (m = curl_multi_info_read(c->multi, &left)) != NULL;)
		if (m->msg == CURLMSG_DONE)
			code = m->data.result;
	curl_multi_remove_handle(c->multi, c->easy);
	return code;
}

static void clear(struct s3_exchange *x)
{
	x->status = 0;
	x->length = -1;
	x->region[0] = '\0';
	x->clock_ms = 0;
	x->whole = x->other = x->timed_out = x->failed = false;
	x->times++;
	if (x->taken == 0) {
		x->etag[0] = '\0';
		x->size = -1;
	}
	x->outgoing.error[0] = '\0';
	x->outgoing.refused = false;
	buf_clear(&x->text);
}

bool s3_exchange_run(struct s3_client *c, struct s3_exchange *x, struct error *err)
{
	struct call call = {.c = c, .x = x, .err = err};
	clear(x);
	x->code = CURLE_OK;
	if (prepare(&call)) {
		x->code = run(&call);
		note_length(&call);
		x->whole = x->code == CURLE_OK && is_success(&call);
		x->other = x->take != NULL && is_2xx(x) && !is_success(&call);
	}
	if (x->whole && x->take != NULL && !has_an_end(&call))
		x->failed = !no_end(&call);
	if (x->text.state == BUF_NOMEM && !x->failed)
		x->failed =
			!error_set(err, ERROR_MEMORY, "", "no memory for an answer");
	curl_slist_free_all(call.headers);
	return !x->failed;
}

void s3_exchange_init(struct s3_exchange *x, const struct s3_client *c)
{
	*x = (struct s3_exchange){.method = STR("GET"),
				  .tries = c->settings.tries,
				  .outgoing = {.ca_file = c->settings.ca_file,
					       .allowed = c->settings.allowed,
					       .restricted = c->settings.restricted}};
	buf_init(&x->text, S3_ANSWER_MAX);
}

void s3_exchange_free(struct s3_exchange *x)
{
	buf_free(&x->text);
}
