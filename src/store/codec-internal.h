/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by codec.c and codec-user.c. */
#ifndef INLAY_STORE_CODEC_INTERNAL_H
#define INLAY_STORE_CODEC_INTERNAL_H

#include "store/codec.h"

#define CODEC_VERSION 1

/* The version byte; another one is bad. */
void codec_begin(struct codec_in *in);
/* 0 or 1. */
bool codec_flag(struct codec_in *in);

#endif
