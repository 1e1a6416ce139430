/* SPDX-License-Identifier: Apache-2.0 */
#include "model/campaign-json-internal.h"

#include "base/clock.h"

const char *const campaign_type_names[CAMPAIGN_TYPES_COUNT] = {
#define X(name, text) text,
	CAMPAIGN_TYPES(X)
#undef X
};
const char *const legal_class_names[LEGAL_CLASSES_COUNT] = {
#define X(name, text) text,
	LEGAL_CLASSES(X)
#undef X
};
const char *const audience_from_names[AUDIENCE_FROMS] = {"recipients", "everyone"};
const char *const placement_names[PLACEMENTS] = {"top", "rank", "date"};
const char *const repeat_after_names[REPEAT_AFTERS] = {"read", "gone", "expired"};

const char *campaign_type_name(enum campaign_type t)
{
	return campaign_type_names[t];
}

const char *legal_class_name(enum legal_class c)
{
	return legal_class_names[c];
}

static void put_repeat(struct json_writer *w, const struct campaign_repeat *r)
{
	json_put_key(w, STR("repeat"));
	json_put_object(w);
	json_kv_u64(w, "max", r->max);
	if (r->min_gap_ms > 0)
		json_kv_duration(w, "minGap", r->min_gap_ms);
	json_put_key(w, STR("after"));
	json_put_array(w);
	for (size_t i = 0; i < REPEAT_AFTERS; i++)
		if ((r->after & 1U << i) != 0)
			json_put_string(w, str_of(repeat_after_names[i]));
	json_put_array_end(w);
	json_put_object_end(w);
}

static void put_audience(struct json_writer *w, const struct campaign *c)
{
	json_put_key(w, STR("audience"));
	json_put_object(w);
	json_kv_string(w, "from", str_of(audience_from_names[c->from]));
	if (c->n_exclude_campaigns > 0) {
		json_put_key(w, STR("excludeCampaigns"));
		json_put_array(w);
		for (size_t i = 0; i < c->n_exclude_campaigns; i++)
			json_put_string(w, c->exclude_campaigns[i]);
		json_put_array_end(w);
	}
	json_put_object_end(w);
}

static void put_keep_on_top(struct json_writer *w, const struct campaign_keep_on_top *k)
{
	if (k->max_times == 0)
		return;
	json_put_key(w, STR("keepOnTop"));
	json_put_object(w);
	json_kv_bool(w, "whileUnread", true);
	json_kv_u64(w, "afterNewer", k->after_newer);
	json_kv_u64(w, "maxTimes", k->max_times);
	json_put_object_end(w);
}

static void put_placement(struct json_writer *w, const struct campaign *c)
{
	json_put_key(w, STR("placement"));
	json_put_object(w);
	json_kv_string(w, "position", str_of(placement_names[c->position]));
	if (c->position == PLACEMENT_RANK)
		json_kv_u64(w, "rank", c->rank);
	if (c->position == PLACEMENT_DATE)
		json_kv_time(w, "date", c->date_ms);
	put_keep_on_top(w, &c->keep_on_top);
	json_put_object_end(w);
}

static void put_reinjection(struct json_writer *w, const struct campaign_reinjection *r)
{
	if (r->max_times == 0)
		return;
	json_put_key(w, STR("reinjection"));
	json_put_object(w);
	json_kv_duration(w, "after", r->after_ms);
	json_kv_u64(w, "maxTimes", r->max_times);
	json_put_object_end(w);
}

static void put_variants(struct json_writer *w, const struct campaign *c)
{
	json_put_key(w, STR("variants"));
	json_put_array(w);
	for (size_t i = 0; i < c->n_variants; i++) {
		const struct campaign_variant *v = &c->variants[i];
		json_put_object(w);
		json_kv_string(w, "id", v->id);
		json_put_key(w, STR("templates"));
		json_put_object(w);
		json_put_key(w, v->language);
		json_put_string(w, v->template_name);
		json_put_object_end(w);
		json_kv_string(w, "fallback", v->language);
		json_put_object_end(w);
	}
	json_put_array_end(w);
}

void campaign_put_json(struct json_writer *w, const struct campaign *c)
{
	json_put_object(w);
	json_kv_string(w, "id", c->id);
	json_kv_u64(w, "version", c->version);
	json_kv_string(w, "name", c->name);
	json_kv_string(w, "type", str_of(campaign_type_names[c->type]));
	json_kv_string(w, "legalClass", str_of(legal_class_names[c->legal_class]));
	if (c->purpose.p != NULL)
		json_kv_string(w, "purpose", c->purpose);
	if (c->label.p != NULL) {
		json_put_key(w, STR("label"));
		json_put_object(w);
		json_kv_string(w, "text", c->label);
		json_put_object_end(w);
	}
	put_audience(w, c);
	json_put_key(w, STR("schedule"));
	json_put_object(w);
	json_kv_time(w, "start", c->start_ms);
	json_kv_time(w, "end", c->end_ms);
	json_put_object_end(w);
	json_put_key(w, STR("priority"));
	json_put_object(w);
	json_kv_u64(w, "tier", c->tier);
	json_kv_u64(w, "weight", c->weight);
	json_put_object_end(w);
	put_repeat(w, &c->repeat);
	put_placement(w, c);
	put_reinjection(w, &c->reinjection);
	put_variants(w, c);
	json_put_object_end(w);
}
