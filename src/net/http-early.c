/* SPDX-License-Identifier: Apache-2.0 */
/* Answers in two steps. The length is told from the beginning, so that a client that
 * got no last byte knows it; meanwhile the connection is suspended, as it is while an
 * answer is awaited. */
#include "net/http-internal.h"

/* Bytes that libmicrohttpd asks for at once. */
#define BLOCK_MAX (32u * 1024)

/* Calls of libmicrohttpd's, on the connection's thread, until all is sent or the
 * connection ends: the connection has its reference to the call as long. */
static ssize_t read_some(void *ctx, uint64_t pos, char *to, size_t max)
{
	struct call *c = ctx;
	size_t last = c->early.n - 1;
	ssize_t n = 0;
	if (pos < last) {
		size_t some = last - (size_t)pos < max ? last - (size_t)pos : max;
		memcpy(to, c->early.p + pos, some);
		return (ssize_t)some;
	}
	pthread_mutex_lock(&c->lock);
	if (c->tail == TAIL_SENT) {
		to[0] = c->early.p[last];
		n = 1;
	} else if (c->tail == TAIL_CUT) {
		n = MHD_CONTENT_READER_END_WITH_ERROR;
	} else {
		c->tail_suspended = true;
		MHD_suspend_connection(c->mhd);
	}
	pthread_mutex_unlock(&c->lock);
	return n;
}

/* NULL without memory: the connection is closed then. */
static struct MHD_Response *make_response(struct call *c, const char *content_type,
					  struct str body)
{
	buf_init(&c->early, body.n + 1);
	if (!buf_reserve(&c->early, body.n + 1) || !buf_add_str(&c->early, body) ||
	    !buf_add_char(&c->early, '\n'))
		return NULL;
	size_t block = c->early.n < BLOCK_MAX ? c->early.n : BLOCK_MAX;
	struct MHD_Response *r = MHD_create_response_from_callback(c->early.n, block,
								   read_some, c, NULL);
	if (r != NULL && content_type != NULL)
		MHD_add_response_header(r, "Content-Type", content_type);
	return r;
}

void http_respond_early(struct http_request *rq, unsigned status,
			const char *content_type, struct str body)
{
	struct call *c = (struct call *)rq;
	struct MHD_Response *r = make_response(c, content_type, body);
	pthread_mutex_lock(&c->lock);
	if (c->state != CALL_ANSWERED)
		c->tail = TAIL_AWAITED;
	pthread_mutex_unlock(&c->lock);
	call_settle(c, r, status);
}

bool early_end(struct call *c, enum tail how)
{
	pthread_mutex_lock(&c->lock);
	bool awaited = c->tail == TAIL_AWAITED;
	if (awaited) {
		c->tail = how;
		if (c->tail_suspended)
			MHD_resume_connection(c->mhd);
		c->tail_suspended = false;
	}
	pthread_mutex_unlock(&c->lock);
	return awaited;
}

void http_respond_end(struct http_request *rq, bool whole)
{
	struct call *c = (struct call *)rq;
	early_end(c, whole ? TAIL_SENT : TAIL_CUT);
	call_unref(c);
}
