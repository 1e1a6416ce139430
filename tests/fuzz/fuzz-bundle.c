/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest that is taken names every file it needs, and reads back when it is
 * written; one that is refused has an error that says so. */
#include "model/bundle.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_taken(const struct bundle *b, struct arena *a,
			struct error_list *errors)
{
	struct buf campaign, text;
	struct json_writer w;
	struct bundle again;
	for (size_t i = 0; i < b->campaign.n_variants; i++)
		if (bundle_template(b, b->campaign.variants[i].template_name) == NULL)
			abort();
	if ((bundle_recipients(b) != NULL) != (b->campaign.from == AUDIENCE_RECIPIENTS))
		abort();
	buf_init(&campaign, 1 << 20);
	buf_init(&text, 4 << 20);
	json_writer_init(&w, &campaign);
	campaign_put_json(&w, &b->campaign);
	json_writer_init(&w, &text);
	bundle_put_json(&w, buf_str(&campaign), b->files, b->n_files);
	if (!buf_ok(&campaign) || !buf_ok(&text))
		abort();
	if (text.n <= BUNDLE_MANIFEST_MAX &&
	    (!bundle_parse(buf_str(&text), a, &again, errors) ||
	     again.n_files != b->n_files))
		abort();
	buf_free(&campaign);
	buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(64 << 20);
	struct error_list errors;
	struct bundle b;
	if (a == NULL)
		return 0;
	error_list_init(&errors, 16);
	if (bundle_parse((struct str){(const char *)data, size}, a, &b, &errors))
		check_taken(&b, a, &errors);
	else if (error_list_empty(&errors))
		abort();
	error_list_free(&errors);
	arena_free(a);
	return 0;
}
