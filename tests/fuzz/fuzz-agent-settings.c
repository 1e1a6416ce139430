/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's settings, one on each line: they are taken, within their bounds, or
 * there is an error that says why not. */
#include "agent/settings.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES_MAX 32

/* The machine's own users and groups are no part of the input. */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
int getpwnam_r(const char *name, struct passwd *entry, char *room, size_t size,
	       struct passwd **found)
{
	(void)room, (void)size;
	*entry = (struct passwd){.pw_uid = 990};
	*found = strcmp(name, "vmail") == 0 ? entry : NULL;
	return 0;
}

struct group *getgrnam(const char *name)
{
	static struct group vmail = {.gr_gid = 990};
	return strcmp(name, "vmail") == 0 ? &vmail : NULL;
}

static void check(const struct agent_settings *s)
{
	if (s->n_trusted > SETTINGS_MAX_UIDS || s->n_grants > SETTINGS_MAX_GRANTS ||
	    s->n_urls == 0 || s->n_urls > SETTINGS_MAX_URLS ||
	    s->n_tenants > SETTINGS_MAX_TENANTS || s->node.n == 0)
		abort();
	for (size_t i = 0; i < s->n_urls; i++)
		if (s->urls[i].p[s->urls[i].n - 1] == '/')
			abort();
	for (size_t i = 0; i < s->n_tenants; i++)
		if (s->tenants[i].id.n == 0 ||
		    strlen(s->tenants[i].token_file.p) != s->tenants[i].token_file.n)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {size > 0 ? (const char *)data : "", size}, line;
	struct arena *a = arena_new(1 << 20);
	const char *lines[LINES_MAX];
	struct error_list errors, warnings;
	size_t n = 0;
	error_list_init(&errors, 20);
	error_list_init(&warnings, 20);
	while (n < LINES_MAX && str_next_part(&rest, '\n', &line))
		if ((lines[n] = arena_str(a, line).p) != NULL)
			n++;
	struct agent_settings *s =
		agent_settings_load(NULL, lines, n, &errors, &warnings);
	if ((s == NULL) == error_list_empty(&errors))
		abort();
	if (s != NULL)
		check(s);
	agent_settings_free(s);
	error_list_free(&errors);
	error_list_free(&warnings);
	arena_free(a);
	return 0;
}
