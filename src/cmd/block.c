/* SPDX-License-Identifier: GPL-3.0-or-later */
/* squelch block: calls on netfilter queues, and what the rules do with them. */
#include "cmd/cmd.h"

#include <stdlib.h>
#include <string.h>

#include "base/exit.h"
#include "base/hash.h"
#include "base/log.h"
#include "cmd/common.h"
#include "gate/ctl.h"
#include "gate/gate.h"
#include "gate/mark.h"

/* Packets the kernel keeps for one queue, and the bytes of its socket: a tenth of a second of 300 000 packets/s. */
#define QUEUE_LENGTH  32768
#define RECEIVE_MIB   64

struct block_conf {
	const char *udp, *tcp, *mask, *user, *ctl;
	uint32_t length, receive_mib;
	bool fail_closed;
};

#define AT(member) offsetof(struct block_conf, member)
static const struct option_row rows[] = {
	{ "udp-queue", 0, OPTION_TEXT, "N[:M]", AT(udp), "queues with UDP and the rest, from N to M" },
	{ "tcp-queue", 0, OPTION_TEXT, "N[:M]", AT(tcp), "queues with TCP, taken with segmentation offload" },
	{ "mark-mask", 0, OPTION_TEXT, "HEX", AT(mask), "bits of the packet mark that are ours (0x7f000000)" },
	{ "queue-length", 0, OPTION_UINT, "N", AT(length), "packets that may wait in a queue (32768)" },
	{ "receive-memory", 0, OPTION_UINT, "MIB", AT(receive_mib), "buffer of a queue's socket (64)" },
	{ "user", 0, OPTION_TEXT, "NAME", AT(user), "who does the work (squelch, else nobody)" },
	{ "fail-closed", 0, OPTION_FLAG, NULL, AT(fail_closed), "what a queue cannot hold is lost, not passed" },
	{ "ctl", 0, OPTION_TEXT, "PATH", AT(ctl), "control socket (" CTL_PATH "), see squelch(1)" },
	{ 0 },
};

static const char usage[] =
    "block [OPTION...] --udp-queue N[:M] --tcp-queue N[:M]\n"
    "\n"
    "Judges what the firewall queues (see squelch-hook(8)) and blocks what the rules\n"
    "say. Runs until SIGTERM; SIGHUP reads the rules again and reopens the events.";

/* "N" or "N:M"; `text` NULL: none. */
static bool queues_parse(const char *text, struct queues *q)
{
	char *end;
	unsigned long first, last;

	*q = (struct queues){ 0, 0 };
	if (text == NULL)
		return true;
	first = last = strtoul(text, &end, 10);
	if (*end == ':' && end != text)
		last = strtoul(end + 1, &end, 10);
	if (end == text || *end != '\0' || *text == '-' || last > UINT16_MAX || last < first || last - first >= QUEUES_MAX)
		return false;
	*q = (struct queues){ (uint16_t)first, (uint16_t)(last - first + 1) };
	return true;
}

static bool overlap(const struct queues *a, const struct queues *b)
{
	return a->n != 0 && b->n != 0 && a->first < b->first + b->n && b->first < a->first + a->n;
}

static bool wrong(const char *text)
{
	log_warnx("block", "%s", text);
	return false;
}

static bool set_gate(const struct block_conf *b, const struct common_conf *c, struct gate_conf *g)
{
	*g = (struct gate_conf){
		.rules = c->rules, .eve = c->eve, .sensor = c->sensor, .user = b->user,
		.ctl = b->ctl, .mark_mask = MARK_MASK_DEFAULT, .queue_length = b->length,
		.receive_bytes = b->receive_mib << 20, .act_bits = c->act_bits, .redact = c->redact,
		.fail_closed = b->fail_closed, .engine = engine_conf_default(),
	};
	if (!queues_parse(b->udp, &g->udp) || !queues_parse(b->tcp, &g->tcp) || overlap(&g->udp, &g->tcp))
		return wrong("--udp-queue, --tcp-queue: a number or first:last, at most 64, and no queue twice");
	if (g->udp.n + g->tcp.n == 0 || g->udp.n + g->tcp.n > QUEUES_MAX)
		return wrong("which queues? --udp-queue and --tcp-queue, at most 64");
	if (b->mask != NULL && !mark_mask_parse(b->mask, &g->mark_mask))
		return wrong("--mark-mask: at least four bits side by side, as 0x7f000000");
	if (b->receive_mib > 1024)
		return wrong("--receive-memory: at most 1024");
	return common_engine(c, &g->engine);
}

int cmd_block(int argc, char **argv)
{
	struct common_conf c = common_defaults("block", "off");
	struct block_conf b = { .ctl = CTL_PATH, .length = QUEUE_LENGTH, .receive_mib = RECEIVE_MIB };
	struct option_table tables[] = { { rows, &b }, { common_rows, &c }, { NULL, NULL } };
	struct gate_conf g;
	int first = options_parse(tables, argc, argv, usage);

	if (first < 0)
		return first == OPTIONS_HELP ? EXIT_OK : EXIT_USAGE;
	if (first != argc) {
		log_warnx("block", "%s: what is that?", argv[first]);
		return EXIT_USAGE;
	}
	hash_init();
	return set_gate(&b, &c, &g) ? gate_supervise(&g) : EXIT_USAGE;
}
