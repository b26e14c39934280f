/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_LAB_STORM_H
#define SQUELCH_LAB_STORM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* What the files of storm share. */

#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

#define INSIDE  0x0a4d0000u /* 10.77.0.0/16: phones */
#define OUTSIDE 0xc6120000u /* 198.18.0.0/15, RFC 2544: whom they call */
#define SERVERS 0xc6130000u /* 198.19.0.0/16 of it: SIP */
#define PHONES  8192        /* inside addresses of phones; a call more than this shares one */
#define FIRST   256         /* the first phone, and the first peer, in their networks */
#define OTHERS  0x4000      /* hosts inside from here on are of other flows */
#define MEDIA_PORT 16384

#define FRAME_BYTES 1024
#define BATCH 256
#define ETH 14
#define IP 20
#define UDP 8

/* One side of the gateway: frames wait here until flush(). */
struct end {
	int fd;
	uint8_t gateway[6];        /* MAC */
	unsigned n;
	struct mmsghdr mm[BATCH];
	struct iovec iov[BATCH];
	uint8_t frame[BATCH][FRAME_BYTES];
	uint64_t sent, refused;
};

struct call {
	uint64_t begun_ms;           /* of the run */
	uint64_t media_ns;           /* first media sent */
	_Atomic uint64_t heard_ns;   /* last media that arrived, at either end */
	uint32_t next;               /* of those that talk in the same millisecond */
	uint16_t seq;
};

struct options { uint32_t rate, seconds, tail, sip, both, ptime, flows; };

extern struct options opt;
extern struct end near_end, far_end;
extern struct call *calls;
extern uint32_t n_calls;           /* all that will be */

_Noreturn void fail(const char *what);

/* --- storm_say.c --- */
#define TALK_MS 40 /* from INVITE to the first media */
/* Sends what waits; what the device does not take is lost, as on a wire. */
void flush(struct end *);
/* What call i says while it is set up, `ms` milliseconds after its beginning. */
void set_up(uint32_t i, uint64_t ms);
/* One packet of speech, or one each way. */
void talk(uint32_t i, uint64_t now_ns);
/* One or two datagrams of flow n: from anywhere inside to anywhere outside, of any bytes. */
void scatter(uint32_t n);

/* --- storm_hear.c --- */
extern _Atomic uint64_t delivered; /* media packets that arrived */
extern _Atomic uint64_t others;    /* and datagrams of other flows */
void end_open(struct end *, const char *ns);
/* A thread that hears what arrives at a namespace; `far`: from the phones. Until hear_stop(). */
pthread_t hear_at(const char *ns, bool far);
void hear_stop(void);

#endif
