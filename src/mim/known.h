/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that were checked before, known again by a MAC. Agents send one and the same
 * token with every request, and its SHA-256 costs ten times as much. Without the key,
 * which nobody has but this process, another text with the same MAC can only be
 * guessed.
 *
 * Four of those whose MACs begin alike have a place; a fifth takes that of the one that
 * came first. Has no lock of its own: known_find() only reads. */
#ifndef INLAY_MIM_KNOWN_H
#define INLAY_MIM_KNOWN_H

#include "mim/tokens.h"

#define KNOWN_SETS 64
#define KNOWN_WAYS 4

struct known_token {
	uint8_t mac[CRYPTO_AGAIN_LEN];
	struct identity who;
	bool is_set;
};

struct known {
	uint8_t key[CRYPTO_AGAIN_LEN];
	struct known_set {
		struct known_token ways[KNOWN_WAYS];
		unsigned next; /* to be written over */
	} sets[KNOWN_SETS];
};

/* Draws the key; nobody is known. */
void known_init(struct known *k);
void known_mac(const struct known *k, struct str text, uint8_t mac[CRYPTO_AGAIN_LEN]);
/* NULL: not known. Compares in constant time. */
const struct identity *known_find(const struct known *k,
				  const uint8_t mac[CRYPTO_AGAIN_LEN]);
/* Also of one that is known already. */
void known_put(struct known *k, const uint8_t mac[CRYPTO_AGAIN_LEN],
	       const struct identity *who);
void known_forget(struct known *k); /* all of them */

#endif
