/* SPDX-License-Identifier: Apache-2.0 */
/* A template of any bytes, rendered with values that are cut from it. What
 * compiles must render, or say what is missing or too long. */
#include "message/mustache.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every name has a value, of a kind that follows from its first byte. */
static struct mustache_value lookup(const void *ctx, struct str name)
{
	const struct str *source = ctx;
	enum mustache_kind kind = (enum mustache_kind)((unsigned char)name.p[0] % 4);
	return (struct mustache_value){kind, str_slice(*source, name.n, 4 * name.n)};
}

static void run(struct str source, enum mustache_escape escape)
{
	static const struct str raw[] = {STR_INIT("raw"), STR_INIT("x")};
	struct mustache_options o = {.escape = escape, .raw = raw, .n_raw = 2};
	struct mustache_values values = {lookup, &source};
	struct mustache_report report;
	struct error err = {0};
	struct buf out;
	struct mustache *m = mustache_compile(source, &o, &err);
	if (m == NULL) {
		if (err.kind == ERROR_NONE || err.message[0] == '\0')
			abort();
		return;
	}
	buf_init(&out, MUSTACHE_MAX_OUTPUT);
	if (!mustache_render(m, &values, &out, &report, &err) && err.kind == ERROR_NONE)
		abort();
	buf_free(&out);
	mustache_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str source = {(const char *)data, size};
	run(source, MUSTACHE_HTML);
	run(source, MUSTACHE_PLAIN);
	return 0;
}
