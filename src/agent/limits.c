/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/limits.h"

#include <assert.h>
#include <stdlib.h>

/* One for each uid that has a connection. */
struct holder {
	struct holder *next;
	uid_t uid;
	size_t connections;
	int64_t filled_ms; /* when the bucket was last filled */
	double tokens;
};

#define BUCKETS 256

struct limits {
	struct limits_config config;
	size_t connections;
	struct holder *table[BUCKETS];
};

struct limits *limits_new(const struct limits_config *config)
{
	struct limits *l = calloc(1, sizeof *l);
	if (l != NULL)
		l->config = *config;
	return l;
}

void limits_free(struct limits *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (l->table[i] != NULL) {
			struct holder *h = l->table[i];
			l->table[i] = h->next;
			free(h);
		}
	free(l);
}

static struct holder **find(struct limits *l, uid_t uid)
{
	struct holder **at = &l->table[uid % BUCKETS];
	while (*at != NULL && (*at)->uid != uid)
		at = &(*at)->next;
	return at;
}

bool limits_connect(struct limits *l, uid_t uid, bool trusted)
{
	struct holder **at = find(l, uid), *h = *at;
	if (l->connections >= l->config.connections)
		return false;
	if (h != NULL && !trusted && h->connections >= l->config.connections_per_uid)
		return false;
	if (h == NULL) {
		h = calloc(1, sizeof *h);
		if (h == NULL)
			return false;
		h->uid = uid;
		h->tokens = l->config.requests_per_minute;
		*at = h;
	}
	h->connections++;
	l->connections++;
	return true;
}

void limits_disconnect(struct limits *l, uid_t uid)
{
	struct holder **at = find(l, uid), *h = *at;
	assert(h != NULL && h->connections > 0);
	l->connections--;
	/* The bucket stays for a while: who reconnects does not get a full one. It
	 * goes with the next disconnect that finds it full again. */
	if (--h->connections == 0 && h->tokens >= l->config.requests_per_minute) {
		*at = h->next;
		free(h);
	}
}

bool limits_request(struct limits *l, uid_t uid, bool trusted, int64_t now_ms)
{
	struct holder *h = *find(l, uid);
	double full = l->config.requests_per_minute;
	assert(h != NULL);
	if (trusted)
		return true;
	if (h->filled_ms != 0 && now_ms > h->filled_ms)
		h->tokens += (double)(now_ms - h->filled_ms) * full / 60000.0;
	if (h->tokens > full)
		h->tokens = full;
	h->filled_ms = now_ms;
	if (h->tokens < 1)
		return false;
	h->tokens -= 1;
	return true;
}

size_t limits_connections(const struct limits *l)
{
	return l->connections;
}
