/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include "cli/text-width.h"

#define BAR_MIN 10
#define BAR_MAX 40
#define PHASE_MAX 64 /* bytes of a phase's name that are shown */

static double share(uint64_t part, uint64_t whole)
{
	return part >= whole ? 1.0 : (double)part / (double)whole;
}

double progress_fraction(const struct progress_sample *s)
{
	if (str_eqz(s->phase, "done"))
		return 1.0;
	if (str_eqz(s->phase, "waiting"))
		return 0.0;
	if (str_eqz(s->phase, "reading")) {
		if (s->bytes_total > 0)
			return 0.5 * share(s->bytes_read, s->bytes_total);
		if (s->rows_total > 0)
			return 0.5 * share(s->rows_read, s->rows_total);
		return -1.0;
	}
	if (str_eqz(s->phase, "sorting"))
		return 0.5;
	if (str_eqz(s->phase, "loading")) {
		uint64_t all = s->rows_accepted > 0 ? s->rows_accepted : s->rows_total;
		return all > 0 ? 0.5 + 0.5 * share(s->rows_loaded, all) : -1.0;
	}
	if (str_eqz(s->phase, "activating"))
		return 1.0;
	return -1.0;
}

static double seconds_gone(const struct progress *p)
{
	return p->now_us > p->started_us ? (double)(p->now_us - p->started_us) / 1e6
					 : 0.0;
}

double progress_rate(const struct progress *p)
{
	double gone = seconds_gone(p);
	if (p->now.rows_per_second > 0)
		return p->now.rows_per_second;
	return gone > 0 ? (double)p->now.rows_read / gone : 0.0;
}

int64_t progress_left_s(const struct progress *p)
{
	double done = progress_fraction(&p->now), gone = seconds_gone(p);
	if (p->now.left_ms >= 0)
		return (p->now.left_ms + 999) / 1000;
	/* of less than a hundredth nothing can be foretold */
	if (done < 0.01 || gone <= 0)
		return -1;
	double left = gone * (1.0 - done) / done;
	return left < 1e9 ? (int64_t)(left + 0.999) : -1;
}

void progress_format_time(struct buf *out, int64_t seconds)
{
	long long h = (long long)(seconds / 3600);
	int m = (int)(seconds / 60 % 60), s = (int)(seconds % 60);
	if (h > 0)
		buf_printf(out, "%lld:%02d:%02d", h, m, s);
	else
		buf_printf(out, "%d:%02d", m, s);
}

void progress_format_count(struct buf *out, double n)
{
	static const char units[] = {'\0', 'k', 'M', 'G', 'T'};
	size_t unit = 0;
	if (n > 999e12)
		n = 999e12; /* an answer may say anything */
	while (n >= 999.95 && unit + 1 < sizeof units) {
		n /= 1000;
		unit++;
	}
	if (unit == 0) {
		buf_printf(out, "%.0f", n);
	} else {
		buf_printf(out, n < 99.95 ? "%.1f" : "%.0f", n);
		buf_add_char(out, units[unit]);
	}
}

static void write_figures(struct buf *out, const struct progress *p)
{
	double rate = progress_rate(p);
	int64_t left = progress_left_s(p);
	buf_add_u64(out, p->now.rows_read);
	if (p->now.rows_total > 0) {
		buf_add_str(out, STR(" of "));
		buf_add_u64(out, p->now.rows_total);
	}
	buf_add_str(out, STR(" rows"));
	if (p->now.rows_rejected > 0) {
		buf_add_str(out, STR(", "));
		buf_add_u64(out, p->now.rows_rejected);
		buf_add_str(out, STR(" rejected"));
	}
	if (rate > 0) {
		buf_add_str(out, STR("  "));
		progress_format_count(out, rate);
		buf_add_str(out, STR("/s"));
	}
	if (left >= 0) {
		buf_add_str(out, STR("  "));
		progress_format_time(out, left);
		buf_add_str(out, STR(" left"));
	}
}

static void write_bar(struct buf *out, double done, size_t width)
{
	size_t full = done <= 0 ? 0 : (size_t)(done * (double)width + 1e-9);
	buf_add_char(out, '[');
	for (size_t i = 0; i < width; i++)
		buf_add_char(out, i < full ? '#' : '.');
	buf_printf(out, "] %3d %%", done <= 0 ? 0 : (int)(done * 100 + 1e-9));
}

bool progress_line(struct buf *out, const struct progress *p, size_t width)
{
	struct buf figures, line;
	double done = progress_fraction(&p->now);
	buf_init(&figures, 256);
	buf_init(&line, 512);
	write_figures(&figures, p);
	text_clean(&line, str_slice(p->now.phase, 0, PHASE_MAX));
	for (size_t n = text_width(buf_str(&line)); n < 10; n++)
		buf_add_char(&line, ' ');
	buf_add_char(&line, ' ');
	/* the bar takes what the figures leave: "[" "] 100 %" and two blanks */
	size_t others = text_width(buf_str(&line)) + figures.n + 10;
	if (done >= 0 && width >= others + BAR_MIN) {
		size_t bar = width - others;
		write_bar(&line, done, bar > BAR_MAX ? BAR_MAX : bar);
		buf_add_str(&line, STR("  "));
	}
	buf_add_str(&line, buf_str(&figures));
	bool ok = buf_ok(&figures) && buf_ok(&line) &&
		  buf_add_str(out, text_fit(buf_str(&line), width));
	buf_free(&figures);
	buf_free(&line);
	return ok;
}
