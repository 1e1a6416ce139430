/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 for the daemons: libmicrohttpd (epoll, a pool of threads) with what it
 * leaves out: absolute deadlines for the head, the body, the answer and its sending;
 * a body within a limit; messages refused that two parsers might read differently
 * (RFC 9112 sections 3.2 and 6.3: duplicate Content-Length, Content-Length with
 * Transfer-Encoding, no Host or two); answers that come later and from any thread;
 * an orderly end. Which path is what is the caller's business.
 *
 * The life of a request: head() when its header fields are there; then, unless that
 * answered, the body is read and handle() is called; somebody calls http_respond()
 * once. What comes after the deadline for the answer is dropped: the client has got
 * 504 by then. The request stays valid until http_respond() in any case. */
#ifndef INLAY_NET_HTTP_SERVER_H
#define INLAY_NET_HTTP_SERVER_H

#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"

struct http_request {
	struct str method;
	struct str path;  /* as it came: percent-encoded, begins with '/' */
	struct str query; /* as it came, without '?'; absent if there was none */
	struct str body;  /* complete in handle() */
	struct arena *arena;
	int64_t received_us; /* clock_mono_us() when the head was complete */
	int64_t quiet_ms;    /* since the connection's last answer, or its beginning */
	bool early;          /* a pause of its connection (below) is not over */
	void *data;          /* the caller's; lives in `arena`, if anywhere */
	/* What head() may set. */
	size_t max_body;   /* 0 at first: only an empty body. More answers 413 */
	int64_t answer_ms; /* http_options.answer_ms at first */
	bool known;        /* the client has shown who it is: its connection is kept
			      longest when there are too many */
	int64_t pause_ms;  /* with an answer: what this connection asks before so long
			      is over is early */
	bool hold;         /* of one that is early, instead of an answer: it lies until
			      it is not, then head() is called again; unless the
			      client is gone by then */
};

struct http_header {
	const char *name;
	struct str value;
};

/* Counts since the start, for /metrics; several servers may share one. */
struct http_stats {
	_Atomic uint64_t connections; /* open now */
	_Atomic uint64_t accepted;    /* connections ever */
	_Atomic uint64_t requests;    /* heads that were complete */
	_Atomic uint64_t refused;     /* malformed or over a limit */
	_Atomic uint64_t timed_out;   /* no answer within answer_ms */
	_Atomic uint64_t cut;         /* connections ended by another deadline */
	_Atomic uint64_t shed;        /* connections ended to make room */
	_Atomic uint64_t excess;      /* connections that found all others busy */
};

struct http_options {
	const char *address; /* numeric, or a name of this machine */
	uint16_t port;       /* 0: any that is free */
	unsigned threads;    /* at least 1 */
	/* When there are so many, a new one takes the place of an idle one or of one
	 * that sends slowly: first of those whose clients are not known, and the
	 * oldest. When all others are busy, what it asks is answered with 503; an
	 * eighth more are for clients that are known. */
	unsigned max_connections;
	unsigned max_per_address; /* connections; 0: no limit (behind a proxy) */
	size_t max_head;          /* bytes of request line and header fields */
	size_t arena_max;         /* of a request, the body not counted */
	/* Deadlines. All are absolute: bytes that drip in do not move them. */
	int64_t header_ms; /* from the connection or the first line to the last field */
	int64_t body_ms;   /* from there to the last byte of the body */
	int64_t answer_ms; /* from there to http_respond(); then 504 */
	int64_t send_ms;   /* from there to the last byte taken by the client */
	int64_t idle_ms;   /* of a kept connection, to the next request's first line */
	struct log *log;   /* may be NULL */
	struct http_stats *stats; /* zero at first; may be NULL */
	/* Both are called on a server's thread and must not wait. head may be NULL. */
	void (*head)(struct http_request *rq, void *ctx);
	void (*handle)(struct http_request *rq, void *ctx);
	void *ctx;
};
/* Everything but address, port, functions: sensible for an API. */
extern const struct http_options http_options_default;

struct http_server;

struct http_server *http_server_start(const struct http_options *o, struct error *err);
/* The port it listens on. */
uint16_t http_server_port(const struct http_server *s);
/* Stops listening, closes idle connections, gives requests under way drain_ms to
 * be answered (then they get 503), joins its threads and frees it. Requests whose
 * handlers have not answered by then stay valid for them. */
void http_server_stop(struct http_server *s, int64_t drain_ms);

/* A header field, copied into the arena; absent if it is not there. Only before
 * head() or handle() returns. */
struct str http_request_header(struct http_request *rq, const char *name);

/* How long ago its last bytes came, while they lay unread because others had their
 * turn; -1 if that is not known. Costs a system call. Only in head(). */
int64_t http_request_waited_ms(const struct http_request *rq);

/* The answer, from any thread; everything is copied. content_type may be NULL. To
 * HEAD the body is not sent. In head() it ends the request before its body; elsewhere
 * the request must not be touched afterwards. */
void http_respond(struct http_request *rq, unsigned status, const char *content_type,
		  struct str body, const struct http_header *headers, size_t n_headers);
/* The same in two steps, after handle() was called: all of it but a last byte, a line's
 * end, at once; and that byte. With whole false the connection is cut instead, so that
 * the client knows that it has a part only. Nothing but http_respond_end() may follow
 * the first; behind that the request must not be touched. */
void http_respond_early(struct http_request *rq, unsigned status,
			const char *content_type, struct str body);
void http_respond_end(struct http_request *rq, bool whole);
/* A problem document with the status of the error's kind; Retry-After with 503. */
void http_respond_error(struct http_request *rq, const struct error *err);

#endif
