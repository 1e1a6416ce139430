/* SPDX-License-Identifier: Apache-2.0 */
#include "model/campaign-json-internal.h"

#include <stdio.h>

#include "model/json-table.h"

static bool against(struct error_list *errors, const char *prefix, const char *pointer,
		    const char *message)
{
	char where[JSON_TABLE_POINTER_MAX];
	snprintf(where, sizeof where, "%s%s", prefix, pointer);
	return error_list_add(errors, ERROR_UNPROCESSABLE, where, "%s", message);
}

/* Rules that span fields. They look at the fields only: called without errors. */
bool campaign_check_rules(const struct campaign *c, const char *prefix,
			  struct error_list *errors)
{
	bool ok = true;
	if (campaign_is_service(c) && c->type != CAMPAIGN_SERVICE_ALERT)
		ok = against(errors, prefix, "/legalClass",
			     "\"service\" goes with type \"service_alert\" only");
	if (!campaign_is_service(c) && c->purpose.p == NULL)
		ok = against(errors, prefix, "/purpose",
			     "is missing: only a service message goes without consent");
	if (c->legal_class == LEGAL_THIRD_PARTY_AD && c->label.p == NULL)
		ok = against(errors, prefix, "/label",
			     "is missing: third-party advertising must be labelled");
	return ok;
}

bool campaign_check_tenant(const struct campaign *c, const struct tenant *t,
			   const char *prefix, struct error_list *errors)
{
	bool ok = true;
	if (!campaign_is_service(c) && t->public_url.n == 0)
		ok = against(errors, prefix, "/legalClass",
			     "a message that is not a service message carries a link "
			     "to unsubscribe: the tenant needs a \"publicUrl\"");
	if (c->legal_class == LEGAL_THIRD_PARTY_AD && c->position != PLACEMENT_TOP &&
	    !t->allow_interleaved_ads)
		ok = against(errors, prefix, "/placement/position",
			     "third-party advertising among private mails is refused "
			     "unless the tenant sets \"allowInterleavedAds\"");
	return ok;
}

static bool begins_with_brand(struct str name, struct str brand)
{
	name = str_trim(name);
	brand = str_trim(brand);
	if (brand.n == 0 || name.n < brand.n ||
	    !str_ieq(str_slice(name, 0, brand.n), brand))
		return false;
	if (name.n == brand.n)
		return true;
	/* "Acmetopia" is not "Acme", nor is "Acme{{x}}"; bytes of other letters are
	 * no word's end */
	unsigned char next = (unsigned char)str_lower_char(name.p[brand.n]);
	return next < 0x80 && next != '{' && !(next >= 'a' && next <= 'z') &&
	       !(next >= '0' && next <= '9');
}

bool campaign_check_label(const struct campaign *c, const struct tenant *t,
			  struct str from_name, const char *prefix,
			  struct error_list *errors)
{
	if (c->legal_class != LEGAL_OWN_MARKETING || c->label.p != NULL ||
	    begins_with_brand(from_name, t->brand))
		return true;
	return against(errors, prefix, "/label",
		       "is missing: own marketing needs a label, or a sender's name "
		       "that begins with the tenant's \"brand\"");
}
