/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/doveadm.h"

#include "agent/reading.h"
#include "agent/tokens.h"
#include "agent/uplink-loop.h"
#include "base/crypto.h"

#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS 10000L
#define CONNECT_TIMEOUT_MS 2000L
#define BODY_MAX (256u * 1024)
#define ANSWER_MAX (64u * 1024)
#define ANSWER_ARENA (1024u * 1024)
#define URL_MAX 1024

struct doveadm {
	const struct agent_settings *settings;
	struct uplink_loop *loop;
	char key[TOKENS_MAX + 1];
	/* the request under way, or NULL */
	CURL *easy;
	struct curl_slist *headers;
	struct buf body, answer;
	char error[CURL_ERROR_SIZE];
	doveadm_done *done;
	void *ctx;
};

/* What is said --------------------------------------------------------------------*/

bool doveadm_may_name(struct str user)
{
	return user.n > 0 && str_find_char(user, '*') == user.n &&
	       str_find_char(user, '?') == user.n;
}

static void put_query(struct json_writer *w, const struct doveadm_user *u)
{
	json_put_key(w, STR("query"));
	json_put_array(w);
	json_put_string(w, STR("mailbox"));
	json_put_string(w, STR("INBOX"));
	json_put_string(w, STR("("));
	for (size_t i = 0; i < u->n; i++) {
		if (i > 0)
			json_put_string(w, STR("OR"));
		json_put_string(w, STR("GUID"));
		json_put_string(w, u->guids[i]);
	}
	json_put_string(w, STR(")"));
	json_put_array_end(w);
}

static void put_command(struct json_writer *w, struct str name,
			const struct doveadm_user *u)
{
	json_put_array(w);
	json_put_string(w, name);
	json_put_object(w);
	json_kv_string(w, "user", u->name);
	json_put_key(w, STR("flag"));
	json_put_array(w);
	json_put_string(w, STR("$Inlay"));
	json_put_array_end(w);
	put_query(w, u);
	json_put_object_end(w);
	json_put_string(w, STR("inlay"));
	json_put_array_end(w);
}

bool doveadm_write(struct buf *out, const struct doveadm_user *users, size_t n)
{
	struct json_writer w;
	json_writer_init(&w, out);
	json_put_array(&w);
	for (size_t i = 0; i < n; i++) {
		put_command(&w, STR("flagsRemove"), &users[i]);
		put_command(&w, STR("flagsAdd"), &users[i]);
	}
	json_put_array_end(&w);
	return buf_ok(out);
}

static bool skip_value(struct reading *g)
{
	enum json_event e = json_next(&g->r);
	return e != JSON_AT_ARRAY_END && e != JSON_AT_ERROR && json_skip(&g->r);
}

/* [["doveadmResponse",[],"inlay"],["error",{...},"inlay"],...] */
bool doveadm_read(struct str json, struct arena *arena, size_t *n_failed,
		  struct error *err)
{
	struct reading g = {.arena = arena, .err = err};
	enum json_event e;
	size_t n = 0;
	json_reader_init(&g.r, json, arena);
	if (json_next(&g.r) != JSON_AT_ARRAY)
		return reading_wrong(&g, "the answer");
	while ((e = json_next(&g.r)) == JSON_AT_ARRAY) {
		struct str kind;
		if (!reading_text(&g, &kind, "a command's answer"))
			return false;
		n += str_eq(kind, STR("error"));
		bool ok = skip_value(&g);
		ok = ok && skip_value(&g);
		if (!ok || json_next(&g.r) != JSON_AT_ARRAY_END)
			return reading_wrong(&g, "a command's answer");
	}
	if (e != JSON_AT_ARRAY_END)
		return reading_wrong(&g, "the answer");
	*n_failed = (n + 1) / 2; /* each user has two commands */
	return reading_end(&g);
}

/* The request ---------------------------------------------------------------------*/

static void end_request(struct doveadm *d)
{
	if (d->easy != NULL) {
		uplink_loop_remove(d->loop, d->easy);
		curl_easy_cleanup(d->easy);
	}
	d->easy = NULL;
	curl_slist_free_all(d->headers);
	d->headers = NULL;
	buf_free(&d->body);
	buf_free(&d->answer);
}

void doveadm_cancel(struct doveadm *d)
{
	end_request(d);
}

static void read_answer(struct doveadm *d, struct doveadm_answer *a)
{
	struct arena *arena = arena_new(ANSWER_ARENA);
	if (arena == NULL)
		error_set(&a->err, ERROR_MEMORY, "", "out of memory");
	if (arena == NULL ||
	    !doveadm_read(buf_str(&d->answer), arena, &a->n_failed, &a->err))
		a->status = 0;
	arena_free(arena);
}

static void on_done(void *mine, CURLcode code)
{
	struct doveadm *d = mine;
	struct doveadm_answer a = {0};
	long status = 0;
	curl_easy_getinfo(d->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK)
		a.status = (int)status;
	else
		error_set(&a.err,
			  code == CURLE_OPERATION_TIMEDOUT ? ERROR_TIMEOUT
							   : ERROR_UNAVAILABLE,
			  "", "%s",
			  d->error[0] != '\0' ? d->error : curl_easy_strerror(code));
	if (a.status == 200)
		read_answer(d, &a);
	end_request(d);
	d->done(d->ctx, &a);
}

static size_t take_body(char *data, size_t size, size_t n, void *ctx)
{
	struct doveadm *d = ctx;
	/* fewer than were given: libcurl ends the transfer */
	return buf_add(&d->answer, data, size * n) ? size * n : 0;
}

static bool add_header(struct doveadm *d, const char *text)
{
	struct curl_slist *longer = curl_slist_append(d->headers, text);
	if (longer == NULL)
		return false;
	d->headers = longer;
	return true;
}

static bool add_key(struct doveadm *d)
{
	struct buf line;
	buf_init(&line, 2 * TOKENS_MAX + 64);
	buf_add_str(&line, STR("Authorization: X-Dovecot-API "));
	bool ok = crypto_base64(&line, str_of(d->key)) && buf_cstr(&line) != NULL &&
		  add_header(d, line.p);
	if (line.p != NULL)
		crypto_wipe(line.p, line.n);
	buf_free(&line);
	return ok;
}

static bool set_options(struct doveadm *d)
{
	CURL *e = d->easy;
	char url[URL_MAX];
	int n = snprintf(url, sizeof url, "%.*s/doveadm/v1",
			 STR_ARG(d->settings->doveadm_url));
	d->error[0] = '\0';
	curl_easy_setopt(e, CURLOPT_PRIVATE, d);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, d->error);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_PROXY, ""); /* not that of the environment */
	curl_easy_setopt(e, CURLOPT_USERAGENT, "inlay-agent/" INLAY_VERSION);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, d);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, d->body.p);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)d->body.n);
	return n > 0 && (size_t)n < sizeof url && add_key(d) &&
	       add_header(d, "Content-Type: application/json") &&
	       add_header(d, "Expect:") &&
	       curl_easy_setopt(e, CURLOPT_HTTPHEADER, d->headers) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_URL, url) == CURLE_OK;
}

bool doveadm_wake(struct doveadm *d, const struct doveadm_user *users, size_t n,
		  doveadm_done *done, void *ctx)
{
	d->done = done;
	d->ctx = ctx;
	buf_init(&d->body, BODY_MAX);
	buf_init(&d->answer, ANSWER_MAX);
	CURL *easy = doveadm_write(&d->body, users, n) ? curl_easy_init() : NULL;
	d->easy = easy;
	if (easy != NULL && set_options(d) && uplink_loop_add(d->loop, easy))
		return true;
	end_request(d);
	return false;
}

/* ---------------------------------------------------------------------------------*/

bool doveadm_read_key(struct doveadm *d, struct error *err)
{
	return tokens_read_file(d->settings->doveadm_key_file.p, d->key, err);
}

struct doveadm *doveadm_new(struct ev_loop *loop, const struct agent_settings *settings,
			    struct error *err)
{
	struct doveadm *d = calloc(1, sizeof *d);
	if (d == NULL) {
		error_set(err, ERROR_MEMORY, "", "out of memory");
		return NULL;
	}
	const struct uplink_loop_config config = {
		.loop = loop, .connections = 1, .done = on_done};
	d->settings = settings;
	if (doveadm_read_key(d, err))
		d->loop = uplink_loop_new(&config, err);
	if (d->loop == NULL) {
		doveadm_free(d);
		return NULL;
	}
	return d;
}

void doveadm_free(struct doveadm *d)
{
	if (d == NULL)
		return;
	end_request(d);
	uplink_loop_free(d->loop);
	crypto_wipe(d->key, sizeof d->key);
	free(d);
}
