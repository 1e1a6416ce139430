/* SPDX-License-Identifier: Apache-2.0 */
/* The counters as OpenMetrics text, with what routes, store and pools say. Apart from
 * the counting, so that who counts does not need all that is counted. */
#include "mim/metrics-internal.h"

#include "base/clock.h"
#include "mim/admission.h"
#include "mim/deliver.h"
#include "mim/mim.h"
#include "mim/routes.h"

#include <stdio.h>

#define PREFIX "inlay_mim_"

struct metric_info {
	const char *family, *label, *value, *help;
};
static const struct metric_info infos[] = {
#define X(name, family, label, value, help) {family, label, value, help},
	METRICS(X)
#undef X
};

static void write_family(struct buf *out, const char *name, const char *type,
			 const char *help)
{
	buf_printf(out, "# TYPE " PREFIX "%s %s\n# HELP " PREFIX "%s %s.\n", name, type,
		   name, help);
}

static void write_counters(const struct metrics *m, struct buf *out)
{
	for (size_t i = 0; i < METRICS_COUNT; i++) {
		const struct metric_info *x = &infos[i];
		if (i == 0 || strcmp(x->family, infos[i - 1].family) != 0)
			write_family(out, x->family, "counter", x->help);
		buf_printf(out, PREFIX "%s_total", x->family);
		if (x->label[0] != '\0')
			buf_printf(out, "{%s=\"%s\"}", x->label, x->value);
		buf_printf(out, " %llu\n", (unsigned long long)m->counters[i]);
	}
}

static void write_answers(const struct metrics *m, struct buf *out)
{
	write_family(out, "requests", "counter", "Requests answered");
	for (size_t i = 0; i < m->n_routes; i++) {
		const struct route *r = routes_at(i);
		for (size_t c = 0; c < METRICS_CLASSES; c++) {
			uint64_t n = m->routes[i].answers[c];
			if (n > 0)
				buf_printf(out,
					   PREFIX "requests_total{method=\"%s\","
						  "route=\"%s\",status=\"%zuxx\"} "
						  "%llu\n",
					   r->method, r->path, c + 1,
					   (unsigned long long)n);
		}
	}
}

static void write_latency(const struct metrics *m, struct buf *out)
{
	write_family(out, "request_seconds", "histogram",
		     "Time from the whole request to its answer");
	for (size_t i = 0; i < m->n_routes; i++) {
		const struct route_metrics *rm = &m->routes[i];
		const struct route *r = routes_at(i);
		uint64_t sum = 0;
		for (size_t b = 0; b <= METRICS_N_BOUNDS; b++)
			sum += rm->within[b];
		if (sum == 0)
			continue;
		sum = 0;
		for (size_t b = 0; b <= METRICS_N_BOUNDS; b++) {
			char le[32] = "+Inf";
			sum += rm->within[b];
			if (b < METRICS_N_BOUNDS)
				snprintf(le, sizeof le, "%g",
					 (double)metrics_bounds[b] / 1e6);
			buf_printf(out,
				   PREFIX "request_seconds_bucket{method=\"%s\","
					  "route=\"%s\",le=\"%s\"} %llu\n",
				   r->method, r->path, le, (unsigned long long)sum);
		}
		buf_printf(out,
			   PREFIX "request_seconds_count{method=\"%s\",route=\"%s\"} "
				  "%llu\n" PREFIX
				  "request_seconds_sum{method=\"%s\",route=\"%s\"} "
				  "%.6f\n",
			   r->method, r->path, (unsigned long long)sum, r->method,
			   r->path, (double)rm->micros / 1e6);
	}
}

static void gauge(struct buf *out, const char *name, const char *help, uint64_t v)
{
	write_family(out, name, "gauge", help);
	buf_printf(out, PREFIX "%s %llu\n", name, (unsigned long long)v);
}

static void counter(struct buf *out, const char *name, const char *help, uint64_t v)
{
	write_family(out, name, "counter", help);
	buf_printf(out, PREFIX "%s_total %llu\n", name, (unsigned long long)v);
}

static void write_http(const struct http_stats *h, struct buf *out)
{
	gauge(out, "http_connections", "Connections that are open", h->connections);
	counter(out, "http_accepted", "Connections accepted", h->accepted);
	counter(out, "http_refused", "Requests malformed or over a limit", h->refused);
	counter(out, "http_timed_out", "Requests without an answer in time",
		h->timed_out);
	counter(out, "http_cut", "Connections cut off for being too slow", h->cut);
	counter(out, "http_shed", "Connections ended to make room for others", h->shed);
	counter(out, "http_excess", "Connections that found all others busy",
		h->excess);
}

static void write_admission(const struct admission *a, struct buf *out)
{
	static const struct {
		enum admission_kind kind;
		const char *name;
	} kinds[] = {{ADMISSION_DECISION, "decision"}, {ADMISSION_EVENTS, "events"}};
	write_family(out, "under_way", "gauge", "Requests of agents being answered");
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		buf_printf(out, PREFIX "under_way{kind=\"%s\"} %zu\n", kinds[i].name,
			   admission_under_way(a, kinds[i].kind));
	write_family(out, "overload_refused", "counter",
		     "Requests of agents answered with 503, as there were too many");
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		buf_printf(out, PREFIX "overload_refused_total{kind=\"%s\"} %llu\n",
			   kinds[i].name,
			   (unsigned long long)admission_refused(a, kinds[i].kind));
}

static uint64_t outbox_depth(struct mim *mim, uint64_t *n_tenants)
{
	uint64_t depth = 0;
	size_t n = 0;
	struct arena *arena = arena_new(1 << 20);
	struct tenant_runtime **all =
		arena != NULL ? tenants_all(mim->tenants, arena, &n) : NULL;
	for (size_t i = 0; all != NULL && i < n; i++) {
		if (all[i]->open)
			depth += store_outbox_count(all[i]->db);
		tenant_runtime_release(all[i]);
	}
	*n_tenants = n;
	arena_free(arena);
	return depth;
}

bool metrics_write(struct mim *mim, struct buf *out)
{
	struct store_usage u;
	struct deliver_counts points;
	uint64_t n_tenants;
	store_usage(mim->store, &u);
	write_counters(mim->metrics, out);
	write_answers(mim->metrics, out);
	write_latency(mim->metrics, out);
	write_http(&mim->http, out);
	write_admission(mim->admission, out);
	gauge(out, "store_used_bytes", "What the store takes", u.bytes_used);
	gauge(out, "store_limit_bytes", "What the store may take; 0: no limit",
	      u.bytes_max);
	gauge(out, "store_full", "1 while writes fail for want of room", u.full);
	counter(out, "store_calls", "Calls of the store", u.calls);
	counter(out, "store_failures", "Calls of the store that failed", u.failures);
	deliver_counts(mim->deliver, &points);
	gauge(out, "outbox_rows", "Events that wait for a conversion point",
	      outbox_depth(mim, &n_tenants) + points.waiting);
	gauge(out, "dead_letters", "Events that no conversion point took in time",
	      points.dead);
	gauge(out, "points_failing", "Conversion points that have failed for long",
	      points.failing);
	gauge(out, "tenants", "Tenants that are served", n_tenants);
	gauge(out, "recalls_waiting", "Agents that wait to hear of recalls",
	      tenants_waiting(mim->tenants));
	gauge(out, "workers_busy", "Jobs of the control plane that wait or run",
	      workers_depth(mim->workers));
	gauge(out, "jobs_busy", "Imports and sweeps that wait or run",
	      workers_depth(mim->jobs));
	gauge(out, "ready", "1 when it is ready", mim->not_ready == NULL);
	write_family(out, "started_seconds", "gauge", "When it was started");
	buf_printf(out, PREFIX "started_seconds %.3f\n# EOF\n",
		   (double)mim->started_ms / 1000);
	return buf_ok(out);
}
