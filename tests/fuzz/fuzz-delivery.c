/* SPDX-License-Identifier: Apache-2.0 */
/* What conversion points and those who set them give: a Retry-After, a URL, a secret, a
 * network, each on a line, then the user's name. A wait is within its bounds; a URL is
 * printable, keeps its host, and gives the values back that were put in. */
#include "base/clock.h"
#include "base/uri.h"
#include "model/delivery.h"
#include "model/retry.h"
#include "net/address.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW INT64_C(1767225600000)
#define PAIRS_MAX 4096

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_retry_after(struct str line)
{
	int64_t wait_ms = -1;
	if (retry_after_parse(line, NOW, &wait_ms))
		must(wait_ms >= 0 && wait_ms <= RETRY_AFTER_MOST);
}

static void check_secret(struct str line)
{
	struct buf key;
	buf_init(&key, 1024);
	if (webhook_key(&key, line, NULL))
		must(key.n >= 24 && key.n <= 64);
	buf_free(&key);
}

static void check_network(struct str line)
{
	struct address_network n;
	if (address_network_parse(line, &n, NULL))
		must(n.bits <= 128);
}

/* As tenant-json.c admits them: printable, with a scheme and a host. */
static bool is_admitted(struct str url)
{
	for (size_t i = 0; i < url.n; i++)
		if (url.p[i] <= 0x20 || url.p[i] >= 0x7f)
			return false;
	return str_starts(url, STR("http://")) && url.n > 7 && url.p[7] != '/' &&
	       delivery_url_check(url) == NULL;
}

static size_t host_end(struct str url)
{
	size_t i = 7;
	while (i < url.n && url.p[i] != '/' && url.p[i] != '?' && url.p[i] != '#')
		i++;
	return i;
}

/* The last of the name: what was added stands behind what was there. */
static struct str value_of(const struct uri_pair *pairs, size_t n, const char *name)
{
	for (size_t i = n; i-- > 0;)
		if (str_eqz(pairs[i].name, name))
			return pairs[i].value;
	return (struct str){NULL, 0};
}

static bool names_user(struct str url)
{
	static const char name[] = "{userId}";
	for (size_t i = 0; i < url.n; i++)
		if (str_starts(str_slice(url, i, url.n), str_of(name)))
			return true;
	return false;
}

static void check_query(struct str url, struct str made, struct str user)
{
	struct arena *arena = arena_new(16 << 20);
	struct uri_pair *pairs = arena_array(arena, PAIRS_MAX, sizeof *pairs);
	size_t n = 0, at = str_find_char(made, '?');
	must(pairs != NULL && at < made.n);
	if (uri_parse_query(arena, str_slice(made, at + 1, made.n), pairs, PAIRS_MAX,
			    &n)) {
		must(str_eqz(value_of(pairs, n, "id"),
			     "01010101010101010101010101010101"));
		if (!names_user(url))
			must(str_eq(value_of(pairs, n, "userId"), user));
	}
	arena_free(arena);
}

static void check_url(struct str url, struct str user)
{
	struct delivery d = {.campaign = STR("c"),
			     .user = user,
			     .event_type = STR("read"),
			     .at_ms = NOW};
	struct buf out;
	if (!is_admitted(url))
		return;
	memset(d.id.b, 1, ID_LEN);
	buf_init(&out, 8 << 20);
	must(delivery_url(&out, url, &d));
	struct str made = buf_str(&out);
	size_t host = host_end(url);
	for (size_t i = 0; i < made.n; i++)
		must(made.p[i] > 0x20 && made.p[i] < 0x7f && made.p[i] != '#');
	if (memchr(url.p, '\\', host) == NULL && memchr(url.p, '"', host) == NULL &&
	    memchr(url.p, '<', host) == NULL && memchr(url.p, '>', host) == NULL &&
	    memchr(url.p, '^', host) == NULL && memchr(url.p, '`', host) == NULL &&
	    memchr(url.p, '|', host) == NULL)
		must(host_end(made) == host && memcmp(made.p, url.p, host) == 0);
	check_query(url, made, user);
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size}, line[4] = {{NULL, 0}};
	for (size_t i = 0; i < 4; i++)
		if (!str_next_part(&rest, '\n', &line[i]))
			line[i] = STR("");
	check_retry_after(line[0]);
	check_secret(line[2]);
	check_network(line[3]);
	check_url(line[1], rest.p != NULL ? rest : STR(""));
	return 0;
}
