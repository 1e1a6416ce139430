/* SPDX-License-Identifier: Apache-2.0 */
/* A campaign that is taken can be written, and what was written is taken again and
 * written the same; one that is refused has an error that says so. */
#include "model/campaign-json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(const struct campaign *c, struct buf *out)
{
	struct json_writer w;
	json_writer_init(&w, out);
	campaign_put_json(&w, c);
	if (!buf_ok(out))
		abort();
}

/* A rule that is broken has an error that says so. */
static void hold_against(const struct campaign *c, const struct tenant *t)
{
	struct error_list errors;
	error_list_init(&errors, 16);
	bool good = campaign_check_tenant(c, t, "/campaign", &errors);
	good &= campaign_check_label(c, t, c->name, "/campaign", &errors);
	if (good != error_list_empty(&errors))
		abort();
	error_list_free(&errors);
}

static void hold_against_tenants(const struct campaign *c)
{
	static const struct tenant little = {.id = STR_INIT("a")};
	static const struct tenant much = {.id = STR_INIT("b"),
					   .brand = STR_INIT("Spring"),
					   .public_url = STR_INIT("https://u.example/"),
					   .allow_interleaved_ads = true};
	hold_against(c, &little);
	hold_against(c, &much);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(16 << 20);
	struct error_list errors;
	struct campaign c, again;
	struct buf once, twice;
	if (a == NULL)
		return 0;
	error_list_init(&errors, 16);
	buf_init(&once, 1 << 20);
	buf_init(&twice, 1 << 20);
	if (campaign_parse((struct str){(const char *)data, size}, a, &c, &errors)) {
		hold_against_tenants(&c);
		put(&c, &once);
		if (!campaign_parse(buf_str(&once), a, &again, &errors))
			abort();
		put(&again, &twice);
		if (!str_eq(buf_str(&once), buf_str(&twice)))
			abort();
	} else if (error_list_empty(&errors)) {
		abort();
	}
	buf_free(&once);
	buf_free(&twice);
	error_list_free(&errors);
	arena_free(a);
	return 0;
}
