/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "model/delivery.h"

/* Names of the values; ID cannot be asked for, it is always there. */
#define VALUES(X)                                                                      \
	X(CAMPAIGN, "campaignId")                                                      \
	X(USER, "userId")                                                              \
	X(EVENT_TYPE, "eventType")                                                     \
	X(TIMESTAMP, "timestamp")                                                      \
	X(INSTANCE, "instanceId")                                                      \
	X(ID, "id")
enum value {
#define X(name, text) VALUE_##name,
	VALUES(X)
#undef X
		VALUES_COUNT
};
static const char *const names[VALUES_COUNT] = {
#define X(name, text) text,
	VALUES(X)
#undef X
};

#define TIME_MAX 40

/* The placeholder that s begins with; VALUES_COUNT: none. */
static enum value placeholder(struct str s, size_t *n)
{
	size_t end = str_find_char(s, '}');
	for (unsigned i = 0; i < VALUE_ID && end < s.n && s.p[0] == '{'; i++)
		if (str_eqz(str_slice(s, 1, end), names[i])) {
			*n = end + 1;
			return (enum value)i;
		}
	return VALUES_COUNT;
}

/* Behind "scheme://" and the authority. */
static size_t path_begin(struct str url)
{
	size_t at = str_find_char(url, ':');
	at = at + 3 <= url.n ? at + 3 : url.n;
	while (at < url.n && url.p[at] != '/' && url.p[at] != '?' && url.p[at] != '#')
		at++;
	return at;
}

const char *delivery_url_check(struct str url)
{
	struct str host = str_slice(url, 0, path_begin(url));
	if (str_find_char(host, '{') < host.n || str_find_char(host, '}') < host.n)
		return "a value in braces may stand behind the host only";
	return NULL;
}

/* A segment of dots would lead to another path. */
static void put_value(struct buf *out, struct str s)
{
	if (str_eqz(s, "."))
		buf_add_str(out, STR("%2E"));
	else if (str_eqz(s, ".."))
		buf_add_str(out, STR("%2E%2E"));
	else
		buf_add_percent(out, s);
}

/* The configured text itself: only what no URL may hold is escaped. */
static void put_literal(struct buf *out, char c)
{
	if (c <= 0x20 || c >= 0x7f || memchr("\"<>\\^`{|}", c, 9) != NULL)
		buf_add_percent(out, (struct str){&c, 1});
	else
		buf_add_char(out, c);
}

struct texts {
	char id[ID_TEXT_LEN + 1], instance[ID_TEXT_LEN + 1], time[TIME_MAX];
	struct str of[VALUES_COUNT];
};

static bool take_texts(struct texts *t, const struct delivery *d)
{
	struct buf time;
	buf_init(&time, TIME_MAX - 1);
	bool ok = clock_format_rfc3339(&time, d->at_ms);
	if (ok) {
		memcpy(t->time, time.p, time.n);
		t->of[VALUE_TIMESTAMP] = (struct str){t->time, time.n};
	}
	buf_free(&time);
	id16_text(d->id, t->id);
	id16_text(d->instance, t->instance);
	t->of[VALUE_CAMPAIGN] = d->campaign;
	t->of[VALUE_USER] = d->user;
	t->of[VALUE_EVENT_TYPE] = d->event_type;
	t->of[VALUE_INSTANCE] = str_of(t->instance);
	t->of[VALUE_ID] = str_of(t->id);
	return ok;
}

bool delivery_url(struct buf *out, struct str url, const struct delivery *d)
{
	struct texts t;
	bool named[VALUES_COUNT] = {false};
	if (!take_texts(&t, d))
		return false;
	url = str_slice(url, 0, str_find_char(url, '#'));
	size_t path = path_begin(url);
	for (size_t i = 0, n = 0; i < url.n; i += n) {
		enum value v = i < path ? VALUES_COUNT
					: placeholder(str_slice(url, i, url.n), &n);
		if (v != VALUES_COUNT) {
			put_value(out, t.of[v]);
			named[v] = true;
		} else {
			put_literal(out, url.p[i]);
			n = 1;
		}
	}
	size_t query = str_find_char(url, '?');
	bool has_query = query < url.n;
	bool is_open = has_query && (query + 1 == url.n || str_ends(url, STR("&")));
	for (unsigned v = 0; v < VALUES_COUNT; v++) {
		if (named[v])
			continue;
		if (!is_open)
			buf_add_char(out, has_query ? '&' : '?');
		has_query = true;
		is_open = false;
		buf_add_str(out, str_of(names[v]));
		buf_add_char(out, '=');
		put_value(out, t.of[v]);
	}
	return buf_ok(out);
}
