/* SPDX-License-Identifier: Apache-2.0 */
/* The frames between the Dovecot plugin and inlay-agent on their unix stream
 * socket. Pure: bytes in, values out, and back; no socket, no clock.
 *
 * A frame is
 *   u32 length of what follows | u8 version | u8 type | fields
 * and a field is
 *   u8 tag | u32 length | bytes
 * Integers are big-endian and of fixed width (a field of another length is an
 * error). Text is UTF-8 without NUL. Fields may come in any order; one that is
 * not a list comes at most once. Unknown tags are skipped, an unknown version
 * is an error, a frame of an unknown type is WIRE_SKIP (whole, to be skipped).
 *
 * What follows what (one stream is bound to one tenant and user):
 *   plugin HELLO                  agent READY
 *   plugin OPEN                   agent KNOWN, 0..8 of INJECT REINJECT WITHDRAW, DONE
 *   plugin EVENT (any time)       agent ACK
 *   agent WITHDRAW, OPEN_AGAIN    pushed at any time; a WITHDRAW is answered by an
 *                                 EVENT, OPEN_AGAIN by OPEN at the next trigger
 * An agent without an answer sends nothing. When the middleware refuses for now, it
 * says so with a READY that is not open, to HELLO and to OPEN: nobody need wait.
 *
 * Times are int64 milliseconds since 1970 UTC. An instance is 32 lower-case hex
 * digits, so is a GUID. Addresses, user and tenant names are text. */
#ifndef INLAY_WIRE_WIRE_H
#define INLAY_WIRE_WIRE_H

#include "base/buf.h"
#include "base/str.h"

#define WIRE_VERSION 1
#define WIRE_HEADER 6 /* length, version and type: bytes before the fields */

/* Limits. Whatever passes one is an error on either side. */
#define WIRE_FIELD_MAX (64u * 1024)     /* any field but `message` */
#define WIRE_MESSAGE_MAX (1024u * 1024) /* field `message` */
#define WIRE_TEXT_MAX 1024u             /* tenant, user, protocol, address, proof */
#define WIRE_ACTIONS_MAX 8      /* INJECT, REINJECT, WITHDRAW between OPEN and DONE */
#define WIRE_PRESENT_MAX 512    /* entries of OPEN and KNOWN */
#define WIRE_DATE_OFFSETS_MAX 4 /* places of the date in a message */
#define WIRE_EVENTS_MAX 64      /* unacknowledged EVENTs a plugin keeps */
#define WIRE_TIME_MAX INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */
#define WIRE_SMALL_MAX (160u * 1024) /* length of a frame that carries no message */
#define WIRE_FRAME_MAX (WIRE_MESSAGE_MAX + WIRE_FIELD_MAX) /* ... of one that does */

/* The date in a message is fixed-width, as in "Mon, 23 Nov 2026 17:00:00 +0000"
 * (RFC 5322 section 3.3; always two digits for the day, always UTC). */
#define WIRE_DATE_WIDTH 31

/* Frame types: name, number, longest length, member of struct wire_frame. */
#define WIRE_TYPES(X)                                                                  \
	X(HELLO, 1, WIRE_SMALL_MAX)                                                    \
	X(READY, 2, WIRE_SMALL_MAX)                                                    \
	X(OPEN, 3, WIRE_SMALL_MAX)                                                     \
	X(KNOWN, 4, WIRE_SMALL_MAX)                                                    \
	X(INJECT, 5, WIRE_FRAME_MAX)                                                   \
	X(REINJECT, 6, WIRE_FRAME_MAX)                                                 \
	X(WITHDRAW, 7, WIRE_SMALL_MAX)                                                 \
	X(DONE, 8, WIRE_SMALL_MAX)                                                     \
	X(EVENT, 9, WIRE_SMALL_MAX)                                                    \
	X(ACK, 10, WIRE_SMALL_MAX)                                                     \
	X(OPEN_AGAIN, 11, WIRE_SMALL_MAX)

enum wire_type {
#define X(name, number, max) WIRE_##name = (number),
	WIRE_TYPES(X)
#undef X
};

/* Where the message goes. TOP: dated at the save. RANK: one second before the
 * (rank-1)th newest. DATE: `date` as given, never later than the save. */
#define WIRE_POSITIONS(X)                                                              \
	X(TOP, 0, "top")                                                               \
	X(RANK, 1, "rank")                                                             \
	X(DATE, 2, "date")

enum wire_position {
#define X(name, number, text) WIRE_POSITION_##name = (number),
	WIRE_POSITIONS(X)
#undef X
};

/* Event types; the text is that of MIM's interface. */
#define WIRE_EVENTS(X)                                                                 \
	X(INJECTED, 1, "injected")                                                     \
	X(REINJECTED, 2, "reinjected")                                                 \
	X(READ, 3, "read")                                                             \
	X(GONE, 4, "gone")                                                             \
	X(REFUSED, 5, "refused")                                                       \
	X(UNCERTAIN, 6, "uncertain")

enum wire_event_type {
#define X(name, number, text) WIRE_EVENT_##name = (number),
	WIRE_EVENTS(X)
#undef X
};

/* Causes of an event: number, text, the event type it belongs to. */
#define WIRE_CAUSES(X)                                                                 \
	X(EXPUNGED, 1, "expunged", GONE)                                               \
	X(MOVED, 2, "moved", GONE)                                                     \
	X(WITHDRAWN, 3, "withdrawn", GONE)                                             \
	X(REPLACED, 4, "replaced", GONE)                                               \
	X(UNKNOWN, 5, "unknown", GONE)                                                 \
	X(UNSUPPORTED, 16, "unsupported", REFUSED) /* reserved: nobody sends it */     \
	X(LATE, 17, "late", REFUSED)               /* validFor was over */             \
	X(QUOTA, 18, "quota", REFUSED)             /* no headroom, or usage unknown */ \
	X(LEDGER, 19, "ledger", REFUSED)           /* was saved once before */         \
	X(FAILED, 20, "failed", REFUSED)           /* the mailbox did not take it */   \
	X(INVALID, 21, "invalid", REFUSED)         /* message or frame unusable */     \
	X(EXCLUDED, 22, "excluded", REFUSED)       /* by this node's settings */       \
	X(CHANGED, 23, "changed", REFUSED) /* what it replaces was read or is gone */

enum wire_cause {
	WIRE_CAUSE_NONE = 0,
#define X(name, number, text, event) WIRE_CAUSE_##name = (number),
	WIRE_CAUSES(X)
#undef X
};

#define WIRE_WITHDRAW_CAUSES(X)                                                        \
	X(RECALL, 1, "recall")                                                         \
	X(EXPIRED, 2, "expired")                                                       \
	X(REPLACED, 3, "replaced") /* a reinjection of it is there */

enum wire_withdraw_cause {
#define X(name, number, text) WIRE_WITHDRAW_##name = (number),
	WIRE_WITHDRAW_CAUSES(X)
#undef X
};

/* The frames. Enumerations are kept in a uint8_t and are valid after decoding.
 * Text is borrowed: from the frame's bytes after decoding, from the caller when
 * encoding. An absent optional text is {NULL,0}. */

struct wire_hello {
	struct str tenant;
	struct str user;
	struct str protocol; /* "imap" or "pop3" */
	struct str address;  /* of the client, as text; optional */
};

struct wire_ready {
	bool open;           /* something could be done for this user now */
	uint32_t next_check; /* seconds */
};

/* One message of ours in INBOX. */
struct wire_present {
	struct str guid;
	uint32_t uid;
	bool seen;
	uint32_t newer;      /* foreign messages with a higher UID */
	struct str proof;    /* of X-Inlay-Instance, when the GUID alone proves nothing;
			      * "instance; mac" as the header has it; optional */
	struct str instance; /* that KNOWN or the ledger names for it; optional */
};

struct wire_open {
	uint32_t request; /* chosen by the plugin, repeated in the answers */
	uint32_t uid_validity;
	uint32_t uid_next;
	bool complete; /* `present` is all there is */
	struct wire_present present[WIRE_PRESENT_MAX];
	size_t present_count;
};

struct wire_own {
	struct str guid;
	struct str instance;
};

struct wire_known {
	uint32_t request;
	struct wire_own own[WIRE_PRESENT_MAX];
	size_t own_count;
};

/* INJECT and REINJECT. The plugin overwrites WIRE_DATE_WIDTH bytes at every
 * date_offset (byte offset from the start of the message: the date of the top
 * Received and the Date header) by the date it gives to the message. */
struct wire_inject {
	uint32_t request;
	struct str instance;
	struct str guid;
	struct str replaces; /* GUID; REINJECT only */
	uint8_t position;    /* enum wire_position */
	uint32_t rank;       /* from 1; RANK only */
	int64_t date;        /* ms; DATE only */
	uint32_t date_offset[WIRE_DATE_OFFSETS_MAX];
	size_t date_offset_count;
	uint32_t valid_for; /* seconds from the plugin's OPEN */
	struct str message; /* RFC 5322, CRLF lines */
};

struct wire_withdraw {
	struct str guid;
	uint8_t cause; /* enum wire_withdraw_cause */
	bool lazy;     /* also from the mailbox of lazy_expunge */
	bool seen;     /* also if it was read */
};

struct wire_done {
	uint32_t request;
	uint32_t next_check; /* seconds */
};

struct wire_event {
	uint64_t number; /* ascending in one stream and over its reconnects */
	struct str instance;
	struct str guid;
	uint8_t type; /* enum wire_event_type */
	bool seen;
	uint8_t cause; /* enum wire_cause; NONE when the type has none */
	int64_t time;  /* ms */
};

struct wire_ack {
	uint64_t number; /* this and all lower ones are on the agent's disk */
};

/* About 50 KiB: belongs into a structure that lives as long as the stream. */
struct wire_frame {
	uint8_t type; /* enum wire_type */
	union {
		struct wire_hello hello;
		struct wire_ready ready;
		struct wire_open open;
		struct wire_known known;
		struct wire_inject inject; /* INJECT and REINJECT */
		struct wire_withdraw withdraw;
		struct wire_done done;
		struct wire_event event;
		struct wire_ack ack;
	};
};

#define WIRE_STATUSES(X)                                                               \
	X(OK, "well-formed")                                                           \
	X(MORE, "more bytes are needed")                                               \
	X(SKIP, "a frame of an unknown type")                                          \
	X(BAD_VERSION, "another version of the protocol")                              \
	X(BAD_LENGTH, "a length that does not fit or passes its limit")                \
	X(BAD_VALUE, "a value that its field may not have")                            \
	X(BAD_TEXT, "text that is not UTF-8, or an id that is not 32 hex digits")      \
	X(TWICE, "a field that may come once came twice")                              \
	X(MISSING, "a required field is missing")                                      \
	X(TOO_MANY, "a list that is too long")                                         \
	X(NO_ROOM, "the output buffer is full or memory is short")

enum wire_status {
#define X(name, text) WIRE_##name,
	WIRE_STATUSES(X)
#undef X
};

/* Is a whole frame at the start of these bytes? OK or SKIP: *length is its
 * length with the four bytes of the length itself. MORE: *length is how many
 * bytes are needed as far as one can see (at least bytes.n + 1), never above
 * 4 + WIRE_FRAME_MAX. Anything else: end the connection. */
enum wire_status wire_frame_find(struct str bytes, size_t *length);

/* Decodes one whole frame (exactly the bytes that wire_frame_find measured).
 * OK: *frame is filled and borrows from the bytes. SKIP: unknown type. Never
 * MORE or NO_ROOM. */
enum wire_status wire_frame_decode(struct str bytes, struct wire_frame *frame);

/* Appends the frame to the buffer. The same rules hold as for decoding, so what
 * was encoded can be decoded. On an error the buffer's bytes are unchanged
 * (after NO_ROOM its state is sticky as always). */
enum wire_status wire_frame_encode(struct buf *out, const struct wire_frame *frame);

/* Names for logs and for MIM's JSON; NULL for a number outside its table. */
const char *wire_status_text(enum wire_status status);
const char *wire_type_name(unsigned type);
const char *wire_event_name(unsigned type);
const char *wire_cause_name(unsigned cause);
const char *wire_withdraw_cause_name(unsigned cause);
const char *wire_position_name(unsigned position);
/* The other way; 0 when the text is none of them. */
unsigned wire_event_of(struct str name);
unsigned wire_cause_of(struct str name);
unsigned wire_withdraw_cause_of(struct str name);

/* Writes WIRE_DATE_WIDTH bytes (no NUL): seconds since 1970 UTC in the form of
 * RFC 5322 section 3.3. Years 1970..9999; others are clamped. */
void wire_date_write(int64_t seconds, char out[WIRE_DATE_WIDTH]);

#endif
