/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <errno.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/cursor.h"
#include "source/unpack.h"

#define UNPACK_BUFFER (256 * 1024) /* bytes; larger gained nothing on a file in the page cache */
#define UNPACK_WHAT   128
#define MAGIC_LEN     4
#define GZIP_WINDOW   (15 + 16)    /* zlib.h, inflateInit2: largest window, gzip header wanted */

enum packing { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD, PACKINGS };

struct unpack {
	int fd;                     /* -1 closed */
	enum packing packing;
	bool ended;                 /* the descriptor has no more */
	bool inside;                /* in a gzip member or zstd frame that has not ended */
	bool failed;                /* nothing more is delivered; `what` tells why */
	size_t in_at, in_len;       /* bytes of `in` not used yet */
	uint64_t *progress;
	uint64_t out;               /* bytes delivered */
	z_stream gzip;
	bool gzip_ready;
	ZSTD_DCtx *zstd;
	uint8_t head[MAGIC_LEN];    /* read ahead for unpack_magic, delivered first */
	size_t head_at, head_len;
	char what[UNPACK_WHAT];
	uint8_t in[UNPACK_BUFFER];
	char file_buffer[UNPACK_BUFFER];
};

static ssize_t unpack_fail(struct unpack *u, const char *what, const char *detail)
{
	snprintf(u->what, sizeof u->what, "%s%s%s", what, detail[0] == '\0' ? "" : ": ", detail);
	u->failed = true;
	return -1;
}

static ssize_t unpack_read_fd(struct unpack *u, void *to, size_t size)
{
	ssize_t n;

	do
		n = read(u->fd, to, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return unpack_fail(u, "cannot be read", strerror(errno));
	u->ended = n == 0;
	*u->progress += (uint64_t)n;
	return n;
}

/* Has more compressed bytes ready in `in`; false at the end or on failure. */
static bool unpack_refill(struct unpack *u)
{
	ssize_t n;

	if (u->in_at < u->in_len)
		return true;
	if (u->ended)
		return false;
	n = unpack_read_fd(u, u->in, sizeof u->in);
	u->in_at = 0;
	u->in_len = n > 0 ? (size_t)n : 0;
	return n > 0;
}

static ssize_t decode_none(struct unpack *u, uint8_t *to, size_t size)
{
	size_t left = u->in_len - u->in_at;

	if (left == 0)
		return unpack_read_fd(u, to, size);
	if (size > left)
		size = left;
	memcpy(to, u->in + u->in_at, size);
	u->in_at += size;
	return (ssize_t)size;
}

/* RFC 1952: members may follow one another. */
static bool gzip_begin(struct unpack *u)
{
	if (u->in[u->in_at] != 0x1f) {
		unpack_fail(u, "bytes after the gzip data that are no gzip", "");
		return false;
	}
	inflateReset(&u->gzip);
	u->inside = true;
	return true;
}

/* What inflate gave before it failed is good, and delivered before the failure. */
static size_t gzip_step(struct unpack *u, uint8_t *to, size_t size)
{
	int r;

	u->gzip.next_in = u->in + u->in_at;
	u->gzip.avail_in = (uInt)(u->in_len - u->in_at);
	u->gzip.next_out = to;
	u->gzip.avail_out = (uInt)size;
	r = inflate(&u->gzip, Z_NO_FLUSH);
	u->in_at = u->in_len - u->gzip.avail_in;
	if (r == Z_STREAM_END)
		u->inside = false;
	else if (r != Z_OK && r != Z_BUF_ERROR)
		unpack_fail(u, "damaged gzip data", u->gzip.msg == NULL ? "" : u->gzip.msg);
	return size - u->gzip.avail_out;
}

static ssize_t decode_gzip(struct unpack *u, uint8_t *to, size_t size)
{
	size_t n = 0;

	while (n == 0 && !u->failed) {
		if (!unpack_refill(u)) {
			if (u->inside && !u->failed)
				unpack_fail(u, "the gzip data end early", "");
			break;
		}
		if (u->inside || gzip_begin(u))
			n = gzip_step(u, to, size);
	}
	return n > 0 ? (ssize_t)n : u->failed ? -1 : 0;
}

/* One call may give bytes without taking any: the decoder holds a window of its own. */
static ssize_t decode_zstd(struct unpack *u, uint8_t *to, size_t size)
{
	ZSTD_outBuffer out = { to, size, 0 };

	while (out.pos == 0 && !u->failed) {
		bool more = unpack_refill(u);
		ZSTD_inBuffer in = { u->in, u->in_len, u->in_at };
		size_t r;

		if (u->failed || (!more && !u->inside))
			break;
		r = ZSTD_decompressStream(u->zstd, &out, &in);
		u->in_at = in.pos;
		u->inside = r != 0;
		if (ZSTD_isError(r))
			unpack_fail(u, "damaged zstd data", ZSTD_getErrorName(r));
		else if (!more && out.pos == 0 && u->inside)
			unpack_fail(u, "the zstd data end early", "");
	}
	return out.pos > 0 ? (ssize_t)out.pos : u->failed ? -1 : 0;
}

static bool ready_none(struct unpack *u)
{
	(void)u;
	return true;
}

static bool ready_gzip(struct unpack *u)
{
	if (!u->gzip_ready)
		u->gzip_ready = inflateInit2(&u->gzip, GZIP_WINDOW) == Z_OK;
	return u->gzip_ready;
}

static bool ready_zstd(struct unpack *u)
{
	if (u->zstd == NULL)
		u->zstd = ZSTD_createDCtx();
	if (u->zstd != NULL)
		ZSTD_DCtx_reset(u->zstd, ZSTD_reset_session_only);
	return u->zstd != NULL;
}

static const struct {
	const char *name;
	uint8_t magic_len;
	uint8_t magic[MAGIC_LEN];
	bool (*ready)(struct unpack *);
	ssize_t (*decode)(struct unpack *, uint8_t *, size_t);
} packings[] = {
	[PACKING_NONE] = { NULL, 0, { 0 }, ready_none, decode_none },
	/* RFC 1952, 2.3.1: ID1 ID2, and the one method there is */
	[PACKING_GZIP] = { "gzip", 3, { 0x1f, 0x8b, 8 }, ready_gzip, decode_gzip },
	/* RFC 8878, 3.1.1: frame magic, little-endian 0xfd2fb528 */
	[PACKING_ZSTD] = { "zstd", 4, { 0x28, 0xb5, 0x2f, 0xfd }, ready_zstd, decode_zstd },
};
static_assert(sizeof packings / sizeof *packings == PACKINGS, "describe every packing");

static ssize_t unpack_decode(struct unpack *u, uint8_t *to, size_t size)
{
	return u->failed ? -1 : packings[u->packing].decode(u, to, size);
}

/* Reads until `in` tells the packing: a pipe may give byte by byte. */
static void unpack_fill_first(struct unpack *u)
{
	ssize_t n = 1;

	while (n > 0 && u->in_len < MAGIC_LEN) {
		n = unpack_read_fd(u, u->in + u->in_len, sizeof u->in - u->in_len);
		if (n > 0)
			u->in_len += (size_t)n;
	}
}

static enum packing packing_of(const struct unpack *u)
{
	for (enum packing k = PACKING_GZIP; k < PACKINGS; k++)
		if (u->in_len >= packings[k].magic_len &&
		    memcmp(u->in, packings[k].magic, packings[k].magic_len) == 0)
			return k;
	return PACKING_NONE;
}

static void unpack_fill_head(struct unpack *u)
{
	ssize_t n = 1;

	while (n > 0 && u->head_len < MAGIC_LEN) {
		n = unpack_decode(u, u->head + u->head_len, MAGIC_LEN - u->head_len);
		if (n > 0)
			u->head_len += (size_t)n;
	}
}

struct unpack *unpack_new(void)
{
	struct unpack *u = malloc(sizeof *u);

	if (u != NULL)
		memset(u, 0, offsetof(struct unpack, in));
	if (u != NULL)
		u->fd = -1;
	return u;
}

void unpack_free(struct unpack *u)
{
	if (u == NULL)
		return;
	unpack_close(u);
	if (u->gzip_ready)
		inflateEnd(&u->gzip);
	ZSTD_freeDCtx(u->zstd);
	free(u);
}

bool unpack_open(struct unpack *u, int fd, uint64_t *progress)
{
	unpack_close(u);
	u->fd = fd;
	u->progress = progress;
	u->ended = u->inside = u->failed = false;
	u->in_at = u->in_len = u->head_at = u->head_len = 0;
	u->out = 0;
	unpack_fill_first(u);
	u->packing = packing_of(u);
	if (!packings[u->packing].ready(u))
		unpack_fail(u, "no memory to decompress", "");
	unpack_fill_head(u);
	return !u->failed || u->head_len > 0;
}

void unpack_close(struct unpack *u)
{
	if (u->fd >= 0)
		close(u->fd);
	u->fd = -1;
}

uint32_t unpack_magic(const struct unpack *u)
{
	struct cursor c = cur_open(u->head, u->head_len);

	return cur_u32(&c);
}

ssize_t unpack_read(struct unpack *u, void *to, size_t size)
{
	size_t left = u->head_len - u->head_at;
	ssize_t n;

	if (left > 0) {
		n = (ssize_t)(size < left ? size : left);
		memcpy(to, u->head + u->head_at, (size_t)n);
		u->head_at += (size_t)n;
	} else {
		n = unpack_decode(u, to, size);
	}
	if (n > 0)
		u->out += (uint64_t)n;
	return n;
}

uint64_t unpack_told(const struct unpack *u)
{
	return u->out;
}

static ssize_t unpack_read_cookie(void *cookie, char *buf, size_t size)
{
	ssize_t n = unpack_read(cookie, buf, size);

	if (n < 0)
		errno = EIO;
	return n;
}

/* Only tells where we are, for ftello. */
static int unpack_seek_cookie(void *cookie, off64_t *at, int whence)
{
	const struct unpack *u = cookie;

	if (whence != SEEK_CUR || *at != 0)
		return -1;
	*at = (off64_t)u->out;
	return 0;
}

FILE *unpack_file(struct unpack *u, enum unpack_how how)
{
	cookie_io_functions_t io = { .read = unpack_read_cookie, .seek = unpack_seek_cookie };
	FILE *f = fopencookie(u, "r", io);

	if (f == NULL)
		return NULL;
	if (how == UNPACK_EXACT)
		setvbuf(f, NULL, _IONBF, 0);
	else
		setvbuf(f, u->file_buffer, _IOFBF, sizeof u->file_buffer);
	/* One thread reads it: libpcap's two fread a packet need no lock. */
	__fsetlocking(f, FSETLOCKING_BYCALLER);
	return f;
}

const char *unpack_packing(const struct unpack *u)
{
	return packings[u->packing].name;
}

const char *unpack_error(const struct unpack *u)
{
	return u->failed ? u->what : NULL;
}
