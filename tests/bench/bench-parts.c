/* SPDX-License-Identifier: Apache-2.0 */
/* What each step of the hot path costs alone, so that the cost of a whole decision can
 * be explained. One line a step: ns a round, the median of five runs, and the least.
 *
 *   bench-parts [WORD]     only steps whose name holds WORD
 *
 * The read of the store is bench-store's: it needs users on a disk. */
#include "agent/compose.h"
#include "decision/test-world.h"
#include "mim/answers.h"
#include "mim/routes.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>

#define RUNS 5
#define RUN_US 50000
#define LETTER_BYTES 20000
#define SHA_TEXT "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
#define GUID_TEXT "0f1e2d3c4b5a69788796a5b4c3d2e1f0"

/* Everything that the steps need, made once. */
struct bench {
	struct arena *arena; /* emptied before each round */
	struct buf out;
	unsigned sink; /* so that nothing is left out as unused */
	struct str token, question, answer, frame;
	struct world *nothing, *something;
	struct opening opening_nothing, opening_something;
	struct decision_request request;
	struct wire_frame in, inject;
	struct wire_frame open;
	struct template *template;
	struct template_parts parts;
	struct buf message;
	struct answer_open answered;
	struct compose_config compose;
	struct router *router;
};

static _Noreturn void broken(const char *step)
{
	fprintf(stderr, "bench-parts: %s does not work\n", step);
	exit(1);
}

typedef bool step(struct bench *b);

static bool token_hash(struct bench *b)
{
	uint8_t sha256[CRYPTO_SHA256_LEN];
	crypto_sha256(b->token, sha256);
	b->sink += sha256[0];
	return true;
}

static bool token_again(struct bench *b)
{
	static const uint8_t key[CRYPTO_AGAIN_LEN] = {1};
	uint8_t mac[CRYPTO_AGAIN_LEN];
	crypto_again(key, b->token, mac);
	b->sink += mac[0];
	return true;
}

static bool find_route(struct bench *b)
{
	struct str params[REQUEST_MAX_PARAMS];
	struct error err;
	return router_match(b->router, STR("POST"),
			    STR("/api/tenants/default/dovecot/decisions"), b->arena,
			    params, &err) != NULL;
}

static bool parse_request(struct bench *b)
{
	struct error err;
	struct decision_request request;
	return decision_request_parse(b->question, b->arena, &request, &err);
}

static bool plain_key(struct bench *b)
{
	struct str key =
		user_key_from_name(b->arena, STR(WORLD_USER), false, STR("secret"));
	uint8_t sort_key[16];
	store_sort_key(key, sort_key);
	return key.p != NULL;
}

static bool hashed_key(struct bench *b)
{
	struct str key =
		user_key_from_name(b->arena, STR(WORLD_USER), true, STR("secret"));
	uint8_t sort_key[16];
	store_sort_key(key, sort_key);
	return key.p != NULL;
}

static bool decided(struct bench *b, struct world *w, size_t actions)
{
	struct decision d;
	return decide(&w->snapshot, &w->user, &w->mailbox, WORLD_NOW, b->arena, &d) &&
	       d.n == actions;
}

static bool decide_nothing(struct bench *b)
{
	return decided(b, b->nothing, 0);
}

static bool decide_injection(struct bench *b)
{
	return decided(b, b->something, 1);
}

static bool write_nothing(struct bench *b)
{
	buf_clear(&b->out);
	return answer_decision(&b->out, &b->opening_nothing);
}

static bool write_injection(struct bench *b)
{
	buf_clear(&b->out);
	return answer_decision(&b->out, &b->opening_something);
}

static bool read_answer(struct bench *b)
{
	struct error err;
	struct answer_open answer;
	return requests_read_open(b->answer, b->arena, &answer, &err) &&
	       answer.n_actions == 1;
}

static bool encode_open(struct bench *b)
{
	buf_clear(&b->out);
	return wire_frame_encode(&b->out, &b->open) == WIRE_OK;
}

static bool decode_open(struct bench *b)
{
	return wire_frame_decode(b->frame, &b->in) == WIRE_OK;
}

static bool render(struct bench *b)
{
	struct error err;
	const struct mustache_values values =
		mustache_table_values(&b->answered.actions[0].variables);
	return template_render(b->template, &values, &b->parts, &err);
}

static bool compose(struct bench *b)
{
	struct error err;
	return compose_inject(&b->compose, 1, &b->answered.actions[0], b->template,
			      WORLD_NOW, &b->parts, &b->message, &b->inject, &err);
}

static bool encode_inject(struct bench *b)
{
	buf_clear(&b->out);
	return wire_frame_encode(&b->out, &b->inject) == WIRE_OK;
}

static const struct {
	const char *name;
	step *run;
} steps[] = {
	{"mimd: find the route", find_route},
	{"mimd: hash of a token that is new (SHA-256)", token_hash},
	{"mimd: hash of a token that is known (SipHash)", token_again},
	{"mimd: parse the request", parse_request},
	{"mimd: user key and sort key", plain_key},
	{"mimd: the same in a hashed tenant (HMAC)", hashed_key},
	{"mimd: decide, 10 campaigns, nothing", decide_nothing},
	{"mimd: decide, 10 campaigns, an injection", decide_injection},
	{"mimd: write an empty answer", write_nothing},
	{"mimd: write an answer that injects", write_injection},
	{"agent: read an answer that injects", read_answer},
	{"plugin: encode OPEN, one message of ours", encode_open},
	{"agent: decode OPEN", decode_open},
	{"agent: render 20 KB of template", render},
	{"agent: render and build the MIME message", compose},
	{"agent: encode INJECT with the message", encode_inject},
};

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

/* ns a round. */
static double run_once(struct bench *b, step *run, const char *name)
{
	unsigned long rounds = 0;
	int64_t begin = clock_mono_us(), now;
	do {
		for (int i = 0; i < 16; i++) {
			arena_reset(b->arena);
			if (!run(b))
				broken(name);
		}
		rounds += 16;
		now = clock_mono_us();
	} while (now - begin < RUN_US);
	return (double)(now - begin) * 1000 / (double)rounds;
}

static void measure(struct bench *b, step *run, const char *name)
{
	double ns[RUNS];
	for (int i = 0; i < RUNS; i++)
		ns[i] = run_once(b, run, name);
	qsort(ns, RUNS, sizeof *ns, by_size);
	printf("%-46s %10.0f ns %10.0f ns\n", name, ns[RUNS / 2], ns[0]);
	fflush(stdout);
}

/* As an opening has it when its answer is written. */
static struct opening opening_of(struct bench *b, struct world *w)
{
	struct opening o = {.snapshot = &w->snapshot,
			    .request = &b->request,
			    .user_key = STR(WORLD_USER),
			    .now_ms = WORLD_NOW};
	struct arena *kept = arena_new(1 << 20);
	if (kept == NULL ||
	    !decide(&w->snapshot, &w->user, &w->mailbox, WORLD_NOW, kept, &o.decision))
		broken("decide");
	return o; /* the arena lives as long as the process */
}

static void make_worlds(struct bench *b)
{
	static const struct template_variable names[] = {{.name = STR_INIT("name")}};
	static const struct str columns[] = {STR_INIT("name")},
				values[] = {STR_INIT("Annette")};
	b->nothing = world_new(10);
	b->something = world_new(10);
	for (int i = 0; i < 10; i++)
		b->nothing->definitions[i].from = AUDIENCE_RECIPIENTS;
	for (int i = 0; i < 10; i++) {
		struct world *w = b->something;
		w->definitions[i].from = AUDIENCE_RECIPIENTS;
		w->definitions[i].label = STR("Ad");
		w->variants[i].template_sha256 = STR(SHA_TEXT);
		w->variants[i].variables = names;
		w->variants[i].n_variables = 1;
		w->running[i].state.active_load = 7;
		w->running[i].columns = columns;
		w->running[i].n_columns = 1;
	}
	b->something->rows[0] =
		(struct recipient_row){.load = 7, .values = values, .n_values = 1};
	b->something->user.n_rows = 1;
	b->something->tenant.id = STR("default");
	b->something->tenant.public_url = STR("https://mail.example.org");
	b->opening_nothing = opening_of(b, b->nothing);
	b->opening_something = opening_of(b, b->something);
}

static void make_letter(struct bench *b)
{
	struct buf json;
	struct error_list errors;
	buf_init(&json, 1 << 20);
	buf_add_str(&json,
		    STR("{\"from\":{\"name\":\"Acme\",\"address\":\"a@b.example\"},"
			"\"subject\":\"Hello {{name}}\",\"html\":\""));
	while (json.n < LETTER_BYTES)
		buf_add_str(&json, STR("<p>Dear {{name}}, the days grow longer and the "
				       "garden wants its due. Have a look at what is "
				       "new this week.</p>\\n"));
	buf_add_str(&json, STR("\"}"));
	error_list_init(&errors, 4);
	b->template = template_parse(buf_str(&json), &errors);
	error_list_free(&errors);
	buf_free(&json);
	template_parts_init(&b->parts);
	buf_init(&b->message, MIME_MAX_MESSAGE);
	b->compose = (struct compose_config){.user = STR(WORLD_USER),
					     .message_id_domain = STR("mail.example"),
					     .node = STR("mail1.example")};
	if (b->template == NULL)
		broken("template");
}

static void make_frames(struct bench *b)
{
	static struct buf frame;
	b->open = (struct wire_frame){.type = WIRE_OPEN};
	b->open.open = (struct wire_open){
		.request = 1, .uid_validity = 7, .uid_next = 12, .complete = true};
	b->open.open.present[0] =
		(struct wire_present){.guid = STR(GUID_TEXT), .uid = 3};
	b->open.open.present_count = 1;
	buf_init(&frame, WIRE_FRAME_MAX);
	if (wire_frame_encode(&frame, &b->open) != WIRE_OK)
		broken("OPEN");
	b->frame = buf_str(&frame);
}

static void make_answer(struct bench *b)
{
	static struct buf answer;
	struct arena *kept = arena_new(1 << 20);
	struct error err;
	buf_init(&answer, REQUESTS_ANSWER_MAX);
	if (kept == NULL || !answer_decision(&answer, &b->opening_something) ||
	    !requests_read_open(buf_str(&answer), kept, &b->answered, &err) ||
	    b->answered.n_actions != 1)
		broken("the answer");
	b->answer = buf_str(&answer);
}

int main(int argc, char **argv)
{
	struct bench *b = calloc(1, sizeof *b);
	if (b == NULL || !crypto_init())
		return 1;
	mime_init();
	b->arena = arena_new(8 << 20);
	b->router = router_new();
	buf_init(&b->out, WIRE_FRAME_MAX * 2);
	b->token = STR("inlay_0123456789abcdef0123456789abcdef0123456789a");
	b->question = STR("{\"node\":\"mail1\",\"user\":\"" WORLD_USER
			  "\",\"protocol\":\"imap\",\"uidValidity\":7,\"uidNext\":12,"
			  "\"complete\":true,\"present\":[{\"guid\":\"" GUID_TEXT
			  "\",\"uid\":3,\"seen\":true,\"newer\":2}],\"events\":[]}");
	make_worlds(b);
	make_answer(b);
	make_letter(b);
	make_frames(b);
	if (b->arena == NULL || b->router == NULL || !compose(b))
		broken("compose");
	printf("%-46s %13s %13s\n", "step", "median", "least");
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		if (argc < 2 || strstr(steps[i].name, argv[1]) != NULL)
			measure(b, steps[i].run, steps[i].name);
	return 0;
}
