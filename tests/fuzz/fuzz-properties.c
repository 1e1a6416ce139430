/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes: each entry, written and read again, is the same; the typed table
 * takes or refuses it, and what it prints it takes. */
#include "base/properties-internal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct setting table[] = {
	{"server.port", SETTING_INT, "8080", 1, 65535, NULL, NULL, "p"},
	{"inlay.store", SETTING_ENUM, NULL, 0, 0, "lmdb|cassandra", NULL, "s"},
	{"inlay.dir", SETTING_PATH, NULL, 0, 0, NULL, NULL, "d"},
	{"inlay.size", SETTING_SIZE, "1K", 0, 0, NULL, NULL, "z"},
	{"inlay.time", SETTING_DURATION, "1s", 0, 0, NULL, NULL, "t"},
	{"inlay.on", SETTING_BOOL, "no", 0, 0, NULL, NULL, "b"},
	{"inlay.list", SETTING_LIST, NULL, 0, 0, NULL, NULL, "l"},
	{"inlay.text", SETTING_STRING, NULL, 0, 0, NULL, NULL, "x"},
	{"a.*", SETTING_STRING, NULL, 0, 0, NULL, NULL, "*"},
};

static void round_trip(struct str in)
{
	struct properties_reader r, again;
	struct property p, q;
	properties_reader_init(&r, in);
	while (properties_next(&r, &p)) {
		struct buf out;
		if (p.fault != NULL)
			continue;
		buf_init(&out, 2 * (p.key.n + p.value.n) + 3);
		buf_add_char(&out, '\n'); /* a BOM is one at the very start only */
		properties_write(&out, p.key, p.value);
		properties_reader_init(&again, buf_str(&out));
		if (!buf_ok(&out) || !properties_next(&again, &q) || q.fault != NULL ||
		    !str_eq(p.key, q.key) || !str_eq(p.value, q.value) ||
		    properties_next(&again, &q))
			abort();
		properties_reader_free(&again);
		buf_free(&out);
	}
	properties_reader_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {size > 0 ? (const char *)data : "", size};
	const size_t n = sizeof table / sizeof table[0];
	struct error_list errors;
	struct buf out;
	error_list_init(&errors, 20);
	buf_init(&out, 1 << 24);
	round_trip(in);
	struct settings *s = settings_parse(table, n, in, "fuzz", &errors, NULL);
	if ((s == NULL) == error_list_empty(&errors))
		abort();
	if (s != NULL) {
		settings_print(s, &out);
		settings_free(s);
		s = settings_parse(table, n, buf_str(&out), "again", &errors, NULL);
		if (s == NULL)
			abort();
	}
	settings_free(s);
	error_list_free(&errors);
	buf_free(&out);
	return 0;
}
