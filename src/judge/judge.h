/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_JUDGE_JUDGE_H
#define SQUELCH_JUDGE_JUDGE_H

#include "detect/detect.h"

/*
 * What was just done to the same hosts (GROUP_HISTORY) counts beside so many bits of RTP, of a vendor's format or
 * of the cadence of speech: what the flow itself shows. Names, announcements and set-up are none: others can forge them.
 */
#define HISTORY_NEEDS 6.0f

struct judgement {
	enum voip_class cls;  /* CLASS_NONE below report_bits */
	enum app app;
	float bits;           /* of cls; of the best class when none is reported */
};

/*
 * Evidence -> class, application, bits: the largest of each group, summed
 * across groups, class by class; the strongest class that reaches `report_bits` wins.
 * NULL evidence gives CLASS_NONE.
 */
struct judgement judge(const struct evidence *, unsigned n, float report_bits);

/* Bits for one class. */
float judge_bits(const struct evidence *, unsigned n, enum voip_class);

#endif
