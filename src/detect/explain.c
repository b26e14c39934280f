/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/detect.h"

void detect_explain(const struct flow *f, FILE *out)
{
	for (unsigned i = 0; f->watch != NULL && i < n_detectors; i++) {
		if (detectors[i].explain == NULL || f->watch->state[i] == NULL)
			continue;
		fprintf(out, "  %s: %s\n", detectors[i].name, detectors[i].about);
		detectors[i].explain(f->watch->state[i], out);
	}
}
