/* SPDX-License-Identifier: Apache-2.0 */
#include "model/campaign-json-internal.h"

#include "base/json-tree.h"
#include "model/json-table.h"
#include "model/user.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define LANGUAGE_MAX 35 /* RFC 5646 section 4.4.1: what an implementation must hold */

/* X(reader, JSON pointer, what it is to this version)
 * Fields of an object that is not built as a whole are not named one by one. */
#define CAMPAIGN_FIELDS(X)                                                             \
	X(read_id, "/id", JSON_NEEDED)                                                 \
	X(read_version, "/version", JSON_NEEDED)                                       \
	X(read_name, "/name", JSON_NEEDED)                                             \
	X(read_type, "/type", JSON_NEEDED)                                             \
	X(read_legal_class, "/legalClass", JSON_NEEDED)                                \
	X(read_purpose, "/purpose", JSON_OPTIONAL)                                     \
	X(json_table_object, "/label", JSON_OPTIONAL)                                  \
	X(read_label, "/label/text", JSON_NEEDED)                                      \
	X(NULL, "/advertiser", JSON_NOT_BUILT)                                         \
	X(NULL, "/notWithAdvertisers", JSON_NOT_BUILT)                                 \
	X(json_table_object, "/audience", JSON_NEEDED)                                 \
	X(read_from, "/audience/from", JSON_NEEDED)                                    \
	X(NULL, "/audience/rule", JSON_NOT_BUILT)                                      \
	X(read_excludes, "/audience/excludeCampaigns", JSON_OPTIONAL)                  \
	X(NULL, "/audience/excludeRule", JSON_NOT_BUILT)                               \
	X(NULL, "/audience/excludeUnknown", JSON_NOT_BUILT)                            \
	X(read_schedule, "/schedule", JSON_NEEDED)                                     \
	X(read_start, "/schedule/start", JSON_NEEDED)                                  \
	X(read_end, "/schedule/end", JSON_NEEDED)                                      \
	X(NULL, "/schedule/timeZone", JSON_NOT_BUILT)                                  \
	X(NULL, "/schedule/dayparts", JSON_NOT_BUILT)                                  \
	X(json_table_object, "/priority", JSON_OPTIONAL)                               \
	X(read_tier, "/priority/tier", JSON_OPTIONAL)                                  \
	X(read_weight, "/priority/weight", JSON_OPTIONAL)                              \
	X(NULL, "/slot", JSON_NOT_BUILT)                                               \
	X(NULL, "/goal", JSON_NOT_BUILT)                                               \
	X(NULL, "/pacing", JSON_NOT_BUILT)                                             \
	X(json_table_object, "/repeat", JSON_OPTIONAL)                                 \
	X(read_repeat_max, "/repeat/max", JSON_OPTIONAL)                               \
	X(read_repeat_gap, "/repeat/minGap", JSON_OPTIONAL)                            \
	X(read_repeat_after, "/repeat/after", JSON_OPTIONAL)                           \
	X(NULL, "/caps", JSON_NOT_BUILT)                                               \
	X(NULL, "/minGap", JSON_NOT_BUILT)                                             \
	X(campaign_read_placement, "/placement", JSON_OPTIONAL)                        \
	X(campaign_read_position, "/placement/position", JSON_NEEDED)                  \
	X(campaign_read_rank, "/placement/rank", JSON_OPTIONAL)                        \
	X(campaign_read_date, "/placement/date", JSON_OPTIONAL)                        \
	X(json_table_object, "/placement/keepOnTop", JSON_OPTIONAL)                    \
	X(campaign_read_while_unread, "/placement/keepOnTop/whileUnread",              \
	  JSON_OPTIONAL)                                                               \
	X(campaign_read_after_newer, "/placement/keepOnTop/afterNewer", JSON_NEEDED)   \
	X(campaign_read_keep_times, "/placement/keepOnTop/maxTimes", JSON_NEEDED)      \
	X(json_table_object, "/reinjection", JSON_OPTIONAL)                            \
	X(campaign_read_after, "/reinjection/after", JSON_NEEDED)                      \
	X(campaign_read_times, "/reinjection/maxTimes", JSON_NEEDED)                   \
	X(NULL, "/expireUnread", JSON_NOT_BUILT)                                       \
	X(NULL, "/recall", JSON_NOT_BUILT)                                             \
	X(NULL, "/onNewVersion", JSON_NOT_BUILT)                                       \
	X(read_variants, "/variants", JSON_NEEDED)                                     \
	X(read_variant_id, "/variants/*/id", JSON_NEEDED)                              \
	X(read_variant_weight, "/variants/*/weight", JSON_OPTIONAL)                    \
	X(read_templates, "/variants/*/templates", JSON_NEEDED)                        \
	X(read_fallback, "/variants/*/fallback", JSON_OPTIONAL)                        \
	X(NULL, "/holdoutPercent", JSON_NOT_BUILT)                                     \
	X(NULL, "/conversion", JSON_NOT_BUILT)                                         \
	X(NULL, "/clicks", JSON_NOT_BUILT)

void campaign_read_u32(struct json_table_reader *r, const json_t *v, uint32_t min,
		       uint32_t max, uint32_t *out)
{
	int64_t i;
	if (json_table_integer(r, v, min, max, &i))
		*out = (uint32_t)i;
}

bool campaign_read_parts(struct json_table_reader *r, const json_t *v)
{
	size_t before = r->errors->n + r->errors->dropped;
	json_table_object(r, v);
	return r->errors->n + r->errors->dropped == before;
}

static void read_id(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	json_table_id(r, v, &c->id);
}

static void read_version(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	campaign_read_u32(r, v, 1, UINT32_MAX, &c->version);
}

static void read_name(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	json_table_line(r, v, CAMPAIGN_NAME_MAX, &c->name);
}

static void read_type(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	unsigned i;
	if (json_table_choice(r, v, campaign_type_names, CAMPAIGN_TYPES_COUNT, &i))
		c->type = (enum campaign_type)i;
}

static void read_legal_class(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	unsigned i;
	if (json_table_choice(r, v, legal_class_names, LEGAL_CLASSES_COUNT, &i))
		c->legal_class = (enum legal_class)i;
}

static void read_purpose(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	json_table_id(r, v, &c->purpose);
}

static void read_label(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	json_table_line(r, v, CAMPAIGN_LABEL_MAX, &c->label);
}

static void read_from(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	unsigned i;
	if (json_table_choice(r, v, audience_from_names, AUDIENCE_FROMS, &i))
		c->from = (enum audience_from)i;
}

static void read_exclude(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	struct str *list = (struct str *)(uintptr_t)c->exclude_campaigns, id;
	if (!json_table_id(r, v, &id))
		return;
	if (str_eq(id, c->id)) {
		json_table_error(r, ERROR_UNPROCESSABLE,
				 "is the campaign itself; use "
				 "\"repeat\" to limit that");
		return;
	}
	for (size_t i = 0; i < c->n_exclude_campaigns; i++)
		if (str_eq(id, list[i])) {
			json_table_error(r, ERROR_BAD_VALUE, "is there twice");
			return;
		}
	list[c->n_exclude_campaigns++] = id;
}

static void read_excludes(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	if (!json_table_array(r, v, 0, CAMPAIGN_EXCLUDES_MAX))
		return;
	c->exclude_campaigns =
		arena_array(r->arena, json_array_size(v), sizeof(struct str));
	if (c->exclude_campaigns == NULL) {
		json_table_error(r, ERROR_MEMORY, "no memory");
		return;
	}
	for (size_t i = 0; i < json_array_size(v); i++)
		json_table_element(r, i, json_array_get(v, i), read_exclude);
}

static void read_start(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	json_table_time(r, v, &c->start_ms);
}

static void read_end(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	json_table_time(r, v, &c->end_ms);
}

static void read_schedule(struct json_table_reader *r, const json_t *v)
{
	const struct campaign *c = r->out;
	if (campaign_read_parts(r, v) && c->start_ms >= c->end_ms)
		json_table_error(r, ERROR_UNPROCESSABLE,
				 "\"end\" must be after \"start\"");
}

static void read_tier(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	campaign_read_u32(r, v, 1, CAMPAIGN_TIER_MAX, &c->tier);
}

static void read_weight(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	campaign_read_u32(r, v, 1, CAMPAIGN_WEIGHT_MAX, &c->weight);
}

static void read_repeat_max(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	campaign_read_u32(r, v, 1, USER_MAX_ASSIGNMENTS, &c->repeat.max);
}

static void read_repeat_gap(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	json_table_duration(r, v, &c->repeat.min_gap_ms);
}

static void read_one_after(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	unsigned i;
	if (json_table_choice(r, v, repeat_after_names, REPEAT_AFTERS, &i))
		c->repeat.after |= 1U << i;
}

static void read_repeat_after(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	if (!json_table_array(r, v, 1, REPEAT_AFTERS))
		return;
	c->repeat.after = 0;
	for (size_t i = 0; i < json_array_size(v); i++)
		json_table_element(r, i, json_array_get(v, i), read_one_after);
}

static struct campaign_variant *variant(const struct json_table_reader *r)
{
	const struct campaign *c = r->out;
	return (struct campaign_variant *)(uintptr_t)c->variants;
}

static void read_variant_id(struct json_table_reader *r, const json_t *v)
{
	json_table_id(r, v, &variant(r)->id);
}

/* The share of the only variant is all, whatever its weight. */
static void read_variant_weight(struct json_table_reader *r, const json_t *v)
{
	int64_t weight;
	json_table_integer(r, v, 1, CAMPAIGN_WEIGHT_MAX, &weight);
}

/* Letters, digits, '-': enough for a key; which tags exist is not ours to know. */
static bool is_language(struct str s)
{
	if (s.n < 2 || s.n > LANGUAGE_MAX || s.p[0] == '-' || s.p[s.n - 1] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = str_lower_char(s.p[i]);
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
			return false;
	}
	return true;
}

static void read_template(struct json_table_reader *r, const json_t *v)
{
	json_table_id(r, v, &variant(r)->template_name);
}

static void read_templates(struct json_table_reader *r, const json_t *v)
{
	const char *language;
	json_t *name;
	if (!json_is_object(v) || json_object_size(v) == 0) {
		json_table_error(r, ERROR_BAD_VALUE,
				 "must be an object of one template per language");
		return;
	}
	if (json_object_size(v) > 1) {
		json_table_error(r, ERROR_NOT_BUILT,
				 "more than one language is not built into this "
				 "version yet");
		return;
	}
	json_object_foreach((json_t *)(uintptr_t)v, language, name)
	{
		struct str s = str_of(language);
		if (!is_language(s)) {
			json_table_error(r, ERROR_BAD_VALUE,
					 "its key must be a language such as \"en\"");
			return;
		}
		variant(r)->language = arena_str(r->arena, s);
		/* its place is the object: the key is the document's own */
		read_template(r, name);
	}
}

static void read_fallback(struct json_table_reader *r, const json_t *v)
{
	const struct campaign_variant *one = variant(r);
	if (one->language.p != NULL &&
	    (!json_is_string(v) || !str_eqz(one->language, json_string_value(v))))
		json_table_error(r, ERROR_BAD_VALUE, "must be a key of \"templates\"");
}

static void read_variants(struct json_table_reader *r, const json_t *v)
{
	struct campaign *c = r->out;
	if (json_array_size(v) > 1) {
		json_table_error(r, ERROR_NOT_BUILT,
				 "more than one variant is not built into this "
				 "version yet");
		return;
	}
	if (!json_table_array(r, v, 1, 1))
		return;
	c->variants = arena_make(r->arena, struct campaign_variant);
	if (c->variants == NULL) {
		json_table_error(r, ERROR_MEMORY, "no memory");
		return;
	}
	c->n_variants = 1;
	json_table_element(r, 0, json_array_get(v, 0), json_table_object);
}

static const struct json_field fields[] = {
#define X(reader, pointer, need) {pointer, reader, need},
	CAMPAIGN_FIELDS(X)
#undef X
};

bool campaign_from_json(const json_t *value, const char *prefix, struct arena *arena,
			struct campaign *out, struct error_list *errors)
{
	struct json_table_reader r;
	size_t before = errors->n + errors->dropped;
	*out = (struct campaign){
		.tier = CAMPAIGN_TIER_DEFAULT,
		.weight = CAMPAIGN_WEIGHT_DEFAULT,
		.repeat = {.max = 1, .after = REPEAT_AFTER_ALL},
	};
	json_table_init(&r, fields, COUNT(fields), arena, errors, prefix, out);
	json_table_object(&r, value);
	if (arena_failed(arena))
		return error_list_add(errors, ERROR_MEMORY, prefix, "no memory");
	if (errors->n + errors->dropped != before)
		return false;
	return campaign_check_rules(out, prefix, errors);
}

bool campaign_parse(struct str json, struct arena *arena, struct campaign *out,
		    struct error_list *errors)
{
	struct error err;
	if (json.n > CAMPAIGN_JSON_MAX)
		return error_list_add(errors, ERROR_TOO_LARGE, "", "is over %d bytes",
				      CAMPAIGN_JSON_MAX);
	json_t *value = json_tree_read(json, &err);
	if (value == NULL)
		return error_list_add_error(errors, &err);
	bool ok = campaign_from_json(value, "", arena, out, errors);
	json_decref(value);
	return ok;
}
