/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/uplink.h"

#include "agent/uplink-loop.h"
#include "base/crypto.h"

#include <stdio.h>
#include <stdlib.h>

#define AREA "uplink"
#define URL_MAX 1024
#define CONNECT_TIMEOUT_MS 2000L
#define RETRY_AFTER_MAX 900 /* seconds */

struct uplink_call {
	struct uplink *u;
	struct uplink_call *next, *previous;
	CURL *easy;
	struct curl_slist *headers;
	struct buf body, answer;
	size_t url; /* which of the settings' */
	uplink_done *done, *early;
	bool is_early; /* the last byte only is missing, and nobody was told yet */
	void *ctx;
	char error[CURL_ERROR_SIZE];
};

struct uplink {
	struct uplink_loop *loop;
	const struct agent_settings *settings;
	struct uplink_limits limits;
	const struct tokens *tokens;
	struct log *log;
	size_t url; /* the one in use */
	bool down;  /* the last request had no answer: said once */
	struct uplink_call *calls;
	size_t n_early; /* of them is_early */
};

enum uplink_verdict uplink_judge(int status)
{
	if (status == 200)
		return UPLINK_DONE;
	/* the body is at fault, not the way or the time */
	if (status == 400 || status == 413 || status == 415 || status == 422)
		return UPLINK_REFUSED;
	return UPLINK_LATER;
}

static void free_call(struct uplink_call *c)
{
	if (c->easy != NULL)
		curl_easy_cleanup(c->easy);
	curl_slist_free_all(c->headers);
	buf_free(&c->body);
	buf_free(&c->answer);
	free(c);
}

static void unlink_call(struct uplink_call *c)
{
	struct uplink *u = c->u;
	uplink_loop_remove(u->loop, c->easy);
	if (c->previous != NULL)
		c->previous->next = c->next;
	else
		u->calls = c->next;
	if (c->next != NULL)
		c->next->previous = c->previous;
	u->n_early -= c->is_early;
}

void uplink_cancel(struct uplink_call *c)
{
	if (c == NULL)
		return;
	unlink_call(c);
	free_call(c);
}

/* Says so when MIM goes and when it comes back, and goes on to the next one. */
static void note_reachable(struct uplink *u, const struct uplink_call *c, bool reached)
{
	struct str url = u->settings->urls[c->url];
	if (!reached) {
		if (!u->down)
			log_warn(u->log, AREA, "MIM does not answer  url=%.*s error=%s",
				 STR_ARG(url), c->error);
		u->down = true;
		if (c->url == u->url)
			u->url = (u->url + 1) % u->settings->n_urls;
	} else if (u->down) {
		u->down = false;
		log_info(u->log, AREA, "MIM answers again  url=%.*s", STR_ARG(url));
	}
}

/* When to come again, as far as a server may say so. */
static uint32_t retry_after(CURL *easy)
{
	curl_off_t s = 0;
	curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &s);
	return s < 1 ? 1 : s > RETRY_AFTER_MAX ? RETRY_AFTER_MAX : (uint32_t)s;
}

static bool lacks_one_byte(struct uplink_call *c)
{
	curl_off_t whole = -1;
	long status = 0;
	curl_easy_getinfo(c->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &whole);
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	return status == 200 && whole == (curl_off_t)c->answer.n + 1;
}

static void finish(void *ctx, CURLcode code)
{
	struct uplink_call *c = ctx;
	struct uplink_answer answer = {0};
	long status = 0;
	/* MIM took back what it had begun to say: it is there */
	bool is_cut_off = code == CURLE_PARTIAL_FILE && lacks_one_byte(c);
	unlink_call(c);
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	if (c->error[0] == '\0')
		snprintf(c->error, sizeof c->error, "%s", curl_easy_strerror(code));
	if (code == CURLE_OK) {
		answer.status = (int)status;
		if (status == 503 || status == 429)
			answer.retry_after = retry_after(c->easy);
		answer.body = buf_str(&c->answer);
	} else if (c->answer.state == BUF_FULL) {
		error_set(&answer.err, ERROR_TOO_LARGE, "", "the answer is too long");
	} else {
		error_set(&answer.err,
			  code == CURLE_OPERATION_TIMEDOUT ? ERROR_TIMEOUT
							   : ERROR_UNAVAILABLE,
			  "", "%s", c->error);
	}
	note_reachable(c->u, c,
		       code == CURLE_OK || answer.err.kind == ERROR_TOO_LARGE ||
			       is_cut_off);
	c->done(c->ctx, &answer);
	free_call(c);
}

static void tell_early(struct uplink_call *c)
{
	struct uplink_answer answer = {.status = 200, .body = buf_str(&c->answer)};
	uplink_done *early = c->early;
	c->is_early = false;
	c->early = NULL;
	c->u->n_early--;
	early(c->ctx, &answer);
}

/* libcurl must not be called from within its callbacks, so this is for behind them.
 * Whoever is told may cancel any call. */
static void take_early(void *ctx)
{
	struct uplink *u = ctx;
	while (u->n_early > 0) {
		struct uplink_call *c = u->calls;
		while (!c->is_early)
			c = c->next;
		tell_early(c);
	}
}

struct uplink *uplink_new(struct ev_loop *loop, const struct agent_settings *settings,
			  const struct uplink_limits *limits,
			  const struct tokens *tokens, struct log *log,
			  struct error *err)
{
	struct uplink *u = calloc(1, sizeof *u);
	if (u == NULL) {
		error_set(err, ERROR_MEMORY, "", "out of memory");
		return NULL;
	}
	const struct uplink_loop_config config = {.loop = loop,
						  .connections = limits->connections,
						  .done = finish,
						  .moved = take_early,
						  .ctx = u};
	u->settings = settings;
	u->limits = *limits;
	u->tokens = tokens;
	u->log = log;
	u->loop = uplink_loop_new(&config, err);
	if (u->loop == NULL) {
		free(u);
		return NULL;
	}
	return u;
}

void uplink_free(struct uplink *u)
{
	if (u == NULL)
		return;
	struct uplink_call *next;
	for (struct uplink_call *c = u->calls; c != NULL; c = next) {
		next = c->next;
		uplink_cancel(c);
	}
	uplink_loop_free(u->loop);
	free(u);
}

bool uplink_has_tenant(const struct uplink *u, struct str tenant)
{
	return tokens_of(u->tokens, tenant) != NULL;
}

static size_t take_body(char *data, size_t size, size_t n, void *ctx)
{
	struct uplink_call *c = ctx;
	/* fewer than were given: libcurl ends the transfer */
	if (!buf_add(&c->answer, data, size * n))
		return 0;
	bool is_early = c->early != NULL && lacks_one_byte(c);
	c->u->n_early += (size_t)is_early - (size_t)c->is_early;
	c->is_early = is_early;
	return size * n;
}

void uplink_want_early(struct uplink_call *c, uplink_done *early)
{
	c->early = early;
}

/* MIM lets a connection that it refused rest: what is asked on it next waits, for
 * whichever mail user it is. It is not used again. */
static size_t take_head(char *data, size_t size, size_t n, void *ctx)
{
	struct uplink_call *c = ctx;
	long status = 0;
	(void)data;
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 503)
		curl_easy_setopt(c->easy, CURLOPT_FORBID_REUSE, 1L);
	return size * n;
}

static bool add_header(struct uplink_call *c, const char *text)
{
	struct curl_slist *longer = curl_slist_append(c->headers, text);
	if (longer == NULL)
		return false;
	c->headers = longer;
	return true;
}

static bool set_headers(struct uplink_call *c, const char *token)
{
	char authorization[TOKENS_MAX + 32];
	snprintf(authorization, sizeof authorization, "Authorization: Bearer %s",
		 token);
	bool ok = add_header(c, authorization);
	if (c->body.p != NULL)
		ok = ok && add_header(c, "Content-Type: application/json") &&
		     add_header(c, "Expect:");
	crypto_wipe(authorization, sizeof authorization);
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
	return ok;
}

static bool set_url(struct uplink_call *c, struct str tenant, const char *path)
{
	char url[URL_MAX];
	int n = snprintf(url, sizeof url, "%.*s/api/tenants/%.*s/dovecot/%s",
			 STR_ARG(c->u->settings->urls[c->url]), STR_ARG(tenant), path);
	return n > 0 && (size_t)n < sizeof url &&
	       curl_easy_setopt(c->easy, CURLOPT_URL, url) == CURLE_OK;
}

static void set_options(struct uplink_call *c)
{
	const struct agent_settings *s = c->u->settings;
	CURL *e = c->easy;
	curl_easy_setopt(e, CURLOPT_PRIVATE, c);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->error);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_PROXY, ""); /* not that of the environment */
	curl_easy_setopt(e, CURLOPT_USERAGENT, "inlay-agent/" INLAY_VERSION);
	long timeout_ms = (long)c->u->limits.timeout_ms;
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, timeout_ms);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
			 timeout_ms < CONNECT_TIMEOUT_MS ? timeout_ms
							 : CONNECT_TIMEOUT_MS);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_head);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, c);
	if (s->ca_file.n > 0)
		curl_easy_setopt(e, CURLOPT_CAINFO, s->ca_file.p);
	if (c->body.p != NULL) {
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, c->body.p);
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body.n);
	}
}

struct uplink_call *uplink_send(struct uplink *u, struct str tenant, const char *path,
				struct buf *body, size_t max_answer, uplink_done *done,
				void *ctx)
{
	const char *token = tokens_of(u->tokens, tenant);
	struct uplink_call *c = token != NULL ? calloc(1, sizeof *c) : NULL;
	if (c == NULL)
		return NULL;
	c->u = u;
	c->url = u->url;
	c->done = done;
	c->ctx = ctx;
	buf_init(&c->answer, max_answer);
	buf_init(&c->body, 0);
	if (body != NULL) {
		c->body = *body;
		buf_init(body, c->body.max);
	}
	c->easy = curl_easy_init();
	if (c->easy == NULL || !set_url(c, tenant, path) || !set_headers(c, token)) {
		free_call(c);
		return NULL;
	}
	set_options(c);
	if (!uplink_loop_add(u->loop, c->easy)) {
		free_call(c);
		return NULL;
	}
	c->next = u->calls;
	if (u->calls != NULL)
		u->calls->previous = c;
	u->calls = c;
	return c;
}
