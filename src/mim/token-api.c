/* SPDX-License-Identifier: Apache-2.0 */
/* /api/tokens: list, make, revoke. */
#include "base/json.h"
#include "mim/handlers.h"
#include "model/fields.h"

#include <stdio.h>

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000

static void put_token(struct json_writer *w, const struct token *t, const char *text)
{
	char scope[TOKEN_SCOPE_MAX];
	token_scope_text(&t->who, scope);
	json_put_object(w);
	json_kv_string(w, "id", str_of(t->who.id));
	json_kv_string(w, "scope", str_of(scope));
	json_kv_bool(w, "service", t->who.service);
	if (t->name[0] != '\0')
		json_kv_string(w, "name", str_of(t->name));
	json_kv_time(w, "createdAt", t->created_ms);
	if (text != NULL)
		json_kv_string(w, "token", str_of(text));
	json_put_object_end(w);
}

static void list(struct request *q)
{
	size_t limit;
	struct json_writer w;
	struct str after = request_query(q, "after");
	if (!request_limit(q, LIMIT_DEFAULT, LIMIT_MAX, &limit))
		return;
	struct token *items = arena_array(q->arena, limit, sizeof *items);
	if (items == NULL) {
		request_fail_with(q, ERROR_MEMORY, "", "no memory for the list");
		return;
	}
	size_t n = tokens_list(q->mim->tokens, after, limit, items);
	json_writer_init(&w, &q->out);
	json_put_array(&w);
	for (size_t i = 0; i < n; i++)
		put_token(&w, &items[i], NULL);
	json_put_array_end(&w);
	request_reply(q, 200);
}

static const struct field new_token_fields[] = {
	{"scope", FIELD_TEXT, offsetof(struct token_document, scope), true, 1,
	 TOKEN_SCOPE_MAX, NULL},
	{"service", FIELD_BOOL, offsetof(struct token_document, service), false, 0, 0,
	 NULL},
	{"name", FIELD_TEXT, offsetof(struct token_document, name), false, 0, 256,
	 NULL},
};

static bool read_body(struct request *q, struct token *out)
{
	struct token_document d = {0};
	struct error_list errors;
	json_t *body = request_json(q);
	if (body == NULL)
		return false;
	error_list_init(&errors, 10);
	fields_read(body, "", new_token_fields,
		    sizeof new_token_fields / sizeof new_token_fields[0], &d, q->arena,
		    &errors);
	json_decref(body);
	*out = (struct token){.created_ms = q->now_ms};
	if (d.scope.p != NULL && !token_scope_parse(d.scope, &out->who))
		error_list_add(
			&errors, ERROR_BAD_VALUE, "/scope",
			"scope must be admin, monitor, tenant:{id}, read:{id} or "
			"dovecot:{id}");
	out->who.service = d.service;
	snprintf(out->name, sizeof out->name, "%.*s", STR_ARG(d.name));
	bool ok = error_list_empty(&errors);
	if (!ok)
		request_fail_all(q, &errors);
	error_list_free(&errors);
	return ok;
}

static void make(struct request *q)
{
	struct token t;
	struct error err;
	struct json_writer w;
	char text[TOKEN_TEXT_MAX + 1], scope[TOKEN_SCOPE_MAX];
	if (!read_body(q, &t))
		return;
	if (!tokens_make(q->mim->tokens, &t, text, &err)) {
		request_fail(q, &err);
		return;
	}
	token_scope_text(&t.who, scope);
	log_info(q->mim->log, "token", "made  id=%s scope=%s service=%d by=%s",
		 t.who.id, scope, t.who.service, q->who.id);
	json_writer_init(&w, &q->out);
	put_token(&w, &t, text);
	crypto_wipe(text, sizeof text);
	request_header(q, "Location",
		       arena_printf(q->arena, "/api/tokens/%s", t.who.id));
	request_header(q, "Cache-Control", STR("no-store"));
	request_reply(q, 201);
}

static void revoke(struct request *q)
{
	struct error err;
	if (!tokens_revoke(q->mim->tokens, q->params[0], &err)) {
		request_fail(q, &err);
		return;
	}
	log_info(q->mim->log, "token", "revoked  id=%.*s by=%s", STR_ARG(q->params[0]),
		 q->who.id);
	request_reply_nothing(q);
}

static const struct route rows[] = {
	{"GET", "/api/tokens", ROUTE_ADMIN, ROUTE_BLOCKING, list, 0},
	{"POST", "/api/tokens", ROUTE_ADMIN, ROUTE_BLOCKING, make, 0},
	{"DELETE", "/api/tokens/{tokenId}", ROUTE_ADMIN, ROUTE_BLOCKING, revoke, 0},
};
const struct route_table token_routes = ROUTE_TABLE(rows);
