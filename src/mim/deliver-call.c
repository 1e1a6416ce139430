/* SPDX-License-Identifier: Apache-2.0 */
/* One request to a conversion point. */
#include "base/clock.h"
#include "mim/deliver-internal.h"
#include "model/retry.h"

#include <stdio.h>
#include <stdlib.h>

#define SECRET_MAX 1024

/* The answer ---------------------------------------------------------------------*/

static size_t take_header(char *data, size_t size, size_t n, void *ctx)
{
	static const struct str name = STR_INIT("retry-after:");
	struct deliver_call *c = ctx;
	struct str line = {data, size * n};
	int64_t wait_ms;
	c->head_bytes += line.n;
	if (c->head_bytes > DELIVER_ANSWER_MAX)
		return 0; /* libcurl ends it */
	if (str_starts(line, STR("HTTP/")))
		c->retry_after_ms = -1; /* of the last answer only */
	if (str_ieq(str_slice(line, 0, name.n), name) &&
	    retry_after_parse(str_slice(line, name.n, line.n), clock_real_ms(),
			      &wait_ms))
		c->retry_after_ms = wait_ms;
	return line.n;
}

/* Nothing of it is kept. */
static size_t take_body(char *data, size_t size, size_t n, void *ctx)
{
	struct deliver_call *c = ctx;
	(void)data;
	c->body_bytes += size * n;
	c->cut = c->body_bytes > DELIVER_ANSWER_MAX;
	return c->cut ? 0 : size * n;
}

void deliver_call_end(struct deliver_call *c, CURLcode code)
{
	char why[STORE_ERROR_MAX + 1];
	long status = 0;
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	/* too long an answer is cut, but what it says on its first line counts */
	bool answered = code == CURLE_OK || c->cut;
	if (answered && status >= 200 && status < 300) {
		deliver_sent(c);
	} else {
		if (answered && status >= 300 && status < 400)
			snprintf(why, sizeof why,
				 "HTTP %ld: redirects are not followed", status);
		else if (answered)
			snprintf(why, sizeof why, "HTTP %ld", status);
		else if (c->outgoing.refused)
			snprintf(why, sizeof why, "the host " OUTGOING_REFUSED);
		else
			snprintf(why, sizeof why, "%.*s", STORE_ERROR_MAX,
				 outgoing_why(&c->outgoing, code));
		deliver_failed(c, why);
	}
	deliver_call_free(c);
}

void deliver_call_free(struct deliver_call *c)
{
	struct deliver_queue *q = c->queue;
	for (struct deliver_call **at = &q->calls; *at != NULL; at = &(*at)->next)
		if (*at == c) {
			*at = c->next;
			q->n_calls--;
			q->n_rows -= c->n_rows;
			q->deliver->n_calls--;
			curl_multi_remove_handle(q->deliver->multi, c->easy);
			break;
		}
	if (c->easy != NULL)
		curl_easy_cleanup(c->easy);
	curl_slist_free_all(c->headers);
	buf_free(&c->body);
	free(c);
}

/* The request --------------------------------------------------------------------*/

static bool sign(struct deliver_call *c, const struct conversion_point *point,
		 const char *id, struct buf *signature, int64_t now_s)
{
	struct buf key;
	buf_init(&key, SECRET_MAX);
	/* one stored before secrets were checked signs with its bytes */
	if (!webhook_key(&key, point->secret, NULL)) {
		buf_clear(&key);
		buf_add_str(&key, point->secret);
	}
	bool ok =
		buf_ok(&key) && webhook_signature(signature, buf_str(&key), str_of(id),
						  now_s, buf_str(&c->body));
	if (key.p != NULL)
		crypto_wipe(key.p, key.n);
	buf_free(&key);
	return ok;
}

static bool set_webhook(struct deliver_call *c, const struct conversion_point *point,
			const struct delivery *events, size_t n)
{
	char id[WEBHOOK_ID_LEN + 1], time[24];
	int64_t now_s = clock_real_ms() / 1000;
	struct buf signature, url;
	buf_init(&signature, WEBHOOK_SIGNATURE_MAX);
	buf_init(&url, DELIVER_URL_MAX);
	webhook_id(id, events, n);
	snprintf(time, sizeof time, "%lld", (long long)now_s);
	bool ok = webhook_body(&c->body, events, n) &&
		  sign(c, point, id, &signature, now_s) &&
		  outgoing_add_header(&c->headers, "Content-Type",
				      STR("application/json")) &&
		  outgoing_add_header(&c->headers, "webhook-id", str_of(id)) &&
		  outgoing_add_header(&c->headers, "webhook-timestamp", str_of(time)) &&
		  outgoing_add_header(&c->headers, "webhook-signature",
				      buf_str(&signature)) &&
		  outgoing_add_line(&c->headers, "Expect:") && /* no 100-continue */
		  buf_add_str(&url, point->url) && buf_add_char(&url, '\0') &&
		  curl_easy_setopt(c->easy, CURLOPT_URL, url.p) == CURLE_OK;
	buf_free(&signature);
	buf_free(&url);
	if (!ok)
		return false;
	curl_easy_setopt(c->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, c->body.p);
	curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body.n);
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
	return true;
}

static bool set_ongage(struct deliver_call *c, const struct conversion_point *point,
		       const struct delivery *event)
{
	struct buf url;
	buf_init(&url, DELIVER_URL_MAX);
	bool ok = delivery_url(&url, point->url, event) && buf_add_char(&url, '\0') &&
		  curl_easy_setopt(c->easy, CURLOPT_URL, url.p) == CURLE_OK;
	buf_free(&url);
	return ok;
}

static void set_options(struct deliver_call *c)
{
	const struct deliver_settings *s = &c->queue->deliver->settings;
	CURL *e = c->easy;
	outgoing_prepare(e, &c->outgoing);
	curl_easy_setopt(e, CURLOPT_PRIVATE, c);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)s->timeout_ms);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)s->connect_timeout_ms);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
}

static void put_under_way(struct deliver_call *c)
{
	struct deliver_queue *q = c->queue;
	c->next = q->calls;
	q->calls = c;
	q->n_calls++;
	q->n_rows += c->n_rows;
	q->deliver->n_calls++;
}

struct deliver_call *deliver_call_start(struct deliver_queue *q,
					const struct conversion_point *point,
					const struct delivery *events, size_t n,
					const struct deliver_row *rows,
					struct error *err)
{
	struct deliver_call *c = calloc(1, sizeof *c);
	if (c == NULL) {
		error_set(err, ERROR_MEMORY, "", "no memory for a call");
		return NULL;
	}
	c->queue = q;
	c->round = q->round;
	c->outgoing = (struct outgoing){
		.ca_file = q->deliver->settings.ca_file,
		.allowed = &q->deliver->settings.allowed,
		.restricted = point->restricted,
	};
	c->retry_after_ms = -1;
	c->n_rows = n;
	memcpy(c->rows, rows, n * sizeof *rows);
	buf_init(&c->body, DELIVER_BODY_MAX);
	c->easy = curl_easy_init();
	bool ok = c->easy != NULL;
	if (ok)
		set_options(c);
	ok = ok &&
	     (point->type == CONVERSION_POINT_WEBHOOK ? set_webhook(c, point, events, n)
						      : set_ongage(c, point, events)) &&
	     curl_multi_add_handle(q->deliver->multi, c->easy) == CURLM_OK;
	if (ok) {
		put_under_way(c);
		return c;
	}
	error_set(err, ERROR_MEMORY, "", "no memory for a call, or it is too large");
	deliver_call_free(c);
	return NULL;
}
