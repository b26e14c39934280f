/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "front.h"
#include "profile.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage_text[] =
	"usage: impair list\n"
	"       impair pcap [options] PROFILE IN OUT\n"
	"       impair live [options] PROFILE NAMESPACE:DEVICE NAMESPACE:DEVICE\n"
	"\n"
	"What an access network does to packets, with the same seed always the same.\n"
	"PROFILE: a name of `impair list`, or UP/DOWN, one for each direction.\n"
	"  list       the profiles, their figures, and what they come to\n"
	"  pcap       rewrites the stamps of a capture and drops packets\n"
	"  live       a link between two TUN devices, made here, until SIGTERM; the first\n"
	"             is the near end: what is sent into it goes up. Says \"ready\"\n"
	"\n"
	"  --seed N       1\n"
	"  --set LIST     figures over those of the profile: loss=0.05,burst=3 (names as listed)\n"
	"  --up FILTER    pcap: what goes up, as tcpdump has it; default: from 192.0.2.0/24,\n"
	"                 203.0.113.0/24, 2001:db8:1::/64 or 2001:db8:3::/64\n"
	"  --snaplen N    pcap: bytes kept of each packet\n"
	"\n"
	"drift_ppm works on captures only: a live link has no say over the senders' clocks.\n";

/* The inside networks of tools/lab. */
#define INSIDE "src net 192.0.2.0/24 or src net 203.0.113.0/24 or src net 2001:db8:1::/64 or src net 2001:db8:3::/64"

static _Noreturn void usage(void)
{
	fputs(usage_text, stderr);
	exit(1);
}

/* "NAME" or "UP/DOWN" */
static void profiles(struct impair_options *o, char *name)
{
	char *slash = strchr(name, '/');
	const char *names[2] = { name, slash == NULL ? name : slash + 1 };

	if (slash != NULL)
		*slash = '\0';
	for (int way = 0; way < 2; way++)
		if (!profile_find(names[way], &o->profile[way]))
			errx(1, "%s: no such profile", names[way]);
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (end == text || *end != '\0' || errno != 0)
		errx(1, "%s: not a number", text);
	return value;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "seed", required_argument, NULL, 's' }, { "set", required_argument, NULL, 'f' },
		{ "up", required_argument, NULL, 'u' }, { "snaplen", required_argument, NULL, 'n' }, { 0 },
	};
	struct impair_options o = { .seed = 1, .up = INSIDE };
	const char *set = "", *command = argc > 1 ? argv[1] : "", *error;
	int c;

	if (strcmp(command, "list") == 0 && argc == 2) {
		profile_list();
		return 0;
	}
	optind = 2;
	while (argc > 1 && (c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		switch (c) {
		case 's': o.seed = number(optarg); break;
		case 'f': set = optarg; break;
		case 'u': o.up = optarg; break;
		case 'n': o.snaplen = (unsigned)number(optarg); break;
		default: usage();
		}
	if (argc - optind != 3)
		usage();
	profiles(&o, argv[optind]);
	for (int way = 0; way < 2; way++)
		if ((error = profile_set(&o.profile[way], set)) != NULL)
			errx(1, "--set %s: %s", set, error);
	if (strcmp(command, "pcap") == 0)
		impair_offline(&o, argv[optind + 1], argv[optind + 2]);
	else if (strcmp(command, "live") == 0)
		impair_live(&o, argv[optind + 1], argv[optind + 2]);
	else
		usage();
	return 0;
}
