/* SPDX-License-Identifier: Apache-2.0 */
/* Makes bundle.json from the files that lie beside it: campaign.json (the campaign
 * object), the templates that it names, recipients.csv[.gz|.zst]. Looks at no more
 * than it must to do so: bundle_check_documents and bundle_check_rows judge. */
#ifndef INLAY_MODEL_BUNDLE_BUILD_H
#define INLAY_MODEL_BUNDLE_BUILD_H

#include "model/bundle-check.h"

#define BUNDLE_CAMPAIGN "campaign.json"

/* Adds the manifest to `out`. False when errors were added. */
bool bundle_build(const struct bundle_source *source, struct buf *out,
		  struct error_list *errors);

#endif
