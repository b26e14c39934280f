/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/process.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/exit.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/now.h"
#include "detect/quic_crypto.h"
#include "engine/limits.h"
#include "gate/answer.h"
#include "gate/exchange.h"
#include "gate/mark.h"
#include "gate/rules.h"
#include "gate/sandbox.h"
#include "gate/verb.h"

#define STATS_NS  (60 * NS_PER_S) /* between two stats events */
#define POLL_MS   200     /* how soon a broken queue is noticed */
#define RELOAD_NS (20 * NS_PER_S) /* for the supervisor to read and try the rules */

/* --- counters --- */

struct tally { struct task task; struct counts counts; };

static void copy_counts(void *owner, void *arg)
{
	struct tally *t = arg;

	t->counts = worker_counts(owner);
}

struct counts process_counts(struct process *p)
{
	struct counts sum = { 0 };
	struct tally tally[QUEUES_MAX];

	for (unsigned i = 0; i < p->n; i++) {
		tally[i] = (struct tally){ .task = { .run = copy_counts, .arg = &tally[i] } };
		mailbox_post(&p->worker[i].box, &tally[i].task);
	}
	for (unsigned i = 0; i < p->n; i++) {
		(void)mailbox_wait(&p->worker[i].box, &tally[i].task);
		for (unsigned c = 0; c < COUNT_END; c++)
			sum.n[c] += tally[i].counts.n[c];
	}
	return sum;
}

static void say_stats(struct process *p)
{
	struct event *ev = calloc(1, sizeof *ev);

	if (ev == NULL)
		return;
	ev->type = EVENT_STATS;
	ev->mono_ns = now_ns(CLOCK_MONOTONIC);
	ev->wall_ns = now_ns(CLOCK_REALTIME);
	ev->counts = process_counts(p);
	event_queue_put(p->events, ev);
	free(ev);
}

static void on_eve(struct process *p, int fd)
{
	if (fd < 0)
		return;
	if (!writer_reopen(&p->writer, fd))
		log_warnx("events", "the file could not be changed");
	close(fd);
}

/* --- control --- */

/* False: it is time to stop. */
static bool hear(struct process *p)
{
	struct verb_message m;
	int fd, got = verb_receive(p->start->verbs, &m, &fd);

	if (got <= 0)
		return got == 0;
	switch (m.verb) {
	case VERB_RULES:
		exchange_policy(p, fd);
		return true;
	case VERB_REFUSED:
		memcpy(p->refused, m.text, sizeof p->refused);
		p->reloading = p->refused;
		return true;
	case VERB_EVE:
		on_eve(p, fd);
		return true;
	case VERB_STOP:
		p->stopping = true;
		return false;
	default:
		return true;
	}
}

static const char waiting[] = "the supervisor does not answer";

const char *process_reload(struct process *p)
{
	struct pollfd fd = { .fd = p->start->verbs, .events = POLLIN };
	uint64_t until = now_ns(CLOCK_MONOTONIC) + RELOAD_NS;

	p->reloading = waiting;
	if (!verb_send(p->start->verbs, VERB_RELOAD, NULL, -1))
		return waiting;
	while (p->reloading == waiting && now_ns(CLOCK_MONOTONIC) < until)
		if (poll(&fd, 1, POLL_MS) > 0 && !hear(p))
			return "the program is about to end";
	return p->reloading;
}

static bool all_well(struct process *p)
{
	for (unsigned i = 0; i < p->n; i++)
		if (atomic_load(&p->worker[i].failed)) {
			log_warnx("queue", "%s", p->worker[i].source->error);
			return false;
		}
	return true;
}

/* Returns an exit code. */
static int control(struct process *p)
{
	struct pollfd fds[1 + CTL_POLL_MAX] = { { .fd = p->start->verbs, .events = POLLIN } };
	uint64_t now = now_ns(CLOCK_MONOTONIC), next_stats = now + STATS_NS;

	while (all_well(p)) {
		unsigned n = 1 + (p->ctl == NULL ? 0 : ctl_poll_fds(p->ctl, fds + 1));

		(void)poll(fds, n, POLL_MS);
		if (!hear(p))
			return EXIT_OK;
		now = now_ns(CLOCK_MONOTONIC);
		if (p->ctl != NULL)
			ctl_step(p->ctl, now);
		if (p->stopping)
			return EXIT_OK;
		if (now >= next_stats) {
			say_stats(p);
			next_stats += STATS_NS;
		}
	}
	return EXIT_SOURCE;
}

/* --- beginning and end --- */

static FILE *eve_file(const struct process_start *s)
{
	if (s->conf->eve == NULL)
		return NULL;
	return strcmp(s->conf->eve, "-") == 0 ? stdout : fdopen(s->eve, "a");
}

static bool make_shared(struct process *p)
{
	const struct gate_conf *c = p->conf;

	quic_crypto_start();
	p->writer.eve = eve_file(p->start);
	p->policy = rules_parse(c, p->start->rules, NULL, 0);
	p->facts = facts_new(c->engine.max_facts, c->engine.max_facts_per_host);
	p->skype = skype_hosts_new(SKYPE_ENDPOINTS, SKYPE_HOSTS);
	p->roles = roles_new(ROLE_HOSTS);
	p->limits = limits_new();
	p->ifaces = ifaces_new();
	p->events = event_queue_new(EVENT_QUEUE_DEFAULT);
	p->conntrack = conntrack_new(c->mark_mask);
	p->sampler = sampler_new(c->mark_mask, mark_put(0, c->mark_mask, MARK_PASS));
	if (p->conntrack == NULL || p->sampler == NULL)
		log_warn("conntrack", "netlink");
	if (p->policy == NULL || p->facts == NULL || p->skype == NULL || p->roles == NULL || p->limits == NULL || p->ifaces == NULL ||
	    p->events == NULL || p->conntrack == NULL || p->sampler == NULL)
		return false;
	mailbox_init(&p->writer.box);
	p->writer.events = p->events;
	p->writer.conntrack = p->conntrack;
	p->writer.sampler = p->sampler;
	p->writer.backlog = p->start->backlog;
	p->writer.sink = event_sink_new(&(struct event_conf){ .eve = p->writer.eve, .sensor = c->sensor,
		.ifaces = ifaces_names(p->ifaces), .redact = c->redact });
	return p->writer.sink != NULL;
}

/* A worker's part of the bounds. */
static struct engine_conf engine_share(const struct process *p, struct worker *w)
{
	struct engine_conf e = p->conf->engine;
	unsigned n = p->conf->udp.n + p->conf->tcp.n;

	e.max_flows /= n;
	e.watch_bytes /= n;
	e.stream_bytes /= n;
	e.fragment_bytes /= n;
	e.ndpi_bytes /= n;
	e.enforce = true;
	e.facts = p->facts;
	e.skype = p->skype;
	e.roles = p->roles;
	e.limits = p->limits;
	e.on_event = worker_on_event;
	e.on_unmark = worker_on_unmark;
	e.arg = w;
	return e;
}

static bool make_worker(struct process *p)
{
	struct worker *w = &p->worker[p->n];
	struct engine_conf e = engine_share(p, w);

	mailbox_init(&w->box);
	w->beat = &p->start->beats[p->n];
	w->stop = &p->stop;
	w->events = p->events;
	w->conntrack = p->conntrack;
	w->mark_mask = p->conf->mark_mask;
	w->engine = engine_new(&e, p->policy, NULL);
	p->n++;
	return w->engine != NULL;
}

static bool bind_queue(struct process *p, unsigned i)
{
	const struct gate_conf *c = p->conf;
	bool udp = i < c->udp.n;
	struct nfqueue_conf conf = {
		.queue = (uint16_t)(udp ? c->udp.first + i : c->tcp.first + i - c->udp.n), .gso = !udp,
		.fail_open = !c->fail_closed, .length = c->queue_length, .receive_bytes = c->receive_bytes,
		.ifaces = p->ifaces,
	};
	char error[SOURCE_ERROR_LEN];

	atomic_store(p->worker[i].beat, now_ns(CLOCK_MONOTONIC));
	p->worker[i].source = nfqueue_open(&conf, error);
	if (p->worker[i].source == NULL)
		log_warnx("queue", "%s", error);
	return p->worker[i].source != NULL;
}

/* Queues come last: from then on somebody must answer. */
static int make(struct process *p)
{
	for (unsigned i = 0; i < p->conf->udp.n + p->conf->tcp.n; i++)
		if (!make_worker(p)) {
			log_warnx("gate", "not enough memory");
			return EXIT_MEMORY;
		}
	p->writer.n_workers = p->n;
	for (unsigned i = 0; i < p->n; i++)
		if (!bind_queue(p, i))
			return EXIT_SOURCE;
	return privilege_drop(&p->start->identity, PRIVILEGE_NET_ADMIN, p->start->parent) ? EXIT_OK : EXIT_OTHER;
}

static bool run_threads(struct process *p)
{
	sigset_t all;

	sigfillset(&all);
	sigdelset(&all, SIGSYS); /* the sandbox speaks through it */
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	for (unsigned i = 0; i < p->n; i++)
		if (pthread_create(&p->worker[i].thread, NULL, worker_main, &p->worker[i]) != 0)
			return false;
	return pthread_create(&p->writer.thread, NULL, writer_main, &p->writer) == 0 &&
	    pthread_create(&p->conntrack_thread, NULL, conntrack_main, p->conntrack) == 0 &&
	    pthread_create(&p->sampler_thread, NULL, sampler_main, p->sampler) == 0;
}

static void join(struct process *p)
{
	atomic_store(&p->stop, true);
	for (unsigned i = 0; i < p->n; i++)
		pthread_join(p->worker[i].thread, NULL);
	atomic_store(&p->writer.over, true);
	pthread_join(p->writer.thread, NULL);
	conntrack_stop(p->conntrack);
	sampler_stop(p->sampler);
	pthread_join(p->conntrack_thread, NULL);
	pthread_join(p->sampler_thread, NULL);
}

static void destroy(struct process *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		engine_free(p->worker[i].engine);
		source_close(p->worker[i].source);
		mailbox_destroy(&p->worker[i].box);
	}
	event_sink_free(p->writer.sink);
	event_queue_free(p->events);
	conntrack_free(p->conntrack);
	sampler_free(p->sampler);
	facts_free(p->facts);
	skype_hosts_free(p->skype);
	roles_free(p->roles);
	limits_free(p->limits);
	ifaces_free(p->ifaces);
	while (p->n_left > 0)
		policy_free(p->left[--p->n_left]);
	policy_free(p->policy);
	if (p->writer.eve != NULL)
		(void)fflush(p->writer.eve);
}

int process_run(const struct process_start *start)
{
	static struct process process; /* too large for a stack */
	struct process *p = &process;
	int code = EXIT_MEMORY;

	hash_init(); /* not the supervisor's key again: a new start has flow numbers of its own */
	p->conf = start->conf;
	p->start = start;
	if (!make_shared(p))
		goto out;
	code = make(p);
	if (code != EXIT_OK)
		goto out;
	if (!run_threads(p) || !sandbox_enter()) {
		log_warnx("gate", "cannot start");
		_exit(EXIT_OTHER); /* some threads run: the queues are unbound with us */
	}
	(void)verb_send(start->verbs, VERB_READY, NULL, -1);
	conntrack_clear_all(p->conntrack); /* what an earlier run decided is decided anew */
	if (start->ctl >= 0)
		p->ctl = ctl_new(start->ctl, &answer_ops, p);
	code = control(p);
	ctl_free(p->ctl);
	join(p);
out:
	destroy(p);
	return code;
}
