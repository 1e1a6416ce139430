/* SPDX-License-Identifier: Apache-2.0 */
/* Dovecot's headers, and the one place that knows one version of Dovecot from
 * another. Everything else of the plugin is written against what is named here. */
#ifndef INLAY_COMPAT_H
#define INLAY_COMPAT_H

/* in this order: the others need what these two define */
#include "config.h"

#include "lib.h"

#include "array.h"
#include "buffer.h"
#include "crc32.h"
#include "eacces-error.h"
#include "guid.h"
#include "hex-binary.h"
#include "ioloop.h"
#include "istream.h"
#include "mail-index.h"
#include "mail-namespace.h"
#include "mail-search-build.h"
#include "mail-search.h"
#include "mail-storage-hooks.h"
#include "mail-storage-private.h"
#include "mail-user.h"
#include "mailbox-list-private.h"
#include "master-service.h"
#include "module-context.h"
#include "net.h"
#include "sort.h"
#include "strescape.h"
#include "wildcard-match.h"

/* A setting of the plugin {} section, or NULL. 2.4 has no such section any more:
 * there the settings come through a setting_parser_info. */
static inline const char *inlay_setting(struct mail_user *user, const char *name)
{
	return mail_user_plugin_getenv(user, name);
}

#endif
