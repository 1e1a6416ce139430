/* SPDX-License-Identifier: Apache-2.0 */
#include "inlay-quota.h"

#include "quota.h"

/* Of the quota plugin, which need not be loaded: weak. Without the first of them
 * there is no quota. */
#pragma weak quota_root_iter_init
#pragma weak quota_root_iter_next
#pragma weak quota_root_iter_deinit
#pragma weak quota_get_resource

bool inlay_quota_fits(uint64_t used, uint64_t limit, uint64_t add, unsigned int percent,
		      uint64_t must_be_free)
{
	if (add > limit || used > limit - add)
		return FALSE;
	uint64_t after = used + add;
	return limit - after >= must_be_free &&
	       after <= limit / 100 * percent + limit % 100 * percent / 100;
}

static bool resource_allows(struct quota_root *root, struct mailbox *box,
			    const char *resource, uint64_t add, unsigned int percent,
			    uint64_t must_be_free)
{
	uint64_t used, limit;
	const char *error;

	switch (quota_get_resource(root, box->vname, resource, &used, &limit, &error)) {
	case QUOTA_GET_RESULT_UNLIMITED:
	case QUOTA_GET_RESULT_UNKNOWN_RESOURCE:
		return TRUE;
	case QUOTA_GET_RESULT_LIMITED:
		return inlay_quota_fits(used, limit, add, percent, must_be_free);
	case QUOTA_GET_RESULT_BACKGROUND_CALC:
	case QUOTA_GET_RESULT_INTERNAL_ERROR:
		break;
	}
	return FALSE;
}

bool inlay_quota_allows(struct mailbox *box, const struct inlay_settings *set,
			uint64_t size)
{
	struct quota_root *root;
	bool allows = TRUE;

	/* the plugin may be loaded, but not for this user */
	const char *const *plugins =
		t_strsplit_spaces(box->storage->user->set->mail_plugins, " ,");
	if (quota_root_iter_init == NULL || !str_array_find(plugins, "quota"))
		return TRUE;
	struct quota_root_iter *iter = quota_root_iter_init(box);
	while (allows && (root = quota_root_iter_next(iter)) != NULL) {
		/* this resource is counted in KiB */
		allows = resource_allows(root, box, QUOTA_NAME_STORAGE_KILOBYTES,
					 size / 1024 + 1, set->quota_percent,
					 set->quota_free / 1024) &&
			 resource_allows(root, box, QUOTA_NAME_MESSAGES, 1,
					 set->quota_percent, 0);
	}
	quota_root_iter_deinit(&iter);
	return allows;
}
