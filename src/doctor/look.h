/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DOCTOR_LOOK_H
#define SQUELCH_DOCTOR_LOOK_H

#include "doctor/doctor.h"

/* Shared by the checks: how it is, and what to do about it. Text that is too long is cut. */
void finding_say(struct finding *, enum health, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void finding_advise(struct finding *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Opens root + path for reading; NULL when it is not there. */
FILE *doctor_open(const struct doctor *, const char *path);
/* The number a file begins with. */
bool doctor_number(const struct doctor *, const char *path, uint64_t *);

/* A list of names for people: "a, b, c and 4 more". From zeros; names_text ends it. */
struct names {
	char text[160];
	unsigned n, shown;
};
void names_add(struct names *, const char *);
const char *names_text(struct names *);

/* Calls `each` for every interface but lo. */
void doctor_interfaces(const struct doctor *, void (*each)(const struct doctor *, const char *name, void *), void *);

/* The checks. */
void look_privileges(const struct doctor *, struct finding *);
void look_nfqueue(const struct doctor *, struct finding *);
void look_targets(const struct doctor *, struct finding *);
void look_ctnetlink(const struct doctor *, struct finding *);
void look_conntrack_size(const struct doctor *, struct finding *);
void look_queues(const struct doctor *, struct finding *);
void look_hook(const struct doctor *, struct finding *);
void look_marks(const struct doctor *, struct finding *);
void look_flowtables(const struct doctor *, struct finding *);
void look_forwarding(const struct doctor *, struct finding *);
void look_bridges(const struct doctor *, struct finding *);
void look_reverse_path(const struct doctor *, struct finding *);
void look_offloads(const struct doctor *, struct finding *);
void look_user(const struct doctor *, struct finding *);
void look_time_zones(const struct doctor *, struct finding *);

/* Asks the kernel: 0, or the errno it answers with. */
int doctor_probe(enum probe);

#endif
