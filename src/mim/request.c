/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/request.h"

#include "base/json-tree.h"
#include "net/problem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define JSON_TYPE "application/json"

struct str request_query(const struct request *q, const char *name)
{
	for (size_t i = 0; i < q->n_query; i++)
		if (str_eqz(q->query[i].name, name))
			return q->query[i].value;
	return (struct str){NULL, 0};
}

bool request_limit(struct request *q, size_t otherwise, size_t max, size_t *limit)
{
	struct str text = request_query(q, "limit");
	uint64_t v;
	*limit = otherwise;
	if (text.p == NULL)
		return true;
	if (!str_to_u64(text, max, &v) || v == 0) {
		request_fail_with(q, ERROR_USAGE, "",
				  "the query's limit must be a number from 1 to %zu",
				  max);
		return false;
	}
	*limit = (size_t)v;
	return true;
}

bool request_flag(struct request *q, const char *name, bool *value)
{
	struct str text = request_query(q, name);
	*value = str_eqz(text, "true");
	if (text.p == NULL || *value || str_eqz(text, "false"))
		return true;
	request_fail_with(q, ERROR_USAGE, "", "the query's %s must be true or false",
			  name);
	return false;
}

json_t *request_json(struct request *q)
{
	struct error err;
	if (q->body.n == 0) {
		request_fail_with(q, ERROR_SYNTAX, "", "a JSON body is needed");
		return NULL;
	}
	json_t *v = json_tree_read(q->body, &err);
	if (v == NULL && err.kind == ERROR_SYNTAX)
		request_fail_with(q, err.kind, "", "the body is not JSON: %s",
				  err.message);
	else if (v == NULL)
		request_fail(q, &err);
	return v;
}

static void answer(struct request *q, int status, const char *type)
{
	assert(q->status == 0); /* exactly one answer */
	q->status = status;
	q->reply_type = type;
	q->send(q);
}

void request_reply_as(struct request *q, int status, const char *content_type)
{
	if (!buf_ok(&q->out)) {
		bool full = q->out.state == BUF_FULL;
		request_fail_with(q, full ? ERROR_INTERNAL : ERROR_MEMORY, "",
				  full ? "the answer is too large"
				       : "no memory for the answer");
		return;
	}
	answer(q, status, content_type);
}

void request_reply(struct request *q, int status)
{
	request_reply_as(q, status, JSON_TYPE);
}

bool request_reply_early(struct request *q)
{
	if (q->send_early == NULL || !buf_ok(&q->out))
		return false;
	assert(q->status == 0);
	q->status = 200;
	q->reply_type = JSON_TYPE;
	q->send_early(q);
	return true;
}

void request_reply_end(struct request *q, bool whole)
{
	if (!whole)
		q->status = 500; /* as it is counted */
	q->send_end(q, whole);
}

void request_reply_nothing(struct request *q)
{
	buf_clear(&q->out);
	answer(q, 204, NULL);
}

static void fail(struct request *q, const struct error *errors, size_t n,
		 size_t dropped)
{
	int status = error_kind_info(errors[0].kind)->http_status;
	buf_clear(&q->out);
	problem_write(&q->out, status, errors, n, dropped);
	if (!buf_ok(&q->out)) {
		buf_clear(&q->out);
		status = 503; /* not even memory to say so */
	}
	if (status == 503)
		request_header(q, "Retry-After", STR("1"));
	if (status == 401)
		request_header(q, "WWW-Authenticate", STR("Bearer"));
	if (status >= 500)
		log_error(q->mim->log, "http", "request failed  status=%d reason=%s",
			  status, errors[0].message);
	answer(q, status, PROBLEM_CONTENT_TYPE);
}

void request_fail(struct request *q, const struct error *err)
{
	fail(q, err, 1, 0);
}

void request_fail_all(struct request *q, const struct error_list *errors)
{
	const struct error nothing = {.kind = ERROR_MEMORY,
				      .message = "no memory for the errors found"};
	if (errors->n == 0)
		fail(q, &nothing, 1, 0);
	else
		fail(q, errors->items, errors->n, errors->dropped);
}

void request_fail_with(struct request *q, enum error_kind kind, const char *where,
		       const char *fmt, ...)
{
	struct error err;
	char text[sizeof err.message];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	error_set(&err, kind, where, "%s", text);
	request_fail(q, &err);
}

void request_header(struct request *q, const char *name, struct str value)
{
	struct str copy = arena_str(q->arena, value);
	if (copy.p == NULL || q->n_headers == REQUEST_MAX_HEADERS)
		return; /* headers only help; the answer stands without them */
	q->headers[q->n_headers++] = (struct request_pair){str_of(name), copy};
}
