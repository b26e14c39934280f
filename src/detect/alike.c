/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/alike.h"

#include <math.h>
#include <stdbool.h>

/*
 * A relay sends on what came in, so the bytes of short windows rise and fall
 * alike, a little later; two calls of the host's own do not, whatever their
 * rates. Slow trends are taken out first, and pauses with what is beside them:
 * the host's own line stalls for all alike. The delay may fall between two lags, so
 * that their coefficients are added. Chance: each has a deviation of 0.08 or
 * less with RELAY_USED windows, 0.8 is seven times that of the sum. A host that
 * mixes a conference codes the voices anew, and stays below.
 */
#define RELAY_LAGS      5      /* windows: forwarding takes at most 0.5 s */
#define RELAY_LIKENESS  0.8    /* sum of the coefficients of two lags; 1 for a copy */
#define RELAY_TREND     4      /* windows each way, whose mean is taken out */
#define RELAY_BYTES_S   500    /* below that nothing sustained is forwarded: the smallest cap is 3 kB/s */
#define RELAY_USED      150    /* windows in which both had bytes: 18 s */
#define RELAY_RATIO_MIN 0.85   /* bytes out to bytes in: headers may differ, a few packets are under way */
#define RELAY_RATIO_MAX 1.2
#define RELAY_VARIES    0.02   /* of the mean, at least: equal windows compare with anything */

#define COMPARED   (ALIKE_WINDOWS - 1)  /* the newest window is not over yet */
#define COMPARED_S (COMPARED * ALIKE_WINDOW_MS / 1000.0)

/* Windows in order of time, without their trend; `ok` where there is something to compare. */
struct series {
	double v[COMPARED], bytes;
	bool ok[COMPARED];
};

/* Mean of the windows around one, of those that count. */
static double trend(const struct series *s, const double raw[COMPARED], int at)
{
	int from = at > RELAY_TREND ? at - RELAY_TREND : 0;
	int to = at + RELAY_TREND < COMPARED ? at + RELAY_TREND : COMPARED - 1;
	double sum = 0;
	int n = 0;

	for (int i = from; i <= to; i++) {
		if (!s->ok[i])
			continue;
		sum += raw[i];
		n++;
	}
	return n == 0 ? 0 : sum / n;
}

static void series_read(struct series *s, const uint16_t *ring, uint64_t window)
{
	double raw[COMPARED];

	s->bytes = 0;
	for (unsigned i = 0; i < COMPARED; i++)
		s->bytes += raw[i] = ring[(window - COMPARED + i) % ALIKE_WINDOWS];
	for (int i = 0; i < COMPARED; i++)
		s->ok[i] = raw[i] != 0 && raw[i > 0 ? i - 1 : 0] != 0 && raw[i + 1 < COMPARED ? i + 1 : i] != 0;
	for (int i = 0; i < COMPARED; i++)
		s->v[i] = raw[i] - trend(s, raw, i);
}

/* Coefficient of x and of y so many windows later; 0 when there is too little to compare. */
static double correlation(const struct series *x, const struct series *y, unsigned lag, double varies)
{
	double n = 0, sx = 0, sy = 0, xx = 0, yy = 0, xy = 0, vx, vy;

	for (unsigned i = 0; i + lag < COMPARED; i++) {
		double a = x->v[i], b = y->v[i + lag];

		if (!x->ok[i] || !y->ok[i + lag])
			continue;
		n++;
		sx += a;
		sy += b;
		xx += a * a;
		yy += b * b;
		xy += a * b;
	}
	if (n < RELAY_USED)
		return 0;
	vx = xx - sx * sx / n;
	vy = yy - sy * sy / n;
	return vx < n * varies * varies || vy <= 0 ? 0 : (xy - sx * sy / n) / sqrt(vx * vy);
}

/* Of all windows, the newest too. */
static uint32_t ring_bytes(const uint16_t ring[static ALIKE_WINDOWS])
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < ALIKE_WINDOWS; i++)
		sum += ring[i];
	return sum;
}

float alike_forwarded(const uint16_t in[static ALIKE_WINDOWS], const uint16_t out[static ALIKE_WINDOWS], uint64_t window)
{
	double came = ring_bytes(in), went = ring_bytes(out), varies, before = 0, now;
	struct series x, y;

	/* nearly every pair ends here, before anything is compared */
	if (came < RELAY_BYTES_S * COMPARED_S || went < came * RELAY_RATIO_MIN || went > came * RELAY_RATIO_MAX)
		return 0;
	series_read(&x, in, window);
	series_read(&y, out, window);
	varies = x.bytes / COMPARED * RELAY_VARIES;
	for (unsigned lag = 0; lag < RELAY_LAGS; lag++, before = now) {
		now = correlation(&x, &y, lag, varies);
		if (before + now >= RELAY_LIKENESS)
			return (float)(y.bytes / COMPARED_S);
	}
	return 0;
}
