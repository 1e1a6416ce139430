/* SPDX-License-Identifier: Apache-2.0 */
/* inlay-agent: wires the parts together, runs the loop, ends in good order. */
#include "agent/agent.h"
#include "agent/options.h"
#include "agent/server.h"
#include "agent/session.h"
#include "agent/upload.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "message/mime.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define AREA "agent"
#define DRAIN_LOOK 0.01 /* seconds */
#define HELP_MAX 65536

struct program {
	struct agent agent;
	struct agent_settings *settings;
	struct server *server;
	ev_signal terminate, interrupt, hangup;
	ev_timer drain;
	int64_t drain_until_us;
};

static void print_errors(const struct error_list *errors)
{
	for (size_t i = 0; i < errors->n; i++)
		fprintf(stderr, "inlay-agent: %s%s%s\n", errors->items[i].where,
			errors->items[i].where[0] != '\0' ? ": " : "",
			errors->items[i].message);
}

static int fail(const struct error *err)
{
	fprintf(stderr, "inlay-agent: %s%s%s\n", err->where,
		err->where[0] != '\0' ? ": " : "", err->message);
	return error_kind_info(err->kind)->exit_code;
}

static int print(bool (*write_text)(struct buf *out, const void *ctx), const void *ctx)
{
	struct buf out;
	buf_init(&out, HELP_MAX * 4);
	bool ok = write_text(&out, ctx) && fwrite(out.p, 1, out.n, stdout) == out.n &&
		  fflush(stdout) == 0;
	buf_free(&out);
	return ok ? 0 : 74;
}

static bool write_help(struct buf *out, const void *ctx)
{
	(void)ctx;
	return options_help(out);
}

static bool write_settings(struct buf *out, const void *ctx)
{
	const struct agent_settings *s = ctx;
	settings_print(s->values, out);
	return buf_ok(out);
}

/* How long the process runs, by its start as the kernel knows it. */
static double process_seconds(void)
{
	char text[512];
	FILE *f = fopen("/proc/self/stat", "re");
	size_t n = f != NULL ? fread(text, 1, sizeof text - 1, f) : 0;
	if (f != NULL)
		fclose(f);
	/* field 22 counted behind the name, which may hold anything but ")" last */
	struct str rest = {text, n}, part;
	for (size_t i = n; i > 0; i--)
		if (text[i - 1] == ')') {
			rest = str_slice(rest, i, n);
			break;
		}
	uint64_t ticks = 0;
	for (int field = 2; field < 22 && str_next_part(&rest, ' ', &part); field++)
		if (field == 21 && !str_to_u64(part, UINT64_MAX, &ticks))
			return 0;
	double began = (double)ticks / (double)sysconf(_SC_CLK_TCK);
	double now = (double)clock_boot_ms() / 1000.0;
	return ticks > 0 && now > began ? now - began : 0;
}

/* A descriptor for every session, as far as the system allows. */
static void raise_descriptors(const struct agent_settings *s)
{
	struct rlimit r;
	rlim_t want = s->limits.connections + (rlim_t)s->connections +
		      (rlim_t)s->n_tenants + 64;
	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= want)
		return;
	r.rlim_cur = r.rlim_max < want ? r.rlim_max : want;
	setrlimit(RLIMIT_NOFILE, &r);
}

static bool start_uplinks(struct agent *a, struct error *err)
{
	const struct agent_settings *s = a->settings;
	const struct uplink_limits limits = {.connections = s->connections,
					     .timeout_ms = s->timeout_ms};
	/* one request of each tenant waits: none waits for a connection, and none of
	 * the others for one of these */
	const struct uplink_limits waiting = {.connections = (int64_t)s->n_tenants,
					      .timeout_ms = RECALLS_WAIT_S * 1000 +
							    s->timeout_ms};
	a->tokens = tokens_new(s->tenants, s->n_tenants, err);
	if (a->tokens == NULL)
		return false;
	a->uplink = uplink_new(a->loop, s, &limits, a->tokens, a->log, err);
	a->polls = a->uplink != NULL
			   ? uplink_new(a->loop, s, &waiting, a->tokens, NULL, err)
			   : NULL;
	return a->polls != NULL;
}

static void on_delivered(void *ctx, const struct spool_record *const *events, size_t n)
{
	recalls_delivered(ctx, events, n);
}

static bool start_exchange(struct agent *a, struct error *err)
{
	if (a->settings->doveadm_url.p != NULL) {
		a->doveadm = doveadm_new(a->loop, a->settings, err);
		if (a->doveadm == NULL)
			return false;
	}
	a->upload = upload_new(a->loop, a->spool, a->uplink, a->log);
	struct recalls_config recalls = {.loop = a->loop,
					 .polls = a->polls,
					 .uplink = a->uplink,
					 .spool = a->spool,
					 .log = a->log,
					 .doveadm = a->doveadm,
					 .push = sessions_push};
	a->recalls = recalls_new(&recalls);
	if (a->upload == NULL || a->recalls == NULL)
		return error_set(err, ERROR_MEMORY, "", "out of memory");
	upload_tell(a->upload, on_delivered, a->recalls);
	return true;
}

static bool start(struct program *p, struct error *err)
{
	struct agent *a = &p->agent;
	const struct agent_settings *s = p->settings;
	a->settings = s;
	a->policy = (struct peer_policy){.trusted = s->trusted,
					 .n_trusted = s->n_trusted,
					 .grants = s->grants,
					 .n_grants = s->n_grants,
					 .uid_of = peer_system_uid};
	template_parts_init(&a->parts);
	buf_init(&a->message, MIME_MAX_MESSAGE);
	a->log = log_open(s->log_file.n > 0 ? s->log_file.p : NULL, s->log_level, err);
	if (a->log == NULL)
		return false;
	a->loop = ev_default_loop(EVFLAG_AUTO);
	a->limits = limits_new(&s->limits);
	if (a->loop == NULL || a->limits == NULL)
		return error_set(err, ERROR_MEMORY, "", "out of memory");
	raise_descriptors(s);
	struct spool_config spool = {.directory = s->spool_directory.p,
				     .max_bytes = s->spool_bytes,
				     .loop = a->loop,
				     .log = a->log,
				     .synced = sessions_synced,
				     .ctx = a};
	a->spool = spool_open(&spool, err);
	if (a->spool == NULL)
		return false;
	if (!start_uplinks(a, err))
		return false;
	a->templates = templates_new(s, a->uplink, a->log, err);
	if (a->templates == NULL)
		return false;
	if (!start_exchange(a, err))
		return false;
	p->server = server_start(a, err);
	return p->server != NULL;
}

static void stop(struct program *p)
{
	struct agent *a = &p->agent;
	server_stop(p->server);
	if (a->sessions != NULL)
		sessions_close_all(a);
	/* syncs what is left, and would confirm it */
	spool_close(a->spool);
	upload_free(a->upload);
	recalls_free(a->recalls);
	doveadm_free(a->doveadm);
	templates_free(a->templates);
	uplink_free(a->polls);
	uplink_free(a->uplink);
	tokens_free(a->tokens);
	limits_free(a->limits);
	template_parts_free(&a->parts);
	buf_free(&a->message);
	if (a->loop != NULL)
		ev_loop_destroy(a->loop);
	log_close(a->log);
	agent_settings_free(p->settings);
}

static void look_at_drain(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct program *p = w->data;
	struct agent *a = &p->agent;
	(void)revents;
	bool idle = sessions_are_idle(a) && spool_is_synced(a->spool) &&
		    upload_is_idle(a->upload);
	if (idle || clock_mono_us() >= p->drain_until_us)
		ev_break(loop, EVBREAK_ALL);
}

static void on_terminate(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct program *p = w->data;
	struct agent *a = &p->agent;
	(void)revents;
	if (a->draining) {
		ev_break(loop, EVBREAK_ALL); /* asked twice: at once */
		return;
	}
	log_info(a->log, AREA, "stopping  sessions=%zu events=%zu",
		 limits_connections(a->limits), spool_count(a->spool));
	a->draining = true;
	recalls_stop(a->recalls);
	server_stop(p->server);
	p->server = NULL;
	p->drain_until_us = clock_mono_us() + p->settings->drain_ms * 1000;
	ev_timer_start(loop, &p->drain);
}

static void on_hangup(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct program *p = w->data;
	struct error err = {0};
	(void)loop;
	(void)revents;
	if (!log_reopen(p->agent.log, &err))
		log_error(p->agent.log, AREA, "cannot reopen the log  error=%s",
			  err.message);
	tokens_read_again(p->agent.tokens, p->agent.log);
	if (p->agent.doveadm != NULL && !doveadm_read_key(p->agent.doveadm, &err))
		log_error(p->agent.log, AREA, "%s: %s; the old key stays", err.where,
			  err.message);
	log_info(p->agent.log, AREA, "log reopened, tokens read again");
}

static void watch_signals(struct program *p)
{
	struct ev_loop *loop = p->agent.loop;
	signal(SIGPIPE, SIG_IGN);
	ev_signal_init(&p->terminate, on_terminate, SIGTERM);
	ev_signal_init(&p->interrupt, on_terminate, SIGINT);
	ev_signal_init(&p->hangup, on_hangup, SIGHUP);
	ev_timer_init(&p->drain, look_at_drain, 0., DRAIN_LOOK);
	p->terminate.data = p->interrupt.data = p->hangup.data = p->drain.data = p;
	ev_signal_start(loop, &p->terminate);
	ev_signal_start(loop, &p->interrupt);
	ev_signal_start(loop, &p->hangup);
}

static int run(struct program *p, int64_t began_us)
{
	struct error err = {0};
	if (!start(p, &err)) {
		log_error(p->agent.log, AREA, "cannot start  place=%s error=%s",
			  err.where, err.message);
		int code = p->agent.log == NULL || p->settings->log_file.n > 0
				   ? fail(&err)
				   : error_kind_info(err.kind)->exit_code;
		stop(p);
		return code;
	}
	watch_signals(p);
	log_info(p->agent.log, AREA,
		 "Started inlay-agent in %.3f seconds (process running for %.3f)  "
		 "version=%s socket=%.*s tenants=%zu events=%zu",
		 (double)(clock_mono_us() - began_us) / 1e6, process_seconds(),
		 INLAY_VERSION, STR_ARG(p->settings->socket_path),
		 p->settings->n_tenants, spool_count(p->agent.spool));
	upload_kick(p->agent.upload);
	ev_run(p->agent.loop, 0);
	log_info(p->agent.log, AREA, "stopped  events=%zu",
		 spool_count(p->agent.spool));
	stop(p);
	return 0;
}

static struct agent_settings *load_settings(const struct options *o)
{
	struct error_list errors, warnings;
	error_list_init(&errors, 100);
	error_list_init(&warnings, 100);
	struct agent_settings *s =
		agent_settings_load(o->config, o->set, o->n_set, &errors, &warnings);
	print_errors(&warnings);
	print_errors(&errors);
	error_list_free(&errors);
	error_list_free(&warnings);
	return s;
}

int main(int argc, char **argv)
{
	static struct program p; /* with a frame and buffers: large */
	int64_t began_us = clock_mono_us();
	struct options o;
	struct error err = {0};
	if (!options_parse(&o, argc, argv, &err))
		return fail(&err);
	if (o.action == OPTIONS_HELP)
		return print(write_help, NULL);
	if (o.action == OPTIONS_VERSION) {
		puts("inlay-agent " INLAY_VERSION);
		return 0;
	}
	p.settings = load_settings(&o);
	if (p.settings == NULL)
		return 2;
	int code = 0;
	if (o.action == OPTIONS_CHECK_CONFIG) {
		puts("the settings are fine");
	} else if (o.action == OPTIONS_PRINT_CONFIG) {
		code = print(write_settings, p.settings);
	} else {
		if (!crypto_init() || curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
			return 70;
		mime_init();
		code = run(&p, began_us);
		curl_global_cleanup();
		return code;
	}
	agent_settings_free(p.settings);
	return code;
}
