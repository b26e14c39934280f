/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks of the rules of squelch-hook, and of rules of others that do not go with them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/look.h"

static const char *const listings[] = { "iptables-save", "ip6tables-save", "nft list ruleset" };
#define LISTINGS (sizeof listings / sizeof *listings)

/* Where in a listing we are. */
struct place {
	char table[64];  /* "mangle" of iptables, "inet fw" of nft */
	bool ours;       /* a table or chain of squelch-hook */
	bool shown_twice; /* nft shows iptables-nft's tables too */
};

typedef void line_fn(const struct place *, const char *line, void *);

/* iptables-nft keeps these names for itself. */
static bool iptables_table(const char *name)
{
	static const char *const names[] = { "filter", "mangle", "raw", "nat", "security" };

	if (strncmp(name, "ip ", 3) != 0 && strncmp(name, "ip6 ", 4) != 0)
		return false;
	name = strchr(name, ' ') + 1;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static void enter(struct place *p, const char *line)
{
	if (line[0] == '*') {
		*p = (struct place){ 0 };
		snprintf(p->table, sizeof p->table, "%s", line + 1);
	} else if (sscanf(line, "table %63[^{]", p->table) == 1) {
		p->table[strcspn(p->table, "{")] = '\0';
		for (size_t n = strlen(p->table); n > 0 && p->table[n - 1] == ' '; n--)
			p->table[n - 1] = '\0';
		p->ours = strcmp(p->table, "inet squelch") == 0;
		p->shown_twice = iptables_table(p->table);
	}
}

/* Every line of a listing; false without the tool. */
static bool each_line(const struct doctor *d, const char *tool, line_fn *fn, void *arg)
{
	char *text = d->listing(tool), *save = NULL;
	struct place p = { 0 };

	if (text == NULL)
		return false;
	for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		enter(&p, line);
		fn(&p, line, arg);
	}
	free(text);
	return true;
}

static void unread(struct finding *f)
{
	finding_say(f, HEALTH_WARN, "no rules could be read");
	finding_advise(f, "run this as root, with iptables or nft installed");
}

/* Every line of every listing; false, and said, when there is none to be had. */
static bool all_lines(const struct doctor *d, struct finding *f, line_fn *fn, void *arg)
{
	bool any = false;

	for (size_t i = 0; i < LISTINGS; i++)
		any |= each_line(d, listings[i], fn, arg);
	if (!any)
		unread(f);
	return any;
}

/* --- the hook --- */

struct hook {
	bool led; /* traffic reaches the queue */
	bool closed; /* and is dropped when nobody reads it */
	bool mangle_jump, filter_jump;
	unsigned before, after; /* rules of others: accepting before ours in filter, standing after ours in mangle */
};

static void hook_line(const struct place *p, const char *line, void *arg)
{
	struct hook *h = arg;
	bool jump = strstr(line, "-j SQUELCH_") != NULL;

	h->closed |= strncmp(line, "-A SQUELCH_ASK ", 15) == 0 && strstr(line, "-j NFQUEUE") != NULL &&
	    strstr(line, "--queue-bypass") == NULL;
	if (strcmp(p->table, "inet squelch") == 0 && strstr(line, "queue") != NULL)
		h->led = true;
	if (strncmp(line, "-A FORWARD ", 11) != 0 && !(jump && strncmp(line, "-A INPUT ", 9) == 0))
		return;
	if (strcmp(p->table, "mangle") == 0) {
		h->led |= jump;
		h->mangle_jump |= jump;
		if (h->mangle_jump && !jump)
			h->after++;
	} else if (strcmp(p->table, "filter") == 0) {
		h->filter_jump |= jump;
		if (!h->filter_jump && strstr(line, "-j ACCEPT") != NULL)
			h->before++;
	}
}

/* Does any program read a queue? */
static bool queues_read(const struct doctor *d)
{
	FILE *in = doctor_open(d, "/proc/net/netfilter/nfnetlink_queue");
	unsigned number;
	bool any = in == NULL || fscanf(in, "%u", &number) == 1; /* not to be seen: look_queues tells */

	if (in != NULL)
		fclose(in);
	return any;
}

void look_hook(const struct doctor *d, struct finding *f)
{
	struct hook v[LISTINGS] = { 0 };
	unsigned after = 0, before = 0;
	bool any = false;

	for (size_t i = 0; i < LISTINGS; i++) {
		any |= each_line(d, listings[i], hook_line, &v[i]);
		after += v[i].mangle_jump ? v[i].after : 0;
		before += v[i].filter_jump ? v[i].before : 0;
	}
	if (!any) {
		unread(f);
	} else if (!v[0].led && !v[1].led && !v[2].led) {
		finding_say(f, HEALTH_WARN, "none lead traffic to squelch");
		finding_advise(f, "squelch-hook add");
	} else if (!v[2].led && v[0].led != v[1].led) {
		finding_say(f, HEALTH_WARN, "only %s is led to squelch", v[0].led ? "IPv4" : "IPv6");
		finding_advise(f, "squelch-hook add, without -4 or -6");
	} else if (before != 0) {
		finding_say(f, HEALTH_BAD, "%u accept before squelch's in filter FORWARD: cut calls go on", before);
		finding_advise(f, "squelch-hook del, then squelch-hook add, puts its rule first");
	} else if (after != 0) {
		finding_say(f, HEALTH_WARN, "%u after squelch's in mangle FORWARD: queued packets skip them", after);
		finding_advise(f, "squelch-hook del, then squelch-hook add, puts its rule last");
	} else if (!queues_read(d)) {
		finding_say(f, v[0].closed || v[1].closed ? HEALTH_BAD : HEALTH_WARN, "they lead traffic to queues that no program reads: %s",
		            v[0].closed || v[1].closed ? "it is dropped" : "it passes unjudged");
		finding_advise(f, "start squelch block, or squelch-hook del");
	} else {
		finding_say(f, HEALTH_OK, "they lead traffic to squelch");
	}
}

/* --- marks --- */

struct marks {
	uint32_t mask;
	struct names who;
};

/* The mask of "--word VALUE/MASK"; all bits without a mask, 0 without the word. */
static uint32_t iptables_mask(const char *line, const char *word)
{
	const char *at = strstr(line, word), *slash;

	if (at == NULL)
		return 0;
	at += strlen(word);
	slash = at + strcspn(at, "/ ");
	return *slash == '/' ? (uint32_t)strtoul(slash + 1, NULL, 0) : UINT32_MAX;
}

/* "--nfmask MASK" */
static uint32_t plain_mask(const char *line, const char *word)
{
	const char *at = strstr(line, word);

	return at == NULL ? UINT32_MAX : (uint32_t)strtoul(at + strlen(word), NULL, 0);
}

/* The bits a rule of iptables looks at or changes. */
static uint32_t iptables_bits(const char *line)
{
	uint32_t bits = iptables_mask(line, "--set-xmark ") | iptables_mask(line, "--set-mark ") |
	                iptables_mask(line, " --mark ");

	if (strstr(line, "--restore-mark") != NULL)
		bits |= plain_mask(line, "--nfmask ");
	if (strstr(line, "--save-mark") != NULL)
		bits |= plain_mask(line, "--ctmask ");
	return bits;
}

/* The bits a rule of nft changes: all, or with "mark set mark and KEEP or VALUE" those not kept. */
static uint32_t nft_bits(const char *line)
{
	const char *set = strstr(line, "mark set "), *and;
	uint32_t keep, value = 0;
	int used = 0;

	if (set == NULL)
		return 0;
	and = strstr(set, "mark and ");
	if (and == NULL)
		and = strstr(set, "mark & ");
	if (and == NULL || sscanf(and, "mark %*s %" SCNi32 "%n", (int32_t *)&keep, &used) != 1)
		return UINT32_MAX;
	if (sscanf(and + used, " or %" SCNi32, (int32_t *)&value) != 1)
		(void)sscanf(and + used, " xor %" SCNi32, (int32_t *)&value);
	return ~keep | value;
}

static void mark_line(const struct place *p, const char *line, void *arg)
{
	struct marks *m = arg;
	uint32_t bits;
	char shown[112];

	if (p->ours || p->shown_twice || strstr(line, "SQUELCH_") != NULL)
		return;
	bits = strncmp(line, "-A ", 3) == 0 ? iptables_bits(line) : nft_bits(line);
	if ((bits & m->mask) == 0)
		return;
	line += strspn(line, "\t ");
	snprintf(shown, sizeof shown, "%s \"%.40s\"", p->table, line);
	names_add(&m->who, shown);
}

void look_marks(const struct doctor *d, struct finding *f)
{
	struct marks m = { .mask = d->mark_mask };

	if (!all_lines(d, f, mark_line, &m))
		return;
	if (m.who.n == 0) {
		finding_say(f, HEALTH_OK, "none touch our bits, 0x%08" PRIx32, d->mark_mask);
	} else {
		finding_say(f, HEALTH_BAD, "%u rules use our bits: %s", m.who.n, names_text(&m.who));
		finding_advise(f, "give squelch-hook and squelch block another --mark-mask, or those rules a mask");
	}
}

/* --- flow tables --- */

static void flow_line(const struct place *p, const char *line, void *arg)
{
	char shown[112];

	if (strstr(line, "flow add @") == NULL && strstr(line, "flow offload @") == NULL &&
	    strstr(line, "-j FLOWOFFLOAD") == NULL)
		return;
	line += strspn(line, "\t ");
	snprintf(shown, sizeof shown, "%s \"%.40s\"", p->table, line);
	names_add(arg, shown);
}

void look_flowtables(const struct doctor *d, struct finding *f)
{
	struct names who = { 0 };

	if (!all_lines(d, f, flow_line, &who))
		return;
	if (who.n == 0) {
		finding_say(f, HEALTH_OK, "none: every packet passes the firewall");
		return;
	}
	finding_say(f, HEALTH_BAD, "established flows leave the firewall, and squelch never sees them: %s", names_text(&who));
	finding_advise(f, "take these rules away, or let them only offload flows with squelch's mark for passed ones");
}
