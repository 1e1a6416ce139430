/* SPDX-License-Identifier: Apache-2.0 */
/* The course of a campaign's import: nothing of it can be seen before the last step. */
#include "mim/import-internal.h"
#include "mim/sync.h"

#include <stdio.h>

/* "bundle.json#/campaign/id" is shown as the pointer that it is. */
static void add_problem(struct import_job *j, const struct error *e)
{
	static const char manifest[] = BUNDLE_MANIFEST "#";
	struct error shown = *e;
	if (str_starts(str_of(e->where), STR(BUNDLE_MANIFEST "#")))
		memmove(shown.where, shown.where + strlen(manifest),
			sizeof shown.where - strlen(manifest));
	error_list_add_error(&j->problem, &shown);
}

static bool bundle_failed(struct import_job *j)
{
	for (size_t i = 0; i < j->check->errors.n && !j->interrupted; i++)
		add_problem(j, &j->check->errors.items[i]);
	j->problem.dropped += j->check->errors.dropped;
	return false;
}

static void check_excluded(struct import_job *j, size_t i, struct error *err)
{
	char where[96];
	struct store_document doc;
	struct campaign_document d = {.shown_version = 0};
	const struct campaign *c = &j->check->bundle.campaign;
	if (!sync_document_get(j->tenant->db, STORE_CAMPAIGN, c->exclude_campaigns[i],
			       j->arena, &doc, err) ||
	    (doc.revision > 0 && !campaign_document_parse(doc.body, j->arena, &d, err)))
		return;
	if (d.newest_version > 0)
		return;
	snprintf(where, sizeof where,
		 BUNDLE_MANIFEST "#/campaign/audience/excludeCampaigns/%zu", i);
	error_list_add(&j->check->errors, ERROR_UNPROCESSABLE, where,
		       "there is no campaign \"%.*s\"",
		       STR_ARG(c->exclude_campaigns[i]));
}

/* What only the stored state of the tenant can say. */
static bool check_against_store(struct import_job *j, struct error *err)
{
	const struct campaign *c = &j->check->bundle.campaign;
	if (campaign_is_service(c) && !j->doc.service)
		error_list_add(&j->check->errors, ERROR_FORBIDDEN,
			       BUNDLE_MANIFEST "#/campaign/legalClass",
			       "a service message needs a token with the right "
			       "\"service\"");
	if (c->purpose.p != NULL && schema_purpose(&j->schema, c->purpose) == NULL)
		error_list_add(&j->check->errors, ERROR_UNPROCESSABLE,
			       BUNDLE_MANIFEST "#/campaign/purpose",
			       "the tenant has declared no purpose \"%.*s\"",
			       STR_ARG(c->purpose));
	for (size_t i = 0; i < c->n_exclude_campaigns && err->kind == ERROR_NONE; i++)
		check_excluded(j, i, err);
	return err->kind == ERROR_NONE;
}

static bool read_rows(struct import_job *j)
{
	const struct bundle_file *f = bundle_recipients(&j->check->bundle);
	if (f == NULL)
		return true;
	j->doc.bytes_total = f->bytes;
	j->doc.has_total = f->has_rows;
	j->doc.rows_total = f->rows;
	if (!import_read_rows(j))
		return false;
	import_take_figures(j);
	j->doc.has_total = true;
	j->doc.rows_total = j->doc.rows_read;
	for (size_t i = 0; i < j->check->row_errors.n; i++)
		error_list_add_error(&j->row_errors, &j->check->row_errors.items[i]);
	j->row_errors.dropped += j->check->row_errors.dropped;
	return import_check_rejected(j);
}

static bool load_rows(struct import_job *j, struct error *err)
{
	if (bundle_recipients(&j->check->bundle) == NULL)
		return true;
	if (!import_enter(j, IMPORT_SORTING, err))
		return import_fail(j, err);
	if (!import_count_twins(j, bundle_recipients(&j->check->bundle)->name) ||
	    !import_find_load(j))
		return false;
	if (j->load_is_old)
		return true;
	j->dead_rows = true;
	return import_enter(j, IMPORT_LOADING, err) ? import_load_rows(j)
						    : import_fail(j, err);
}

static bool load_and_publish(struct import_job *j)
{
	struct error err = {0};
	if (!import_claim(j))
		return false;
	bool ok = load_rows(j, &err);
	if (ok && !import_enter(j, IMPORT_ACTIVATING, &err))
		ok = import_fail(j, &err);
	ok = ok && import_publish(j);
	if (!ok && !j->interrupted)
		import_give_up(j);
	j->dead_rows = true; /* of this one, or of the version before */
	return ok;
}

static bool check_bundle(struct import_job *j)
{
	struct error err = {0};
	if (!check_against_store(j, &err))
		return import_fail(j, &err);
	bool ok = error_list_empty(&j->check->errors);
	/* also then, so that all that is wrong is known at once */
	if (!read_rows(j))
		ok = false;
	return ok || bundle_failed(j);
}

bool import_campaign(struct import_job *j)
{
	struct error err = {0};
	const struct bundle_source source = {j, import_read_file};
	j->check = bundle_check_new();
	if (j->check == NULL) {
		error_set(&err, ERROR_MEMORY, "", "no memory");
		return import_fail(j, &err);
	}
	if (!import_enter(j, IMPORT_READING, &err))
		return import_fail(j, &err);
	if (!bundle_check_documents(j->check, &source, j->config->tenant))
		return bundle_failed(j);
	j->doc.campaign = j->check->bundle.campaign.id;
	j->doc.version = j->check->bundle.campaign.version;
	switch (import_compare(j)) {
	case IMPORT_NOT_TAKEN:
		return false;
	case IMPORT_KNOWN:
		j->doc.unchanged = true;
		return true;
	case IMPORT_TO_FLIP:
		j->dead_rows = true;
		return import_flip(j);
	case IMPORT_NEWS:
		break;
	}
	return check_bundle(j) && load_and_publish(j);
}
