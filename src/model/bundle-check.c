/* SPDX-License-Identifier: Apache-2.0 */
#include "model/bundle-check.h"

#include "base/json-tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_MAX (64 << 20)

struct bundle_check *bundle_check_new(void)
{
	struct bundle_check *c = calloc(1, sizeof *c);
	if (c == NULL)
		return NULL;
	c->arena = arena_new(ARENA_MAX);
	error_list_init(&c->errors, BUNDLE_ERRORS_MAX);
	error_list_init(&c->row_errors, BUNDLE_ERRORS_MAX);
	if (c->arena == NULL) {
		bundle_check_free(c);
		return NULL;
	}
	return c;
}

void bundle_check_free(struct bundle_check *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n_templates; i++)
		template_free(c->templates[i].parsed);
	error_list_free(&c->errors);
	error_list_free(&c->row_errors);
	arena_free(c->arena);
	free(c);
}

/* pointer: in the file, or "" */
static bool add(struct bundle_check *c, enum error_kind kind, struct str file,
		const char *pointer, const char *message)
{
	struct error err;
	error_set(&err, kind, pointer, "%s", message);
	bundle_error_in(&err, file);
	return error_list_add_error(&c->errors, &err);
}

static bool take_bytes(void *ctx, struct str bytes, struct error *err)
{
	struct buf *b = ctx;
	buf_add_str(b, bytes);
	if (b->state == BUF_FULL)
		return error_set(err, ERROR_TOO_LARGE, "", "is over %zu bytes", b->max);
	return b->state == BUF_OK || error_set(err, ERROR_MEMORY, "", "no memory");
}

/* A whole small file. */
static bool read_file(struct bundle_check *c, const struct bundle_source *source,
		      struct str name, struct buf *out)
{
	struct error err = {0};
	if (source->read(source->ctx, name, take_bytes, out, &err))
		return true;
	return add(c, err.kind, name, "",
		   err.kind == ERROR_NOT_FOUND ? "is missing" : err.message);
}

static bool check_bytes(struct bundle_check *c, const struct bundle_file *f,
			uint64_t bytes, const uint8_t sha256[CRYPTO_SHA256_LEN])
{
	char message[96];
	if (bytes != f->bytes) {
		snprintf(message, sizeof message,
			 "has %" PRIu64 " bytes, the manifest says %" PRIu64, bytes,
			 f->bytes);
		return add(c, ERROR_UNPROCESSABLE, f->name, "", message);
	}
	if (memcmp(sha256, f->sha256, CRYPTO_SHA256_LEN) != 0)
		return add(c, ERROR_UNPROCESSABLE, f->name, "",
			   "is not what the manifest's SHA-256 says");
	return true;
}

static bool read_manifest(struct bundle_check *c, const struct bundle_source *source)
{
	struct buf text;
	buf_init(&text, BUNDLE_MANIFEST_MAX);
	bool ok = read_file(c, source, STR(BUNDLE_MANIFEST), &text) &&
		  bundle_parse(buf_str(&text), c->arena, &c->bundle, &c->errors);
	buf_free(&text);
	return ok;
}

/* The errors of one template, with its file's name before their pointers. */
static bool parse_template(struct bundle_check *c, struct str file,
			   struct bundle_checked_template *t)
{
	struct error_list found;
	error_list_init(&found, BUNDLE_ERRORS_MAX);
	t->parsed = template_parse(t->json, &found);
	for (size_t i = 0; i < found.n; i++) {
		bundle_error_in(&found.items[i], file);
		error_list_add_error(&c->errors, &found.items[i]);
	}
	c->errors.dropped += found.dropped;
	if (t->parsed == NULL && error_list_empty(&found))
		add(c, ERROR_MEMORY, file, "", "no memory");
	error_list_free(&found);
	if (t->parsed == NULL)
		return false;
	struct template_need *needs;
	if (!template_variables(t->parsed, c->arena, &needs, &t->n_needs))
		return add(c, ERROR_MEMORY, file, "", "no memory");
	t->needs = needs;
	return true;
}

static bool keep_template(struct bundle_check *c, const struct bundle_file *f,
			  struct bundle_checked_template *t, struct str json)
{
	uint8_t sha256[CRYPTO_SHA256_LEN];
	crypto_sha256(json, sha256);
	if (!check_bytes(c, f, json.n, sha256))
		return false;
	crypto_hex(t->sha256_text, sha256, sizeof sha256);
	t->json = arena_str(c->arena, json);
	if (t->json.p == NULL)
		return add(c, ERROR_MEMORY, f->name, "", "no memory");
	return parse_template(c, f->name, t);
}

static bool read_template(struct bundle_check *c, const struct bundle_source *source,
			  struct bundle_checked_template *t)
{
	const struct bundle_file *f = bundle_template(&c->bundle, t->name);
	struct buf text;
	buf_init(&text, TEMPLATE_MAX_JSON);
	bool ok = read_file(c, source, f->name, &text) &&
		  keep_template(c, f, t, buf_str(&text));
	buf_free(&text);
	return ok;
}

/* What the campaign keeps of its templates. */
static bool describe_variant(struct bundle_check *c, size_t i)
{
	struct bundle_checked_template *t = &c->templates[i];
	struct campaign_variant *v =
		(struct campaign_variant *)(uintptr_t)&c->bundle.campaign.variants[i];
	struct template_variable *list =
		arena_array(c->arena, t->n_needs, sizeof *list);
	v->template_sha256 = arena_str(c->arena, str_of(t->sha256_text));
	if (list == NULL || v->template_sha256.p == NULL)
		return add(c, ERROR_MEMORY, t->name, "", "no memory");
	/* a variable that only a section shows may be absent: the section is then
	 * mostly not shown, and rows for which it would be were rejected */
	for (size_t j = 0; j < t->n_needs; j++)
		list[j] = (struct template_variable){t->needs[j].name,
						     t->needs[j].has_default ||
							     !t->needs[j].always};
	v->variables = list;
	v->n_variables = t->n_needs;
	return true;
}

static bool read_templates(struct bundle_check *c, const struct bundle_source *source)
{
	const struct campaign *campaign = &c->bundle.campaign;
	bool ok = true;
	c->templates =
		arena_array(c->arena, campaign->n_variants, sizeof *c->templates);
	if (c->templates == NULL)
		return add(c, ERROR_MEMORY, STR(BUNDLE_MANIFEST), "", "no memory");
	for (size_t i = 0; i < campaign->n_variants; i++) {
		c->templates[i].name = campaign->variants[i].template_name;
		c->n_templates++;
		ok = read_template(c, source, &c->templates[i]) &&
		     describe_variant(c, i) && ok;
	}
	return ok;
}

/* The display name as the template's author wrote it, not rendered: a variable in
 * front cannot stand in for the brand. */
static bool check_label(struct bundle_check *c, const struct bundle_checked_template *t,
			const struct tenant *tenant)
{
	struct error err;
	json_t *root = json_tree_read(t->json, &err);
	if (root == NULL)
		return error_list_add_error(&c->errors, &err);
	const json_t *name = json_object_get(json_object_get(root, "from"), "name");
	bool ok = campaign_check_label(&c->bundle.campaign, tenant,
				       str_of(json_string_value(name)),
				       BUNDLE_MANIFEST "#/campaign", &c->errors);
	json_decref(root);
	return ok;
}

static bool is_sender(const struct tenant *tenant, struct str address)
{
	for (size_t i = 0; i < tenant->n_senders; i++) {
		struct str allowed = tenant->senders[i].address;
		struct str tail = address;
		if (allowed.n > 0 && allowed.p[0] == '@' && address.n > allowed.n)
			tail = str_slice(address, address.n - allowed.n, address.n);
		if (str_ieq(tail, allowed))
			return true;
	}
	return false;
}

static bool check_sender(struct bundle_check *c, struct str file, struct str address,
			 const char *pointer, const struct tenant *tenant)
{
	if (address.n == 0 || !tenant->restrict_senders || is_sender(tenant, address))
		return true;
	return add(c, ERROR_UNPROCESSABLE, file, pointer,
		   "is not among the tenant's senders");
}

static bool check_tenant(struct bundle_check *c, const struct tenant *tenant)
{
	bool ok = campaign_check_tenant(&c->bundle.campaign, tenant,
					BUNDLE_MANIFEST "#/campaign", &c->errors);
	for (size_t i = 0; i < c->n_templates; i++) {
		const struct bundle_checked_template *t = &c->templates[i];
		struct str file = bundle_template(&c->bundle, t->name)->name;
		ok = check_label(c, t, tenant) && ok;
		ok = check_sender(c, file, t->parsed->from_address, "/from/address",
				  tenant) &&
		     ok;
		ok = check_sender(c, file, t->parsed->reply_to_address, "/replyTo",
				  tenant) &&
		     ok;
	}
	return ok;
}

bool bundle_check_documents(struct bundle_check *c, const struct bundle_source *source,
			    const struct tenant *tenant)
{
	return read_manifest(c, source) && read_templates(c, source) &&
	       (tenant == NULL || check_tenant(c, tenant));
}

bool bundle_rejected_check(uint64_t rejected, uint64_t read, uint64_t percent,
			   struct error *err)
{
	return rejected * 100 <= read * percent ||
	       error_set(err, ERROR_UNPROCESSABLE, "",
			 "%" PRIu64 " of %" PRIu64
			 " rows were rejected, more than %" PRIu64 " %%",
			 rejected, read, percent);
}
