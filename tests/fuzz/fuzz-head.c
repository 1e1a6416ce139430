/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an HTTP request as it is checked before anything is read: "METHOD TARGET
 * VERSION", then a field on each line. What passes has one framing only; routes and
 * the query give back what a client could have encoded. */
#include "base/uri.h"
#include "mim/routes.h"
#include "net/http-internal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIELDS_MAX 16

struct MHD_Connection {
	struct str names[FIELDS_MAX], values[FIELDS_MAX]; /* NUL-terminated */
	size_t n;
};

/* In the place of libmicrohttpd's, which has the head parsed. */
int MHD_get_connection_values_n(struct MHD_Connection *mhd, enum MHD_ValueKind kind,
				MHD_KeyValueIteratorN note, void *ctx)
{
	(void)kind;
	for (size_t i = 0; i < mhd->n; i++)
		note(ctx, MHD_HEADER_KIND, mhd->names[i].p, mhd->names[i].n,
		     mhd->values[i].p, mhd->values[i].n);
	return (int)mhd->n;
}

/* Where the library keeps the head is not known here. */
const union MHD_ConnectionInfo *MHD_get_connection_info(
	struct MHD_Connection *mhd, enum MHD_ConnectionInfoType what, ...)
{
	(void)mhd;
	(void)what;
	return NULL;
}

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void read_fields(struct str text, struct arena *a, struct MHD_Connection *out)
{
	struct str line;
	while (out->n < FIELDS_MAX && str_next_part(&text, '\n', &line)) {
		size_t colon = str_find_char(line, ':');
		out->names[out->n] = arena_str(a, str_slice(line, 0, colon));
		out->values[out->n++] =
			arena_str(a, str_trim(str_slice(line, colon + 1, line.n)));
	}
	must(!arena_failed(a));
}

static size_t count(const struct MHD_Connection *mhd, struct str name,
		    struct str *value)
{
	size_t n = 0;
	for (size_t i = 0; i < mhd->n; i++)
		if (str_ieq(mhd->names[i], name)) {
			*value = mhd->values[i];
			n++;
		}
	return n;
}

static void check_framing(struct MHD_Connection *mhd, struct str method,
			  struct str version, struct str target)
{
	uint64_t size, length;
	struct str value;
	if (http_check_head(mhd, method.p, version.p, target.p, &size) != NULL)
		return;
	size_t lengths = count(mhd, STR("content-length"), &value);
	must(lengths <= 1 && count(mhd, STR("host"), &value) <= 1);
	if (count(mhd, STR("transfer-encoding"), &value) > 0)
		must(lengths == 0 && size == HTTP_BODY_UNKNOWN);
	else if (count(mhd, STR("content-length"), &value) == 1)
		must(str_to_u64(value, UINT64_MAX, &length) && length == size);
}

/* Percent-encoded, it is read as the same. */
static void reads_back(struct arena *a, struct str text)
{
	struct buf raw;
	struct str again;
	buf_init(&raw, 3 * text.n + 1);
	for (size_t i = 0; i < text.n; i++)
		buf_printf(&raw, "%%%02x", (unsigned char)text.p[i]);
	must(str_is_utf8(text));
	must(uri_decode(a, buf_str(&raw), &again) || raw.n == 0);
	must(raw.n == 0 || str_eq(again, text));
	buf_free(&raw);
}

static void check_target(const struct router *router, struct str method,
			 struct str target, struct arena *a)
{
	struct uri_pair pairs[REQUEST_MAX_QUERY];
	struct str params[REQUEST_MAX_PARAMS] = {{NULL, 0}};
	struct error err = {0};
	size_t n, mark = str_find_char(target, '?');
	const struct route *r = router_match(router, method, str_slice(target, 0, mark),
					     a, params, &err);
	must((r == NULL) == (err.kind != ERROR_NONE));
	for (size_t i = 0; r != NULL && i < REQUEST_MAX_PARAMS; i++)
		reads_back(a, params[i]);
	if (!uri_parse_query(a, str_slice(target, mark + 1, target.n), pairs,
			     REQUEST_MAX_QUERY, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		reads_back(a, pairs[i].name);
		reads_back(a, pairs[i].value);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct router *router;
	struct str rest = {size > 0 ? (const char *)data : "", size}, line, method,
		   target;
	struct MHD_Connection mhd = {.n = 0};
	struct arena *a = arena_new(1 << 20);
	if (router == NULL)
		router = router_new();
	must(a != NULL && router != NULL);
	if (str_next_part(&rest, '\n', &line) && str_next_part(&line, ' ', &method) &&
	    str_next_part(&line, ' ', &target)) {
		read_fields(rest, a, &mhd);
		check_framing(&mhd, arena_str(a, method),
			      arena_str(a, line.p != NULL ? line : STR("")),
			      arena_str(a, target));
		check_target(router, method, target, a);
	}
	arena_free(a);
	return 0;
}
