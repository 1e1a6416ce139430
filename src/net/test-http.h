/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the HTTP server share: a service with calls of all kinds, and a
 * client that speaks byte by byte over a real socket. */
#ifndef INLAY_NET_TEST_HTTP_H
#define INLAY_NET_TEST_HTTP_H

#include "base/buf.h"
#include "base/unit.h"
#include "net/http-server.h"

#define PATIENCE_MS 10000
#define PAUSE_MS 200
#define UNREAD_MS 50
#define KNOWN_GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\nAuthorization: me\r\n\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

/* The service, one at a time. Calls: /later is answered by another thread, /held when
 * the test says so, /patient too (it is given more time), /locked by head() with 401,
 * /show takes 1,000 bytes, /large 1 MiB and gives them back, /empty answers 204; all
 * others say what came. /slice says how long a turn of its thread is, /stall keeps its
 * thread until service_go_on(), /unread says whether its request lay unread for 50 ms,
 * /pause refuses and pauses for PAUSE_MS, /pause/long for longer than a test lasts;
 * what begins with /prompt is held meanwhile.
 * Who sends an Authorization is known. */
struct http_options service_calm(void); /* no deadline that a busy machine misses */
struct http_options service_quick(void);
void service_start(struct http_options o);
void service_stop(int64_t drain_ms);
uint16_t service_port(void);
/* Waits for a request of /held or /patient. */
struct http_request *service_held(void);

void service_go_on(void);

int client_dial(void);
bool client_say(int fd, const char *text);
/* Reads until `enough` says so or the connection ends (NULL: only then); false at the
 * end of patience. */
bool client_listen(int fd, struct buf *in, bool (*enough)(struct str));
bool answer_is_whole(struct str s);
/* Index of what, or SIZE_MAX. */
size_t text_find(struct str s, const char *what);
/* Says the request (NULL: nothing) and wants an answer that begins and ends so. */
void assert_answer(int fd, const char *request, const char *begins, const char *ends);
/* The other side ends the connection without (further) answer. */
void assert_closed(int fd);

#endif
