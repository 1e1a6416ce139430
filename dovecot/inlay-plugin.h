/* SPDX-License-Identifier: Apache-2.0 */
/* What Dovecot's loader calls. */
#ifndef INLAY_PLUGIN_H
#define INLAY_PLUGIN_H

struct module;

void inlay_plugin_init(struct module *module);
void inlay_plugin_deinit(void);

#endif
