/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "event/eve.h"

#include <netinet/in.h>

#include "base/clock.h"
#include "event/digits.h"
#include "event/verdict.h"

/* A member whose text is nearly always that of the line before: its escapes are looked for once. */
static void put_same(struct json *j, struct eve_piece *p, const char *key, const char *text)
{
	const char *from = j->at;
	size_t len, put;

	if (p->len != 0 && strcmp(text, p->of) == 0) {
		json_raw(j, p->text, p->len);
		return;
	}
	len = strlen(text);
	json_text(j, key, text);
	put = (size_t)(j->at - from);
	p->len = 0;
	if (j->full || *from != ',' || len >= sizeof p->of || put > sizeof p->text)
		return;
	memcpy(p->of, text, len + 1);
	memcpy(p->text, from, put);
	p->len = put;
}

bool eve_open(struct eve *e, const struct event_conf *conf)
{
	e->ifaces = conf->ifaces;
	snprintf(e->sensor, sizeof e->sensor, "%s", conf->sensor == NULL ? "" : conf->sensor);
	e->file_name.len = e->sensor_said.len = 0;
	return json_open(&e->json, conf->eve);
}

void eve_close(struct eve *e)
{
	json_close(&e->json);
}

void eve_begin(struct eve *e, const char *type, uint64_t wall_ns)
{
	struct json *j = &e->json;
	char *p;

	json_line_begin(j); /* there is always room for this much */
	p = PUT_LITERAL(j->at, "\"timestamp\":");
	p = json_time_at(j, p, wall_ns);
	p = PUT_LITERAL(p, ",\"event_type\":\"");
	p = put_word(p, type);
	j->at = PUT_LITERAL(p, "\",\"schema_version\":" EVE_SCHEMA_VERSION);
	if (e->sensor[0] != '\0')
		put_same(j, &e->sensor_said, "sensor", e->sensor);
}

/* "c-" and eight hexadecimal digits. */
void eve_call_id(struct json *j, uint32_t call_id)
{
	char text[] = "\"c-00000000\"";
	int i;

	json_key(j, "call_id");
	for (i = 0; i < 8; i++)
		text[3 + i] = "0123456789abcdef"[call_id >> (28 - 4 * i) & 15];
	json_raw(j, text, sizeof text - 1);
}

/* --- the flow an event is about --- */

/* Names as Suricata writes them; others go by number. */
static const char *const proto_names[256] = {
	[IPPROTO_ICMP] = "ICMP", [IPPROTO_IGMP] = "IGMP", [IPPROTO_IPIP] = "IPIP",
	[IPPROTO_TCP] = "TCP", [IPPROTO_UDP] = "UDP", [IPPROTO_DCCP] = "DCCP",
	[IPPROTO_IPV6] = "IPv6", [IPPROTO_GRE] = "GRE", [IPPROTO_ESP] = "ESP",
	[IPPROTO_AH] = "AH", [IPPROTO_ICMPV6] = "IPv6-ICMP", [89] = "OSPF",
	[IPPROTO_PIM] = "PIM", [112] = "VRRP", [IPPROTO_SCTP] = "SCTP",
	[IPPROTO_UDPLITE] = "UDPLite", [IPPROTO_MPLS] = "MPLS",
};

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_UDP || proto == IPPROTO_TCP || proto == IPPROTO_SCTP
	    || proto == IPPROTO_DCCP || proto == IPPROTO_UDPLITE;
}

static char *put_proto(char *p, uint8_t proto)
{
	p = PUT_LITERAL(p, ",\"proto\":\"");
	p = proto_names[proto] != NULL ? put_word(p, proto_names[proto]) : put_u64(p, proto);
	return PUT_LITERAL(p, "\"");
}

static void put_tunnels(struct json *j, const struct event_flow *f)
{
	unsigned i;

	json_array(j, "tunnel");
	for (i = 0; i < f->n_tunnel && i < TUNNEL_MAX; i++) {
		json_object(j, NULL);
		json_word(j, "kind", tunnel_name(f->tunnel[i].kind));
		json_addr(j, "src_ip", &f->tunnel[i].ip[0]);
		json_addr(j, "dest_ip", &f->tunnel[i].ip[1]);
		json_u64(j, "id", f->tunnel[i].id);
		json_object_end(j);
	}
	json_array_end(j);
}

static void put_vlans(struct json *j, const struct event_flow *f)
{
	unsigned i;

	json_array(j, "vlan");
	for (i = 0; i < f->n_vlan && i < VLAN_MAX; i++)
		json_u64(j, NULL, f->vlan[i]);
	json_array_end(j);
}

/* Bytes that put_ends may write: keys and words of constant length, addresses, numbers of up to 5 digits. */
#define ENDS_MAX (256 + 2 * JSON_ADDR_MAX)

static void put_ends(struct json *j, const struct event_flow *f)
{
	const bool ports = has_ports(f->proto);
	char *p = j->at;

	if (!json_has_room(j, ENDS_MAX))
		return;
	p = json_addr_at(PUT_LITERAL(p, ",\"src_ip\":"), &f->ip[0]);
	if (ports)
		p = put_u64(PUT_LITERAL(p, ",\"src_port\":"), f->port[0]);
	p = json_addr_at(PUT_LITERAL(p, ",\"dest_ip\":"), &f->ip[1]);
	if (ports)
		p = put_u64(PUT_LITERAL(p, ",\"dest_port\":"), f->port[1]);
	p = put_u64(PUT_LITERAL(p, ",\"ip_v\":"), f->ip_v);
	p = put_proto(p, f->proto);
	j->at = f->initiator == 0 ? PUT_LITERAL(p, ",\"initiator\":\"src\"")
	    : f->initiator == 1 ? PUT_LITERAL(p, ",\"initiator\":\"dest\"")
	    : PUT_LITERAL(p, ",\"initiator\":null");
}

void eve_flow_head(struct eve *e, const struct event *ev, uint32_t call_id, uint64_t number)
{
	const struct event_flow *f = &ev->flow;
	struct json *j = &e->json;

	json_u64(j, "flow_id", f->id);
	if (call_id != 0)
		eve_call_id(j, call_id);
	if (e->ifaces != NULL && e->ifaces[f->iface] != NULL)
		json_text(j, "in_iface", e->ifaces[f->iface]);
	if (ev->file_name != NULL)
		put_same(j, &e->file_name, "pcap_filename", ev->file_name);
	if (number != 0)
		json_u64(j, "pcap_cnt", number);
	if (f->n_vlan > 0)
		put_vlans(j, f);
	if (f->n_tunnel > 0)
		put_tunnels(j, f);
	put_ends(j, f);
}

/* --- what it is --- */

static void put_evidence(struct json *j, const struct event_voip *v)
{
	char why[WHY_LEN];
	unsigned i;

	json_array(j, "evidence");
	for (i = 0; i < v->n_evidence && i < EVIDENCE_MAX; i++) {
		json_object(j, NULL);
		json_word(j, "detector", v->evidence[i].row->name);
		json_fixed(j, "bits", v->evidence[i].bits, 1);
		json_text(j, "why", evidence_why(&v->evidence[i], why));
		json_object_end(j);
	}
	json_array_end(j);
}

enum put_voip { PUT_DECISION, PUT_FLOW, PUT_BRIEF };

/* A flow of no class says no more than that: there are thousands of them for one call. */
static void put_voip(struct json *j, const struct event_voip *v, enum put_voip how)
{
	static const char nothing[] = ",\"voip\":{\"class\":null,\"app\":null,\"bits\":0.0}";
	const bool brief = how == PUT_BRIEF, kind = how == PUT_FLOW && v->app == APP_SKYPE;

	if (brief && v->cls == CLASS_NONE && v->app == APP_NONE && v->bits == 0) {
		json_raw(j, nothing, sizeof nothing - 1); /* most flows: in one piece */
		return;
	}
	json_object(j, "voip");
	json_word(j, "class", class_name(v->cls));
	json_word(j, "app", app_name(v->app));
	if (!brief && v->call_app != APP_NONE)
		json_word(j, "call_app", app_name(v->call_app));
	json_fixed(j, "bits", v->bits, 1);
	if (kind)
		json_word(j, "kind", v->kind);
	if (!brief) {
		json_bool(j, "tunnelled", v->tunnelled);
		json_u64(j, "packets", v->packets);
		json_u64(j, "after_ms", v->after_ms);
		put_evidence(j, v);
	}
	json_object_end(j);
}

/* --- what is done --- */

/* Suricata's words for the answers that a reject sends (its EVE format, "verdict"). */
static void put_reject(struct json *j, enum reject_target target, uint8_t proto)
{
	static const char *const names[] = {
		[REJECT_CLIENT] = "to_client", [REJECT_SERVER] = "to_server", [REJECT_BOTH] = "both",
	};

	if (target == REJECT_NONE)
		return;
	json_array(j, "reject");
	json_word(j, NULL, proto == IPPROTO_TCP ? "tcp-reset" : "icmp-prohib");
	json_array_end(j);
	json_word(j, "reject_target", names[target]);
}

/* "rules/inflight.rules:9" */
static void put_rule(struct json *j, const struct rule *rule)
{
	json_key(j, "rule");
	if (rule == NULL) {
		json_raw(j, "null", 4);
		return;
	}
	json_put_text(j, rule->file, strlen(rule->file));
	j->at--; /* over the closing quote: the line number follows */
	json_raw(j, ":", 1);
	json_put_u64(j, (uint64_t)rule->line);
	json_raw(j, "\"", 1);
}

static void put_alerts(struct json *j, const struct verdict *v)
{
	unsigned i;

	json_array(j, "alerts");
	for (i = 0; i < v->n_alerts && i < ALERTS_MAX; i++) {
		json_object(j, NULL);
		put_rule(j, v->alerts[i]);
		json_text(j, "reason", v->alerts[i]->reason[0] == '\0' ? NULL : v->alerts[i]->reason);
		json_object_end(j);
	}
	json_array_end(j);
}

static void put_verdict(struct json *j, const struct event *ev)
{
	static const char passed[] = ",\"verdict\":{\"action\":\"pass\",\"enforced\":false,\"rule\":null,\"reason\":null}";
	const struct said said = verdict_said(&ev->verdict);

	if (said.action == ACTION_PASS && said.rule == NULL && said.reason == NULL && !said.list_alerts &&
	    !ev->enforced && ev->verdict.reject == REJECT_NONE) {
		json_raw(j, passed, sizeof passed - 1); /* most flows: in one piece */
		return;
	}
	json_object(j, "verdict");
	json_word(j, "action", action_name(said.action));
	json_bool(j, "enforced", ev->enforced);
	put_rule(j, said.rule);
	json_text(j, "reason", said.reason);
	put_reject(j, ev->verdict.reject, ev->flow.proto);
	if (said.list_alerts)
		put_alerts(j, &ev->verdict);
	json_object_end(j);
}

/* --- events --- */

void eve_voip(struct eve *e, const struct event *ev, uint32_t call_id)
{
	eve_begin(e, "voip", ev->wall_ns);
	eve_flow_head(e, ev, call_id, ev->number);
	put_voip(&e->json, &ev->voip, PUT_DECISION);
	put_verdict(&e->json, ev);
	json_line_end(&e->json, true);
}

static const char *flow_state(const struct event *ev)
{
	if (ev->end == FLOW_END_TCP)
		return "closed";
	return ev->packets[0] > 0 && ev->packets[1] > 0 ? "established" : "new";
}

/* Bytes that put_counters may write: keys and words of constant length, numbers, times. */
#define COUNTERS_MAX (256 + 5 * DIGITS_U64 + 2 * JSON_TIME_LEN)

static void put_counters(struct json *j, const struct event *ev)
{
	const uint64_t first = ev->first_wall_ns, last = ev->last_wall_ns;
	char *p = j->at;

	if (!json_has_room(j, COUNTERS_MAX))
		return;
	p = put_u64(PUT_LITERAL(p, ",\"flow\":{\"pkts_toserver\":"), ev->packets[0]);
	p = put_u64(PUT_LITERAL(p, ",\"pkts_toclient\":"), ev->packets[1]);
	p = put_u64(PUT_LITERAL(p, ",\"bytes_toserver\":"), ev->bytes[0]);
	p = put_u64(PUT_LITERAL(p, ",\"bytes_toclient\":"), ev->bytes[1]);
	p = json_time_at(j, PUT_LITERAL(p, ",\"start\":"), first);
	p = json_time_at(j, PUT_LITERAL(p, ",\"end\":"), last);
	p = put_u64(PUT_LITERAL(p, ",\"age\":"), last > first ? (last - first) / NS_PER_S : 0);
	p = put_word(PUT_LITERAL(p, ",\"state\":\""), flow_state(ev));
	p = put_word(PUT_LITERAL(p, "\",\"reason\":\""), flow_end_name(ev->end));
	j->at = PUT_LITERAL(p, "\"}");
}

/* pcap_cnt of a flow event is the flow's first packet: that is where an analyst looks. */
void eve_flow(struct eve *e, const struct event *ev, uint32_t call_id)
{
	eve_begin(e, "flow", ev->wall_ns);
	eve_flow_head(e, ev, call_id, ev->flow.first_number);
	put_counters(&e->json, ev);
	put_voip(&e->json, &ev->voip, ev->voip.cls == CLASS_NONE ? PUT_BRIEF : PUT_FLOW);
	put_verdict(&e->json, ev);
	json_line_end(&e->json, false);
}

static void put_stats(struct json *j, const struct counts *counts)
{
	unsigned i;

	json_object(j, "stats");
	json_object(j, "squelch");
	for (i = 0; i < COUNT_END; i++)
		json_u64(j, count_key(i), counts->n[i]);
	json_object_end(j);
	json_object_end(j);
}

void eve_status(struct eve *e, const struct event *ev, const struct counts *counts)
{
	static const char *const types[EVENT_TYPES] = {
		[EVENT_START] = "start", [EVENT_STOP] = "stop", [EVENT_STATS] = "stats",
	};
	struct json *j = &e->json;

	eve_begin(e, types[ev->type], ev->wall_ns);
	if (ev->type == EVENT_START) {
		json_object(j, "start");
		json_word(j, "version", SQUELCH_VERSION);
		json_u64(j, "rules", ev->rules);
		json_object_end(j);
	} else {
		put_stats(j, counts);
	}
	json_line_end(j, true);
}
