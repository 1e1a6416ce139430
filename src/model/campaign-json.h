/* SPDX-License-Identifier: Apache-2.0 */
/* The "campaign" object of bundle.json (contracts.md §5): JSON in, validated with
 * all errors at once, and JSON out. The table of its fields is in campaign-json.c.
 * A field that is not built into this version is refused with NOT_BUILT, an unknown
 * one with UNKNOWN_FIELD, a value against the rules with UNPROCESSABLE; each error's
 * place is the JSON pointer. Pure. */
#ifndef INLAY_MODEL_CAMPAIGN_JSON_H
#define INLAY_MODEL_CAMPAIGN_JSON_H

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "model/campaign.h"
#include "model/tenant.h"

#include <jansson.h>

#define CAMPAIGN_JSON_MAX (64 * 1024) /* bytes of the object */
#define CAMPAIGN_NAME_MAX 200
#define CAMPAIGN_LABEL_MAX 64
#define CAMPAIGN_EXCLUDES_MAX 100

#define CAMPAIGN_TIER_DEFAULT 5
#define CAMPAIGN_TIER_MAX 9
#define CAMPAIGN_WEIGHT_DEFAULT 100
#define CAMPAIGN_WEIGHT_MAX 1000
#define CAMPAIGN_RANK_MAX 100 /* the plugin looks at some more messages than that */
#define CAMPAIGN_NEWER_MAX 10000
#define CAMPAIGN_TIMES_MAX 100
#define CAMPAIGN_AFTER_MIN_MS CLOCK_SECOND

/* prefix: pointer of the object in its document ("/campaign"), or "". Text goes to
 * the arena. False when errors were added; *out is then of no use. What a tenant or
 * a template must say to it is left to the checks below. */
bool campaign_from_json(const json_t *value, const char *prefix, struct arena *arena,
			struct campaign *out, struct error_list *errors);
/* The same from text. */
bool campaign_parse(struct str json, struct arena *arena, struct campaign *out,
		    struct error_list *errors);

/* Rules of decision.md "Consent and law" that depend on the tenant: publicUrl,
 * place of third-party advertising. False when errors were added. */
bool campaign_check_tenant(const struct campaign *c, const struct tenant *t,
			   const char *prefix, struct error_list *errors);
/* Own marketing needs a label, or a From whose display name begins with the
 * tenant's brand (folded in ASCII, followed by a word's end). */
bool campaign_check_label(const struct campaign *c, const struct tenant *t,
			  struct str from_name, const char *prefix,
			  struct error_list *errors);

/* As an object, defaults written out; campaign_parse reads it back as equal. */
void campaign_put_json(struct json_writer *w, const struct campaign *c);

const char *campaign_type_name(enum campaign_type t);
const char *legal_class_name(enum legal_class c);

#endif
