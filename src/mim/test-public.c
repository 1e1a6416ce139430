/* SPDX-License-Identifier: Apache-2.0 */
/* Unsubscribe links while everything fails in turn: who clicks is answered once, is
 * never told that the link is wrong when it is not, nor that it was done when it was
 * not. Without a listener: what it answers ends here. */
#include "mim/public.h"

#include "mim/test-place.h"
#include "mim/user-find.h"
#include "model/unsubscribe-token.h"

struct click {
	struct http_request rq; /* first: what is answered finds the rest by it */
	struct str content_type;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t answered;
	int answers;
	unsigned status;
};

/* Instead of the listener's -------------------------------------------------------*/

void __wrap_http_respond(struct http_request *rq, unsigned status, const char *type,
			 struct str body, const struct http_header *headers, size_t n);
struct str __wrap_http_request_header(struct http_request *rq, const char *name);

void __wrap_http_respond(struct http_request *rq, unsigned status, const char *type,
			 struct str body, const struct http_header *headers, size_t n)
{
	struct click *c = (struct click *)rq;
	(void)type, (void)headers, (void)n;
	assert_true(body.n == 0 || str_ends(body, STR("</html>\n")));
	pthread_mutex_lock(&c->lock);
	c->answers++;
	c->status = status;
	pthread_cond_signal(&c->answered);
	pthread_mutex_unlock(&c->lock);
}

struct str __wrap_http_request_header(struct http_request *rq, const char *name)
{
	struct click *c = (struct click *)rq;
	assert_string_equal(name, "Content-Type");
	return arena_str(rq->arena, c->content_type);
}

/* -----------------------------------------------------------------------------------*/

static const struct kind {
	const char *method, *type, *body;
	const char *path; /* NULL: the link of the message */
	unsigned status;
	size_t opt_outs; /* that it makes */
} kinds[] = {
	{"GET", "", "", NULL, 200, 0},
	{"POST", "application/x-www-form-urlencoded", "List-Unsubscribe=One-Click",
	 NULL, 200, 1},
	{"POST", "multipart/form-data; boundary=x",
	 "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\n"
	 "One-Click\r\n--x--\r\n",
	 NULL, 200, 1},
	{"POST", "text/plain", "List-Unsubscribe=No", NULL, 400, 0},
	{"PUT", "", "", NULL, 405, 0},
	{"GET", "", "", "/u/AQFhAAAA", 404, 0},
	{"GET", "", "", "/favicon.ico", 404, 0},
};
#define KINDS (sizeof kinds / sizeof *kinds)

static struct str link_of(struct place *p)
{
	const struct unsubscribe what = {STR("ada"), STR("news"), STR("spring")};
	struct buf out;
	buf_init(&out, UNSUBSCRIBE_TOKEN_MAX + 8);
	buf_add_str(&out, STR("/u/"));
	assert_true(unsubscribe_token_make(&p->t->key, STR("t"), &what, &out));
	struct str text = arena_str(p->w->arena, buf_str(&out));
	buf_free(&out);
	return text;
}

/* The status; fault NULL: nothing fails. */
static unsigned click(struct place *p, const struct kind *k, const struct fault *f,
		      bool *came)
{
	struct click c = {.rq = {.method = str_of(k->method),
				 .path = k->path != NULL ? str_of(k->path) : link_of(p),
				 .body = str_of(k->body),
				 .arena = arena_new(1 << 20)},
			  .content_type = str_of(k->type)};
	struct timespec until;
	assert_non_null(c.rq.arena);
	pthread_mutex_init(&c.lock, NULL);
	pthread_cond_init(&c.answered, NULL);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	p->mim.workers = p->mim.jobs;
	if (f != NULL)
		fault_arm(f, p->w->store);
	public_handle(&p->mim, &c.rq);
	pthread_mutex_lock(&c.lock);
	while (c.answers == 0 &&
	       pthread_cond_timedwait(&c.answered, &c.lock, &until) == 0)
		continue;
	pthread_mutex_unlock(&c.lock);
	workers_free(p->mim.jobs); /* what comes behind the answer */
	if (f != NULL)
		*came = fault_disarm(f, p->w->store);
	start_jobs(p);
	assert_int_equal(c.answers, 1);
	pthread_cond_destroy(&c.answered);
	pthread_mutex_destroy(&c.lock);
	arena_free(c.rq.arena);
	return c.status;
}

/* How often ada said no, and each time by which link. */
static size_t count_opt_outs(struct place *p)
{
	struct user_record r = world_user(p->w, "ada");
	for (size_t i = 0; i < r.profile.n_opt_outs; i++)
		assert_str(r.profile.opt_outs[i].source, "unsubscribe link of spring");
	return r.profile.n_opt_outs;
}

/* False: the fault did not come. */
static bool fails_at(const struct kind *k, const struct fault *f)
{
	bool came = false;
	size_t descriptors = unit_descriptors();
	struct place *p = place_new_for(f->kind);
	world_consents(p->w, "ada");
	struct str before = news_of(p);
	unsigned status = click(p, k, f, &came);
	size_t n = count_opt_outs(p);
	if (status != k->status && !(came && status == 503))
		fail_msg("%s %s: %u at %s", k->method, k->body, status, fault_text(f));
	if (n > k->opt_outs || (n < k->opt_outs && status == 200))
		fail_msg("%s %s: %u at %s, and %zu opt-outs", k->method, k->body,
			 status, fault_text(f), n);
	if (n > 0 && str_eq(news_of(p), before))
		fail_msg("%s %s: not told at %s", k->method, k->body, fault_text(f));
	if (click(p, k, NULL, NULL) != k->status || count_opt_outs(p) != k->opt_outs)
		fail_msg("%s %s: not made good after %s", k->method, k->body,
			 fault_text(f));
	place_free(p);
	assert_int_equal(unit_descriptors(), descriptors);
	return came;
}

static void a_click_is_answered_once_and_as_it_went(void **state)
{
	(void)state;
	for (size_t i = 0; i < KINDS; i++)
		for (struct fault f = {.kind = 0}; f.kind < FAULT_KINDS; f.kind++) {
			f.nth = 1;
			while (fails_at(&kinds[i], &f))
				f.nth++;
			assert_true(f.nth > 1 || kinds[i].opt_outs == 0 ||
				    f.kind == FAULT_DISK_NAME);
		}
}

/* An operator made a user known again, but the word of the erasure stayed behind. */
static void who_is_known_may_say_no_whatever_was_erased(void **state)
{
	struct place *p = place_new();
	uint8_t suppress[CRYPTO_SHA256_LEN];
	struct error err;
	(void)state;
	id_suppress(&p->t->key, STR("ada"), suppress);
	assert_true(sync_user_erase(p->w->db, STR("ada"), suppress, WORLD_NOW, &err));
	assert_int_equal(click(p, &kinds[1], NULL, NULL), 200);
	assert_int_equal(count_opt_outs(p), 0);
	world_consents(p->w, "ada");
	assert_int_equal(click(p, &kinds[1], NULL, NULL), 200);
	assert_int_equal(count_opt_outs(p), 1);
	place_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_click_is_answered_once_and_as_it_went),
		cmocka_unit_test(who_is_known_may_say_no_whatever_was_erased),
	};
	return crypto_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
