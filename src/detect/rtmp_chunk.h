/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_RTMP_CHUNK_H
#define SQUELCH_DETECT_RTMP_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The chunk stream of RTMP after its handshake (Adobe's specification 1.0, 5.3
 * and 6), one direction: which messages pass, when, and how they begin. Bodies are
 * skipped where they lie; what is kept of a message is its header and, of commands,
 * the first bytes. A stream joined in its middle is read from the next segment
 * that begins with an audio message.
 */
enum {
	RTMP_CHANNELS    = 6,    /* chunk stream ids followed a direction: control, commands, audio, video, data and one more */
	RTMP_COMMAND_MAX = 144,  /* bytes of a command: "publish", number, null and a name of 100 bytes fit */
	RTMP_HEADER_MAX  = 18,   /* bytes: 3 of the basic header, 11, 4 of an extended stamp (5.3.1) */
};

/* Message type ids (5.4, 7.1) that mean something here. */
enum { RTMP_SET_CHUNK_SIZE = 1, RTMP_AUDIO = 8, RTMP_VIDEO = 9, RTMP_COMMAND_AMF3 = 17, RTMP_COMMAND = 20 };

struct rtmp_channel {
	uint32_t length : 24;    /* of the message that runs or ran last; */
	uint32_t type : 8;
	uint32_t left;           /* bytes of it still to come */
	uint32_t step_ms;        /* last stamp difference, which a header of 1 byte repeats */
	uint32_t stream;         /* message stream id */
	uint16_t id;             /* chunk stream id */
	bool known : 1;
	bool timed : 1;          /* step_ms was told: joined in the middle it may not be */
	bool extended : 1;       /* stamps of 4 bytes more */
};

/* Zeroed it waits for the first chunk after a handshake. */
struct rtmp_chunks {
	struct rtmp_channel channel[RTMP_CHANNELS];
	uint32_t chunk_size;     /* bytes; 0: RTMP_CHUNK_SIZE, or unknown when joined */
	uint32_t body;           /* bytes of the current chunk still to come; */
	uint8_t at;              /* and its channel */
	uint8_t collecting;      /* 1 + channel whose message is copied to `command`; 0 none */
	uint8_t n_command;       /* bytes there */
	uint8_t misses;          /* segments in a row in which nothing was found */
	uint8_t settled;         /* messages of a joined stream that fitted the one before, at most SETTLED */
	bool joined;             /* in the middle: sizes of chunks are not known */
	bool searching;          /* for the next header */
	uint8_t command[RTMP_COMMAND_MAX];
};

/* A message: at its first byte, or, of a command, when it was collected. */
struct rtmp_message {
	uint8_t type;
	uint32_t stream;         /* message stream id; 0 also when not known */
	uint32_t length;         /* bytes, of all its chunks */
	uint32_t step_ms;        /* since the message before on its channel; 0 for one with a stamp of its own; */
	bool timed;              /* when it is known: a header of 1 byte says "as before" */
	const uint8_t *data;     /* the bytes at hand, at least one; */
	uint32_t n;              /* of a command at most RTMP_COMMAND_MAX */
};
typedef void rtmp_message_fn(void *arg, const struct rtmp_message *);

/* Whether bytes begin with an audio message and end with it, as far as a header in the middle of a stream can tell. */
enum rtmp_join { RTMP_JOIN_NO, RTMP_JOIN_MORE /* a header, and no more yet */, RTMP_JOIN_YES };
enum rtmp_join rtmp_may_join(const uint8_t *data, uint32_t len);
/* The stream was joined midway: audio messages that begin with their segment are searched for. */
void rtmp_join(struct rtmp_chunks *);
/*
 * Reads bytes in order, calls fn for each message, and returns how many were used: fewer than len when
 * a header is cut. Bytes that are no chunks are used up, and a segment is waited for that begins with audio.
 */
uint32_t rtmp_read(struct rtmp_chunks *, const uint8_t *data, uint32_t len, rtmp_message_fn *, void *arg);
/* True when it has been no RTMP for so long that it will be none. */
bool rtmp_lost(const struct rtmp_chunks *);

/* Audio codec of an FLV audio tag's first byte (Adobe's FLV and F4V specification 10.1, E.4.2.1). */
enum rtmp_codec { RTMP_CODEC_UNKNOWN, RTMP_CODEC_TELEPHONE, RTMP_CODEC_MUSIC };
enum rtmp_codec rtmp_codec(uint8_t tag);
/* Static text; "audio" for a codec that is not known. */
const char *rtmp_codec_name(uint8_t tag);

/* What a command says (7.2), AMF 0. */
enum rtmp_verb { RTMP_VERB_OTHER, RTMP_VERB_CONNECT, RTMP_VERB_PUBLISH, RTMP_VERB_PLAY, RTMP_VERB_PUBLISHED, RTMP_VERB_PLAYED };
struct rtmp_command {
	enum rtmp_verb verb;     /* PUBLISHED, PLAYED: the server's word that it began */
	const uint8_t *name;     /* of the stream, of publish and play: in the message; */
	uint32_t n_name;         /* without what follows a question mark; 0 none */
};
/* RTMP_VERB_OTHER for what is no command, or none of these. */
struct rtmp_command rtmp_command(const struct rtmp_message *);

#endif
