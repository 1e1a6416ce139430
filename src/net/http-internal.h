/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the HTTP server share.
 *
 * Locks: server.lock guards the list of connections and what is said so below;
 * call.lock guards a request's state. Nobody takes one while holding the other, and
 * libmicrohttpd's own locks are taken under call.lock only. */
#ifndef INLAY_NET_HTTP_INTERNAL_H
#define INLAY_NET_HTTP_INTERNAL_H

#include "base/buf.h"
#include "net/http-server.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

enum phase {
	PHASE_IDLE, /* between requests, or before the first */
	PHASE_HEAD, /* from the first line to the last field */
	PHASE_BODY,
	PHASE_BUSY, /* being handled or answered */
};

/* What a connection got when it came. */
enum place {
	PLACE_OWN,
	PLACE_SPARE, /* there was no room: for a client that is known */
	PLACE_NONE,  /* what it asks is refused */
};

struct connection {
	int fd;
	struct MHD_Connection *mhd;
	_Atomic uint64_t stage; /* see connection_stage() */
	_Atomic bool known;     /* a request of it had http_request.known */
	/* Guarded by server.lock. */
	struct connection *next, *prev;
	bool shut;              /* it is on its way out */
	bool paused;            /* suspended by connection_pause() */
	int64_t pause_until_us; /* its own thread's, unless it is paused */
	struct call *waiting;   /* suspended; the list has no reference */
	/* Of its own thread alone; `place` once it is on the list. */
	int place;
	bool used; /* there was an answer */
};

/* What a connection does, and when its socket is shut. Both are in one word: with the
 * deadline of what it did before, one that was answered just now would seem idle for
 * long to another thread that looks for room. */
struct stage {
	enum phase phase;
	int64_t deadline_us; /* 0: none */
};
static inline struct stage connection_stage(const struct connection *conn)
{
	uint64_t v = atomic_load_explicit(&conn->stage, memory_order_relaxed);
	return (struct stage){.phase = (enum phase)(v & 3),
			      .deadline_us = (int64_t)(v >> 2)};
}
/* The deadline is so far from now; 0: none. */
void connection_enter(struct connection *conn, enum phase phase, int64_t ms);

enum call_state {
	CALL_HEAD,     /* head() may answer */
	CALL_BODY,     /* being read */
	CALL_HANDLING, /* in handle(), on a server's thread */
	CALL_SUSPENDED,
	CALL_ANSWERED, /* `response` may be sent; further answers are dropped */
};

/* The last byte of an answer in two steps. */
enum tail {
	TAIL_NONE, /* the answer is whole */
	TAIL_AWAITED,
	TAIL_SENT,
	TAIL_CUT, /* the connection ends without it */
};

/* A request and what the server keeps with it. One reference is the connection's,
 * one the handler's from handle() on. */
struct call {
	struct http_request rq;     /* first: callers have a pointer to it */
	struct http_server *server; /* only while the connection lives */
	struct MHD_Connection *mhd;
	struct connection *conn;
	struct buf body;
	_Atomic int refs;
	_Atomic int64_t answer_deadline_us;
	bool registered;    /* conn->waiting was set */
	bool was_held;      /* see http_request.hold */
	bool close;         /* the connection ends with the answer */
	uint64_t announced; /* bytes of the body, or HTTP_BODY_UNKNOWN */
	size_t unwanted;    /* of these thrown away */
	/* changes of state, response and status; ANSWERED is set behind the other two,
	 * so that who sees it may read them */
	pthread_mutex_t lock;
	_Atomic enum call_state state;
	struct MHD_Response *response; /* NULL in ANSWERED: no memory for it */
	unsigned status;
	_Atomic int tail;    /* enum tail; changed under the lock */
	bool tail_suspended; /* under the lock: the connection waits for it */
	struct buf early;    /* the body of such an answer, with its last byte */
};

struct http_server {
	struct http_options o;
	struct MHD_Daemon *daemon;
	uint16_t port;
	pthread_t timer;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a connection went; CLOCK_MONOTONIC, as is */
	pthread_cond_t wake;    /* of the timer */
	struct connection *connections, *oldest; /* the newest first */
	size_t n_connections, n_shut;
	int64_t next_look_us; /* for room: not before */
	size_t crowd;         /* the most since memory was last given back */
	unsigned turn;        /* of the timer's thread */
	bool end_timer;
	_Atomic bool draining; /* nobody comes, connections close after their answer */
	_Atomic bool closing;  /* no new request is handled */
	struct http_stats *stats, own_stats;
};

/* http-call.c: libmicrohttpd's callbacks for a request, and its answer. */
void *call_begin(void *server, const char *target, struct MHD_Connection *mhd);
enum MHD_Result call_go_on(void *server, struct MHD_Connection *mhd, const char *url,
			   const char *method, const char *version, const char *data,
			   size_t *data_size, void **req);
void call_completed(void *server, struct MHD_Connection *mhd, void **req,
		    enum MHD_RequestTerminationCode how);
void call_unref(struct call *c);
/* Answers a suspended call in the server's name; false if it was answered already. */
bool call_give_up(struct call *c, const struct error *err);

/* Takes the response over; false: the call was answered already, and it is dropped. */
bool call_settle(struct call *c, struct MHD_Response *r, unsigned status);

/* http-early.c: ends an answer whose last byte is awaited; false: none is. */
bool early_end(struct call *c, enum tail how);

/* http-room.c: room for a connection that was just put on the list, under the lock.
 * The library's limit is above ours by the headroom, so that there is a place for one
 * that is refused, and for those on their way out. */
void room_make(struct http_server *s, struct connection *conn);
unsigned room_headroom(const struct http_options *o);

/* http-check.c: NULL, or what is wrong with the head of a message. *body_size is the
 * Content-Length (0 without a body), or HTTP_BODY_UNKNOWN. */
#define HTTP_BODY_UNKNOWN UINT64_MAX
const char *http_check_head(struct MHD_Connection *mhd, const char *method,
			    const char *version, const char *target,
			    uint64_t *body_size);

/* http-timer.c: the list of connections and their deadlines. */
void connection_notify(void *server, struct MHD_Connection *mhd, void **socket_context,
		       enum MHD_ConnectionNotificationCode what);
/* Suspends it until pause_until_us, or its client hangs up. */
void connection_pause(struct http_server *s, struct connection *conn);
/* Its client hung up, or it was shut. */
bool connection_is_gone(const struct connection *conn);
/* Its client is told, and its thread removes it. Under the lock. */
void connection_shut(struct http_server *s, struct connection *conn);
void connection_wait(struct http_server *s, struct connection *conn, struct call *c);
/* Both conditions on CLOCK_MONOTONIC. */
bool timer_init(struct http_server *s, struct error *err);
bool timer_start(struct http_server *s, struct error *err);
void timer_stop(struct http_server *s);
void timer_destroy(struct http_server *s);
/* Waits until all connections are closed, at most until then; true if they are. */
bool connections_drained(struct http_server *s, int64_t until_us);
enum sweep {
	SWEEP_LATE,    /* what is over its deadline */
	SWEEP_CALLS,   /* and every suspended call */
	SWEEP_SOCKETS, /* and every socket */
};
void connections_sweep(struct http_server *s, enum sweep how);

#endif
