/* SPDX-License-Identifier: Apache-2.0 */
/* A campaign's definition: the "campaign" object of bundle.json (contracts.md §5).
 * Immutable once loaded; what changes (paused, active version, ...) is struct
 * campaign_state. Fields that this version does not build are refused at import
 * with their JSON pointer, never ignored. */
#ifndef INLAY_MODEL_CAMPAIGN_H
#define INLAY_MODEL_CAMPAIGN_H

#include "base/arena.h"
#include "base/error.h"
#include "model/id.h"

#define CAMPAIGN_TYPES(X)                                                              \
	X(NEWSLETTER, "newsletter")                                                    \
	X(CROSS_UPSELL, "cross_upsell")                                                \
	X(RETARGETING, "retargeting")                                                  \
	X(REACTIVATION, "reactivation")                                                \
	X(AD_SLOT, "ad_slot")                                                          \
	X(THIRD_PARTY, "third_party")                                                  \
	X(SERVICE_ALERT, "service_alert")
enum campaign_type {
#define X(name, text) CAMPAIGN_##name,
	CAMPAIGN_TYPES(X)
#undef X
		CAMPAIGN_TYPES_COUNT
};

#define LEGAL_CLASSES(X)                                                               \
	X(SERVICE, "service")                                                          \
	X(OWN_MARKETING, "own_marketing")                                              \
	X(THIRD_PARTY_AD, "third_party_ad")
enum legal_class {
#define X(name, text) LEGAL_##name,
	LEGAL_CLASSES(X)
#undef X
		LEGAL_CLASSES_COUNT
};

enum audience_from {
	AUDIENCE_RECIPIENTS,
	AUDIENCE_EVERYONE,
};

enum placement_position {
	PLACEMENT_TOP,
	PLACEMENT_RANK,
	PLACEMENT_DATE,
};

/* After which end of an instance the next may follow (bits). */
enum repeat_after {
	REPEAT_AFTER_READ = 1,
	REPEAT_AFTER_GONE = 2,
	REPEAT_AFTER_EXPIRED = 4,
};

struct campaign_repeat {
	uint32_t max;       /* injections in all; default 1 */
	int64_t min_gap_ms; /* since the last one's injection; 0: none */
	unsigned after;     /* bits of enum repeat_after; default all */
};

/* An unread copy that has lain there for so long is put in anew (decision.md
 * "Reinjection and keep-on-top"). */
struct campaign_reinjection {
	int64_t after_ms;   /* since its injection, or the reinjection before */
	uint32_t max_times; /* 0: never */
};

/* Likewise one that so many messages of others came on top of. */
struct campaign_keep_on_top {
	uint32_t after_newer;
	uint32_t max_times; /* 0: never */
};

/* A variable of a template: where its value may come from. */
struct template_variable {
	struct str name;
	bool has_default; /* the template's own "defaults" */
};

struct campaign_variant {
	struct str id;
	struct str language;        /* key of its template, "en" */
	struct str template_name;   /* templates/{name}.json */
	struct str template_sha256; /* 64 hex; set when the bundle is loaded */
	const struct template_variable *variables; /* likewise; sorted by name */
	size_t n_variables;
};

struct campaign {
	struct str id, name;
	uint32_t version; /* from 1 */
	enum campaign_type type;
	enum legal_class legal_class;
	struct str purpose; /* absent only for service */
	struct str label;   /* label.text, or absent */
	enum audience_from from;
	const struct str *exclude_campaigns;
	size_t n_exclude_campaigns;
	int64_t start_ms, end_ms; /* [start, end) */
	uint32_t tier, weight;    /* 1..9, default 5; 1..1000, default 100 */
	struct campaign_repeat repeat;
	enum placement_position position;
	uint32_t rank;   /* PLACEMENT_RANK, from 1 */
	int64_t date_ms; /* PLACEMENT_DATE */
	struct campaign_keep_on_top keep_on_top;
	struct campaign_reinjection reinjection;
	const struct campaign_variant *variants;
	size_t n_variants; /* exactly 1 for now */
};

static inline bool campaign_is_service(const struct campaign *c)
{
	return c->legal_class == LEGAL_SERVICE;
}

/* What changes about a campaign: one document per campaign, written with
 * compare-and-set (storage.md "Loads", "Campaigns"). */
enum campaign_status {
	CAMPAIGN_STAGED, /* versions are loaded, none is active */
	CAMPAIGN_ACTIVE,
	CAMPAIGN_PAUSED,
	CAMPAIGN_CANCELLED, /* for good */
};
enum recall_scope {
	RECALL_NONE,
	RECALL_UNREAD,
	RECALL_ALL,
};
struct campaign_state {
	enum campaign_status status;
	uint32_t active_version;    /* 0: none */
	uint64_t active_load;       /* recipient rows; 0: none (everyone) */
	uint64_t import_epoch;      /* fences zombie importers */
	enum recall_scope recall;   /* what may be taken back */
	int64_t recalled_before_ms; /* assignments made before this instant */
	int64_t changed_ms;
};

#endif
