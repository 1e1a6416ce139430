/* SPDX-License-Identifier: Apache-2.0 */
/* application.properties of mimd: one table, from which checking, defaults, --help,
 * --print-config and the manual page come. The names of the original are taken as they
 * are; ours begin with "inlay.". */
#ifndef INLAY_MIM_SETTINGS_H
#define INLAY_MIM_SETTINGS_H

#include "base/properties.h"
#include "net/address.h"

#define SETTINGS_DEFAULT_FILE "/etc/mail-injection-middleware/application.properties"

const struct setting *mim_settings_table(size_t *n);

/* Settings whose default is a place below inlay.data.directory: the path as it counts.
 * False only if it is longer than size. */
bool mim_settings_path(const struct settings *s, const char *name, char *out,
		       size_t size);
/* Which store: "lmdb" or "cassandra". Set by inlay.store; else cassandra if
 * spring.data.cassandra.contact-points is set, else lmdb. */
struct str mim_settings_store(const struct settings *s);
/* inlay.net.allow. False with each error in the list. */
bool mim_settings_networks(const struct settings *s, struct address_networks *out,
			   struct error_list *errors);
/* What cannot be seen from one setting alone: a store that is not built in, a file that
 * would have to be two, ... */
bool mim_settings_check(const struct settings *s, struct error_list *errors,
			struct error_list *warnings);

#endif
