/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_NAME_EVIDENCE_H
#define SQUELCH_DETECT_NAME_EVIDENCE_H

#include "detect/detect.h"
#include "detect/names.h"

/*
 * A name says whose traffic it is and never what it carries: evidence from here
 * speaks for CLASS_CONTROL and nothing else. Names of everybody else give none.
 *
 * Names are claims. A ClientHello is not encrypted and the client writes in it
 * what it likes, but a client that is not the application rarely writes the
 * application's name, and a server of somebody else rarely answers to it: about
 * one flow in 4000 is our estimate of both together, hence 12 bits. That is
 * reported (10) and not acted on (16) unless a rule asks for less.
 */
#define NAME_BITS 12.0f
/*
 * A DNS answer tells which address the name has now; the flow that follows may
 * be another service on the same host. Two bits less: reported, just.
 */
#define NAME_DNS_BITS 10.0f

/* Leaves the evidence of a name, if it is one of ours; true when it is. */
bool name_evidence(struct look *, const char *name, size_t len, enum name_source);
/* The same for what DNS said of the address this flow was opened to; on a common port it names, and is no evidence. */
bool name_evidence_dns(struct look *);

#endif
