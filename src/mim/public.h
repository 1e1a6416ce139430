/* SPDX-License-Identifier: Apache-2.0 */
/* What the public listener serves: /u/{token}, where a mail user says no. Nothing of
 * the API is reachable through it. */
#ifndef INLAY_MIM_PUBLIC_H
#define INLAY_MIM_PUBLIC_H

#include "mim/mim.h"
#include "net/http-server.h"

#define PUBLIC_MAX_BODY 4096

/* Answers it: at once, or from a worker thread. */
void public_handle(struct mim *mim, struct http_request *rq);

#endif
