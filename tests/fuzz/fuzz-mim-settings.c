/* SPDX-License-Identifier: Apache-2.0 */
/* application.properties with mimd's own table: what is taken passes or fails the
 * checks over several settings with an error, and what is printed of it is taken. */
#include "mim/settings.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct settings *parse(struct str text, struct error_list *errors)
{
	size_t n;
	const struct setting *table = mim_settings_table(&n);
	struct error_list warnings;
	error_list_init(&warnings, 20);
	struct settings *s = settings_parse(table, n, text, "f", errors, &warnings);
	if ((s == NULL) == error_list_empty(errors))
		abort();
	error_list_free(&warnings);
	return s;
}

static void use(const struct settings *s)
{
	static const char *const paths[] = {
		"inlay.secrets.key-file", "inlay.tokens.first-file",
		"inlay.datasource.root", "inlay.import.temp-directory"};
	struct error_list errors, warnings;
	char path[256];
	error_list_init(&errors, 20);
	error_list_init(&warnings, 20);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (mim_settings_path(s, paths[i], path, sizeof path) &&
		    strlen(path) >= sizeof path)
			abort();
	if (mim_settings_check(s, &errors, &warnings) != error_list_empty(&errors))
		abort();
	error_list_free(&errors);
	error_list_free(&warnings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {size > 0 ? (const char *)data : "", size};
	struct error_list errors;
	struct buf printed;
	error_list_init(&errors, 20);
	buf_init(&printed, 1 << 20);
	struct settings *s = parse(text, &errors);
	if (s != NULL) {
		use(s);
		settings_print(s, &printed);
		settings_free(s);
		s = parse(buf_str(&printed), &errors);
		if (s == NULL)
			abort();
	}
	settings_free(s);
	error_list_free(&errors);
	buf_free(&printed);
	return 0;
}
