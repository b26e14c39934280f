/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <pcap/dlt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/clock.h"
#include "packet/packet.h"
#include "source/source.h"

#define MAGIC_US 0xa1b2c3d4u
#define MAGIC_NS 0xa1b23c4du
#define FRAME    60           /* bytes of a test frame */
#define RECORD   (16 + FRAME) /* with its header in a pcap file */
#define HEADER   24           /* of a pcap file */

static char folder[64];
static char error[SOURCE_ERROR_LEN];

/* ---- files made by hand ---- */

struct bytes {
	uint8_t *p;
	size_t n;
};

static void add(struct bytes *b, const void *from, size_t n)
{
	b->p = realloc(b->p, b->n + n);
	assert_non_null(b->p);
	memcpy(b->p + b->n, from, n);
	b->n += n;
}

static void add_u32(struct bytes *b, uint32_t v)
{
	add(b, &v, sizeof v);
}

static void add_header(struct bytes *b, uint32_t magic, uint32_t link)
{
	add_u32(b, magic);
	add_u32(b, 2 | 4 << 16);
	add_u32(b, 0);
	add_u32(b, 0);
	add_u32(b, 65535);
	add_u32(b, link);
}

/* An Ethernet frame with IPv4 and UDP to `port`; enough for a filter. */
static void frame_make(uint8_t f[FRAME], uint16_t port)
{
	static const uint8_t start[] = {
		2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0,
		0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
		0x10, 0, 0, 0, 0, 26, 0, 0
	};

	memset(f, 0, FRAME);
	memcpy(f, start, sizeof start);
	f[36] = (uint8_t)(port >> 8);
	f[37] = (uint8_t)port;
}

static void add_record(struct bytes *b, uint32_t s, uint32_t fraction, uint16_t port)
{
	uint8_t f[FRAME];

	frame_make(f, port);
	add_u32(b, s);
	add_u32(b, fraction);
	add_u32(b, FRAME);
	add_u32(b, FRAME);
	add(b, f, sizeof f);
}

/* A pcap of n packets, a second apart, to ports from `port` on. */
static struct bytes pcap_make(unsigned n, uint16_t port)
{
	struct bytes b = { 0 };

	add_header(&b, MAGIC_US, DLT_EN10MB);
	for (unsigned i = 0; i < n; i++)
		add_record(&b, 1000 + i, 250000, (uint16_t)(port + i));
	return b;
}

static void add_interface(struct bytes *b, uint16_t link)
{
	add_u32(b, 1);
	add_u32(b, 20);
	add_u32(b, link);
	add_u32(b, 65535);
	add_u32(b, 20);
}

static void add_enhanced(struct bytes *b, uint64_t us, uint16_t port)
{
	uint8_t f[FRAME];
	const uint32_t len = 32 + FRAME;

	frame_make(f, port);
	add_u32(b, 6);
	add_u32(b, len);
	add_u32(b, 0);
	add_u32(b, (uint32_t)(us >> 32));
	add_u32(b, (uint32_t)us);
	add_u32(b, FRAME);
	add_u32(b, FRAME);
	add(b, f, sizeof f);
	add_u32(b, len);
}

static struct bytes pcapng_make(unsigned n)
{
	static const uint32_t section[] = { 0x0a0d0d0a, 28, 0x1a2b3c4d, 1, ~0u, ~0u, 28 };
	struct bytes b = { 0 };

	add(&b, section, sizeof section);
	add_interface(&b, DLT_EN10MB);
	for (unsigned i = 0; i < n; i++)
		add_enhanced(&b, 1000000ull * (1000 + i) + 7, (uint16_t)(i + 1));
	return b;
}

static struct bytes gzip_make(struct bytes plain)
{
	uLong room = compressBound(plain.n) + 64;
	struct bytes b = { malloc(room), 0 };
	z_stream z = { .next_in = plain.p, .avail_in = (uInt)plain.n, .next_out = b.p,
		.avail_out = (uInt)room };

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	b.n = z.total_out;
	deflateEnd(&z);
	free(plain.p);
	return b;
}

/* Frames of few bytes, so that a cut loses only the last. */
static struct bytes zstd_make(struct bytes plain, size_t piece)
{
	struct bytes b = { 0 };

	for (size_t at = 0; at < plain.n; at += piece) {
		uint8_t to[4096];
		size_t n = plain.n - at < piece ? plain.n - at : piece;

		assert_true(ZSTD_compressBound(n) <= sizeof to);
		n = ZSTD_compress(to, sizeof to, plain.p + at, n, 3);
		assert_false(ZSTD_isError(n));
		add(&b, to, n);
	}
	free(plain.p);
	return b;
}

/* Writes and frees; the name is good until the eighth next call. */
static char *file_write(const char *name, struct bytes b)
{
	static char paths[8][160];
	static unsigned next;
	char *path = paths[next++ % 8];
	FILE *f;

	snprintf(path, sizeof paths[0], "%s/%s", folder, name);
	assert_non_null(f = fopen(path, "w"));
	assert_true(b.n == 0 || fwrite(b.p, 1, b.n, f) == b.n);
	fclose(f);
	free(b.p);
	return path;
}

/* ---- what came out, one word an answer ---- */

static char log_text[4096];

static void log_add(const char *what)
{
	size_t n = strlen(log_text);

	snprintf(log_text + n, sizeof log_text - n, "%s%s", n == 0 ? "" : " ", what);
}

/* A path as from the test's folder. */
static const char *in_folder(const char *text)
{
	size_t n = strlen(folder);

	return strncmp(text, folder, n) == 0 ? text + n + 1 : text;
}

static void log_frame(const struct frame *f)
{
	char what[64];

	assert_int_equal(f->mono_ns, f->wall_ns);
	assert_true(f->len >= f->caplen);
	snprintf(what, sizeof what, "%llu:%u", (unsigned long long)f->number,
	    f->caplen < 38 ? 0 : f->data[36] << 8 | f->data[37]);
	log_add(what);
}

/* E NAME of an epoch, NUMBER:PORT of a packet, ! TEXT of an error. */
static const char *drain(struct source *s)
{
	struct frame f;
	enum source_next r;

	assert_non_null(s);
	log_text[0] = '\0';
	while ((r = source_next(s, &f)) != SOURCE_END) {
		if (r == SOURCE_FRAME)
			log_frame(&f);
		else {
			log_add(r == SOURCE_EPOCH ? "E" : "!");
			log_add(in_folder(r == SOURCE_EPOCH ? s->file_name : s->error));
		}
	}
	assert_int_equal(source_next(s, &f), SOURCE_END);
	source_close(s);
	return log_text;
}

static struct source *open_one(char *path, const char *filter)
{
	return source_files(&path, 1, filter, error);
}

static const char *drain_one(char *path)
{
	return drain(open_one(path, NULL));
}

/* Texts of libpcap differ between its versions: only their beginning is compared. */
static void assert_begins(const char *text, const char *begin)
{
	if (strncmp(text, begin, strlen(begin)) != 0)
		fail_msg("\"%s\" does not begin with \"%s\"", text, begin);
}

static int folder_make(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/test_source.XXXXXX");
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int folder_remove(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- tests ---- */

static void test_plain(void **state)
{
	(void)state;
	assert_string_equal(drain_one(file_write("a.pcap", pcap_make(3, 7))), "E a.pcap 1:7 2:8 3:9");
	assert_string_equal(drain_one(file_write("a.pcapng", pcapng_make(2))), "E a.pcapng 1:1 2:2");
}

static void test_swapped(void **state)
{
	struct bytes b = pcap_make(1, 1);

	(void)state;
	/* the other byte order, but for the frame and the two halves of the version */
	for (size_t i = 0; i < HEADER + 16; i += 4) {
		uint32_t v;

		memcpy(&v, b.p + i, 4);
		v = i == 4 ? 0x04000200u : __builtin_bswap32(v);
		memcpy(b.p + i, &v, 4);
	}
	assert_string_equal(drain_one(file_write("be.pcap", b)), "E be.pcap 1:1");
}

static void test_truncated_pcap(void **state)
{
	struct bytes b = pcap_make(3, 1);

	(void)state;
	b.n = HEADER + 2 * RECORD + 16 + 10;
	assert_begins(drain_one(file_write("cut.pcap", b)), "E cut.pcap 1:1 2:2 ! cut.pcap: "
	    "packet 3, byte 202: truncated dump file");
	b = pcap_make(2, 1);
	b.n = HEADER + RECORD + 5;
	assert_begins(drain_one(file_write("cut.pcap", b)), "E cut.pcap 1:1 ! cut.pcap: "
	    "packet 2, byte 105: truncated dump file");
	b = pcap_make(0, 1);
	b.n = 10;
	assert_begins(drain_one(file_write("cut.pcap", b)), "! cut.pcap: "
	    "packet 1, byte 10: truncated dump file");
}

static void test_damaged_pcap(void **state)
{
	struct bytes b = pcap_make(3, 1);
	const uint32_t absurd = 0x7fffffff;
	char *const paths[] = {
		(memcpy(b.p + HEADER + RECORD + 8, &absurd, 4), file_write("bad.pcap", b)),
		file_write("good.pcap", pcap_make(1, 9)),
	};

	(void)state;
	assert_begins(drain(source_files(paths, 2, NULL, error)), "E bad.pcap 1:1 ! bad.pcap: "
	    "packet 2, byte 116: invalid packet capture length 2147483647");
	assert_non_null(strstr(log_text, " E good.pcap 1:9"));
}

static void test_damaged_pcapng(void **state)
{
	struct bytes b = pcapng_make(3);
	const size_t second = 28 + 20 + (32 + FRAME);

	(void)state;
	b.n -= 50;
	assert_non_null(strstr(drain_one(file_write("cut.pcapng", b)),
	    "E cut.pcapng 1:1 2:2 ! cut.pcapng: packet 3, byte 274: truncated pcapng dump file"));
	b = pcapng_make(3);
	memset(b.p + second + 4, 0xff, 4);
	assert_non_null(strstr(drain_one(file_write("bad.pcapng", b)),
	    "E bad.pcapng 1:1 ! bad.pcapng: packet 2, byte 148: "));
}

static void test_pcapng_links_differ(void **state)
{
	struct bytes b = pcapng_make(1);

	(void)state;
	add_interface(&b, DLT_RAW);
	add_enhanced(&b, 1, 2);
	assert_non_null(strstr(drain_one(file_write("mixed.pcapng", b)), "1:1 ! mixed.pcapng: packet 2, byte "));
	assert_non_null(strstr(log_text, "different from the type of the first interface"));
}

static void test_gzip(void **state)
{
	struct bytes b = gzip_make(pcap_make(3, 1));
	struct bytes two = gzip_make(pcap_make(1, 1)), rest = { 0 };

	(void)state;
	assert_string_equal(drain_one(file_write("a.bin", b)), "E a.bin 1:1 2:2 3:3");
	/* two members, one stream */
	add_record(&rest, 1, 1, 77);
	rest = gzip_make(rest);
	add(&two, rest.p, rest.n);
	free(rest.p);
	assert_string_equal(drain_one(file_write("two.gz", two)), "E two.gz 1:1 2:77");
	/* the trailer is missing: all packets, and still an error */
	b = gzip_make(pcap_make(3, 1));
	b.n -= 8;
	assert_string_equal(drain_one(file_write("cut.gz", b)), "E cut.gz 1:1 2:2 3:3 ! cut.gz: "
	    "packet 4, byte 252 after decompression: the gzip data end early");
	b = gzip_make(pcap_make(3, 1));
	b.p[b.n - 8] ^= 1;
	assert_string_equal(drain_one(file_write("crc.gz", b)), "E crc.gz 1:1 2:2 3:3 ! crc.gz: "
	    "packet 4, byte 252 after decompression: damaged gzip data: incorrect data check");
	b = gzip_make(pcap_make(1, 1));
	add(&b, "more", 4);
	assert_string_equal(drain_one(file_write("tail.gz", b)), "E tail.gz 1:1 ! tail.gz: "
	    "packet 2, byte 100 after decompression: bytes after the gzip data that are no gzip");
}

static void test_zstd(void **state)
{
	struct bytes b = zstd_make(pcap_make(3, 1), 4000);

	(void)state;
	assert_string_equal(drain_one(file_write("a.bin", b)), "E a.bin 1:1 2:2 3:3");
	b = zstd_make(pcap_make(3, 1), 90);
	assert_string_equal(drain_one(file_write("frames.zst", b)), "E frames.zst 1:1 2:2 3:3");
	b = zstd_make(pcap_make(3, 1), 90);
	b.n -= 3;
	assert_string_equal(drain_one(file_write("cut.zst", b)), "E cut.zst 1:1 2:2 ! cut.zst: "
	    "packet 3, byte 180 after decompression: the zstd data end early");
	b = zstd_make(pcap_make(3, 1), 90);
	add(&b, "more", 4);
	assert_non_null(strstr(drain_one(file_write("tail.zst", b)), "3:3 ! tail.zst: "
	    "packet 4, byte 252 after decompression: damaged zstd data: "));
}

static void test_stamps(void **state)
{
	struct frame f;
	struct bytes b = { 0 };
	struct source *s;
	static const struct {
		uint32_t s, fraction;
		uint64_t ns;
	} rows[] = {
		{ 5, 123456789, 5123456789ULL },
		{ 1, 0, 1000000000ULL },                       /* back in time: as recorded */
		{ 0, 0, 0 },
		{ 0xffffffff, 999999999, 4294967295999999999ULL }, /* 2106: unsigned */
		{ 7, 0x7fffffff, 7999999999ULL },              /* no fraction of a second */
		{ 7, 0xffffffff, 7999999999ULL },
	};

	(void)state;
	add_header(&b, MAGIC_NS, DLT_EN10MB);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		add_record(&b, rows[i].s, rows[i].fraction, 1);
	s = open_one(file_write("ns.pcap", b), NULL);
	assert_int_equal(source_next(s, &f), SOURCE_EPOCH);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(source_next(s, &f), SOURCE_FRAME);
		assert_int_equal(f.wall_ns, rows[i].ns);
		assert_int_equal(f.mono_ns, rows[i].ns);
	}
	source_close(s);
	s = open_one(file_write("us.pcap", pcap_make(1, 1)), NULL);
	assert_int_equal(source_next(s, &f), SOURCE_EPOCH);
	assert_int_equal(source_next(s, &f), SOURCE_FRAME);
	assert_int_equal(f.wall_ns, 1000250000000ULL);
	source_close(s);
}

/* pcapng has 64 bits of microseconds: the year 586912 must stay a number that can be added to. */
static void test_stamp_huge(void **state)
{
	struct bytes b = pcapng_make(0);
	struct frame f;
	struct source *s;

	(void)state;
	add_enhanced(&b, UINT64_MAX, 1);
	s = open_one(file_write("huge.pcapng", b), NULL);
	assert_int_equal(source_next(s, &f), SOURCE_EPOCH);
	assert_int_equal(source_next(s, &f), SOURCE_FRAME);
	assert_true(f.wall_ns <= INT64_MAX && f.wall_ns > INT64_MAX - 3 * NS_PER_S);
	source_close(s);
}

static void test_short_length_raised(void **state)
{
	struct bytes b = pcap_make(1, 1);
	const uint32_t less = 10;
	struct frame f;
	struct source *s;

	(void)state;
	memcpy(b.p + HEADER + 12, &less, 4);
	s = open_one(file_write("len.pcap", b), NULL);
	assert_int_equal(source_next(s, &f), SOURCE_EPOCH);
	assert_int_equal(source_next(s, &f), SOURCE_FRAME);
	assert_int_equal(f.caplen, FRAME);
	assert_int_equal(f.len, FRAME);
	assert_int_equal(f.link, DLT_EN10MB);
	source_close(s);
}

static void sub_folder(const char *name)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void test_folder(void **state)
{
	char path[128];
	char *const list[] = { folder, file_write("b.pcap", pcap_make(1, 2)) };
	struct bytes text = { 0 };

	(void)state;
	sub_folder("c");
	sub_folder("c/deep");
	file_write("a.gz", gzip_make(pcap_make(1, 1)));
	file_write("c/deep/x", pcap_make(1, 3));
	file_write("d.pcap", pcap_make(1, 4));
	add(&text, "no capture", 10);
	file_write("notes.txt", text);
	file_write("empty", (struct bytes){ 0 });
	snprintf(path, sizeof path, "%s/c/pipe", folder);
	assert_int_equal(mkfifo(path, 0600), 0); /* opening it would wait for ever */
	snprintf(path, sizeof path, "%s/c/up", folder);
	assert_int_equal(symlink("..", path), 0); /* a circle */
	snprintf(path, sizeof path, "%s/e", folder);
	assert_int_equal(symlink("c", path), 0); /* no circle, but all of c a second time */
	snprintf(path, sizeof path, "%s/c/link", folder);
	assert_int_equal(symlink("../d.pcap", path), 0);
	assert_string_equal(drain(source_files(list, 2, NULL, error)),
	    "E a.gz 1:1 E b.pcap 1:2 E c/deep/x 1:3 E c/link 1:4 E d.pcap 1:4 E b.pcap 1:2");
}

/* Most likely another folder was meant; of several it is enough that one has captures. */
static void test_folder_without_captures(void **state)
{
	char path[128];
	char *list[] = { path, NULL };
	struct bytes text = { 0 };

	(void)state;
	snprintf(path, sizeof path, "%s/f", folder);
	sub_folder("f");
	add(&text, "no capture", 10);
	file_write("f/notes.txt", text);
	assert_string_equal(drain(source_files(list, 1, NULL, error)), "! f/notes.txt: is no capture, and neither is any other file there");
	list[1] = file_write("g.pcap", pcap_make(1, 2));
	assert_string_equal(drain(source_files(list, 2, NULL, error)), "E g.pcap 1:2");
}

static void test_named_must_be_capture(void **state)
{
	struct bytes text = { 0 };
	char gone[128];
	char *paths[3] = { file_write("empty", (struct bytes){ 0 }), gone };

	(void)state;
	snprintf(gone, sizeof gone, "%s/gone", folder);
	add(&text, "no capture", 10);
	paths[2] = file_write("notes.txt", text);
	assert_string_equal(drain(source_files(paths, 3, NULL, error)),
	    "! empty: is neither a pcap nor a pcapng capture ! gone: No such file or directory "
	    "! notes.txt: is neither a pcap nor a pcapng capture");
	assert_null(source_files(paths + 1, 1, NULL, error));
	assert_string_equal(in_folder(error), "gone: No such file or directory");
	assert_null(source_files(paths, 0, NULL, error));
	assert_string_equal(error, "no files to read");
}

static void test_link_unknown(void **state)
{
	struct bytes b = { 0 };

	(void)state;
	add_header(&b, MAGIC_US, DLT_IEEE802_11);
	assert_string_equal(drain_one(file_write("wifi.pcap", b)),
	    "! wifi.pcap: link type 105 (IEEE802_11) is not decoded");
}

static void test_filter(void **state)
{
	struct bytes raw = { 0 };
	char *paths[2] = { file_write("a.pcap", pcap_make(4, 1)) };

	(void)state;
	/* numbers count what was filtered out */
	assert_string_equal(drain(open_one(paths[0], "udp dst port 2 or udp dst port 4")),
	    "E a.pcap 2:2 4:4");
	assert_null(open_one(paths[0], "udp port"));
	assert_string_equal(error, "filter \"udp port\": can't parse filter expression: syntax error");
	add_header(&raw, MAGIC_US, DLT_RAW);
	paths[1] = paths[0];
	paths[0] = file_write("raw.pcap", raw);
	/* right for Ethernet, wrong for one file: the other is read */
	drain(source_files(paths, 2, "ether host 02:00:00:00:00:01", error));
	assert_non_null(strstr(log_text, "! raw.pcap: filter \"ether host 02:00:00:00:00:01\": "));
	assert_non_null(strstr(log_text, "E a.pcap 1:1 2:2 3:3 4:4"));
}

/* Standard input is a pipe that gives the bytes in small pieces. */
static const char *drain_pipe(struct bytes b)
{
	int fds[2], old = dup(STDIN_FILENO);
	char *path = (char[]){ "-" };
	struct source *s;

	assert_int_equal(pipe(fds), 0);
	if (fork() == 0) {
		for (size_t at = 0; at < b.n; at += 3)
			if (write(fds[1], b.p + at, b.n - at < 3 ? b.n - at : 3) < 0)
				_exit(1);
		_exit(0);
	}
	free(b.p);
	close(fds[1]);
	dup2(fds[0], STDIN_FILENO);
	close(fds[0]);
	assert_non_null(s = open_one(path, NULL));
	assert_int_equal(s->bytes_total, 0);
	drain(s);
	dup2(old, STDIN_FILENO);
	close(old);
	return log_text;
}

static void test_standard_input(void **state)
{
	struct bytes b = pcap_make(3, 1);

	(void)state;
	assert_string_equal(drain_pipe(b), "E - 1:1 2:2 3:3");
	assert_string_equal(drain_pipe(gzip_make(pcap_make(2, 1))), "E - 1:1 2:2");
	assert_string_equal(drain_pipe(zstd_make(pcap_make(2, 1), 3)), "E - 1:1 2:2");
	b = pcap_make(1, 1);
	b.n--;
	assert_begins(drain_pipe(b), "E - ! -: packet 1, byte 99: truncated dump file");
}

static void test_progress(void **state)
{
	char *path = file_write("a.gz", gzip_make(pcap_make(100, 1)));
	struct source *s = open_one(path, NULL);
	struct stat st;
	struct frame f;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(s->bytes_total, st.st_size);
	while (source_next(s, &f) != SOURCE_END)
		continue;
	assert_int_equal(s->bytes_done, st.st_size);
	source_close(s);
}

static void test_long_name_keeps_its_end(void **state)
{
	char path[3000];

	(void)state;
	memset(path, 'x', sizeof path);
	strcpy(path + sizeof path - 10, "/name.pcp");
	assert_null(open_one(path, NULL));
	assert_non_null(strstr(error, "/name.pcp: File name too long"));
	assert_true(strncmp(error, "...xxx", 6) == 0);
}

static void test_close_null(void **state)
{
	(void)state;
	source_close(NULL);
}

/* ---- scenarios ---- */

static struct source *scenario(const char *text)
{
	struct bytes b = { 0 };

	add(&b, text, strlen(text));
	return source_scenario(file_write("case.scn", b), error);
}

static void assert_bad(const char *text, const char *what)
{
	assert_null(scenario(text));
	assert_string_equal(in_folder(error), what);
}

static void test_scenario_udp(void **state)
{
	static const uint8_t wanted[] = {
		2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0,
		0x45, 0, 0, 31, 0, 0, 0x40, 0, 64, 17, 0x26, 0xcc, 10, 0, 0, 1, 10, 0, 0, 2,
		0, 5, 0, 6, 0, 11, 0x0b, 0xc0, 'a', '\n', 0x7f
	};
	struct source *s = scenario("wall \"1970-01-01 00:00:10\"\n"
	    "host a 10.0.0.1 # who\nat 1.5 udp a:5 > 10.0.0.2:6 text \"a\\n\" hex 7F\n");
	struct frame f;

	(void)state;
	assert_non_null(s);
	assert_int_equal(source_next(s, &f), SOURCE_EPOCH);
	assert_int_equal(source_next(s, &f), SOURCE_FRAME);
	assert_int_equal(f.caplen, sizeof wanted);
	assert_memory_equal(f.data, wanted, sizeof wanted);
	assert_int_equal(f.wall_ns, 11500 * NS_PER_MS);
	assert_int_equal(f.number, 1);
	assert_int_equal(source_next(s, &f), SOURCE_END);
	source_close(s);
}

/* Times in milliseconds: F frame, T tick, E epoch. */
static const char *times(const char *text)
{
	struct source *s = scenario(text);
	struct frame f;
	enum source_next r;

	if (s == NULL)
		return error;
	log_text[0] = '\0';
	while ((r = source_next(s, &f)) != SOURCE_END) {
		char what[32];

		snprintf(what, sizeof what, "%c%llu", r == SOURCE_FRAME ? 'F' : r == SOURCE_TICK ? 'T' : 'E',
		    (unsigned long long)(f.mono_ns / NS_PER_MS));
		log_add(what);
	}
	source_close(s);
	return log_text;
}

#define WALL "wall \"1970-01-01 00:00:00 UTC\"\n"

static void test_scenario_clock(void **state)
{
	(void)state;
	assert_string_equal(times(WALL "udp 1.1.1.1:1 > 2.2.2.2:2\nudp 1.1.1.1:1 > 2.2.2.2:2\n"
	    "after 90ms udp 1.1.1.1:1 > 2.2.2.2:2\ntick 250ms\nudp 1.1.1.1:1 > 2.2.2.2:2\n"),
	    "E0 F0 F10 F100 T200 T300 F350");
	/* a series runs beside what follows; sorted by time */
	assert_string_equal(times(WALL "udp 1.1.1.1:1 > 2.2.2.2:2 count 3 every 30ms lose 2\n"
	    "at 0.02 udp 1.1.1.1:1 <> 2.2.2.2:2\n"), "E0 F0 F20 F30 F60");
	assert_string_equal(times(WALL "unsorted\nat 5 udp 1.1.1.1:1 > 2.2.2.2:2\nat 1 udp 1.1.1.1:1 > 2.2.2.2:2\n"
	    "epoch\nudp 1.1.1.1:1 > 2.2.2.2:2\n"), "E0 F5000 F1000 E0 F0");
}

static void test_scenario_rtp(void **state)
{
	static const uint8_t first[] = { 0x80, 0x88, 0xff, 0xff, 0, 0, 0, 5, 0, 0, 0, 9, 1, 2 };
	static const uint8_t second[] = { 0x80, 0x08, 0, 0, 0, 0, 0, 165, 0, 0, 0, 9, 1, 2 };
	struct source *s = scenario("rtp 1.1.1.1:1 > 2.2.2.2:2 pt 8 ssrc 9 seq 65535 ts 5 marker hex 0102 count 2\n");
	struct frame f;

	(void)state;
	assert_int_equal(source_next(s, &f), SOURCE_EPOCH);
	assert_int_equal(source_next(s, &f), SOURCE_FRAME);
	assert_memory_equal(f.data + 42, first, sizeof first);
	assert_int_equal(source_next(s, &f), SOURCE_FRAME);
	assert_memory_equal(f.data + 42, second, sizeof second);
	source_close(s);
}

static void test_scenario_here_text(void **state)
{
	struct source *s = scenario("udp [fd00::1]:1 > [fd00::2]:2 <<EOF\nContent-Length: {len}\n\nabcdefgh\nij\nEOF\n");
	struct frame f;
	const char *wanted = "Content-Length: 14\r\n\r\nabcdefgh\r\nij\r\n";

	(void)state;
	assert_non_null(s);
	assert_int_equal(source_next(s, &f), SOURCE_EPOCH);
	assert_int_equal(source_next(s, &f), SOURCE_FRAME);
	assert_int_equal(f.caplen, 14 + 40 + 8 + strlen(wanted));
	assert_memory_equal(f.data + 62, wanted, strlen(wanted));
	source_close(s);
}

static void test_scenario_places(void **state)
{
	struct source *s = scenario("iif eth1\nvlan 10.20 iif eth0 udp 1.1.1.1:1 > 2.2.2.2:2\nudp 1.1.1.1:1 > 2.2.2.2:2\n");
	static const uint8_t tags[] = { 0x81, 0, 0, 10, 0x81, 0, 0, 20, 8, 0 };
	struct frame f;

	(void)state;
	assert_non_null(s);
	assert_int_equal(source_next(s, &f), SOURCE_EPOCH);
	assert_int_equal(source_next(s, &f), SOURCE_FRAME);
	assert_memory_equal(f.data + 12, tags, sizeof tags);
	assert_string_equal(s->iface_names[f.iface], "eth0");
	assert_int_equal(source_next(s, &f), SOURCE_FRAME);
	assert_int_equal(f.data[12], 8);
	assert_string_equal(s->iface_names[f.iface], "eth1");
	source_close(s);
}

/* The stream of the client: what it sent, by sequence number. */
static void test_scenario_tcp(void **state)
{
	static const struct {
		uint8_t flags;
		uint32_t seq, ack;
		unsigned len;
	} rows[] = {
		{ 2, 1000, 0, 0 }, { 18, 5000, 1001, 0 }, { 16, 1001, 5001, 0 },
		{ 24, 1001, 5001, 4 }, { 24, 1005, 5001, 1 }, { 24, 5001, 1006, 2 },
		{ 17, 1006, 5003, 0 }, { 17, 5003, 1007, 0 }, { 16, 1007, 5004, 0 },
	};
	struct source *s = scenario("open 1.1.1.1:1 > 2.2.2.2:2\nsend 1.1.1.1:1 > 2.2.2.2:2 text hello mss 4\n"
	    "send 2.2.2.2:2 > 1.1.1.1:1 text ok\nclose 1.1.1.1:1 > 2.2.2.2:2\n");
	struct frame f;

	(void)state;
	assert_int_equal(source_next(s, &f), SOURCE_EPOCH);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct packet p;
		struct counts c = { 0 };

		assert_int_equal(source_next(s, &f), SOURCE_FRAME);
		assert_int_equal(packet_decode(&f, NULL, &c, &p), DECODE_OK);
		assert_int_equal(p.tcp_flags, rows[i].flags);
		assert_int_equal(p.tcp_seq, rows[i].seq);
		assert_int_equal(p.tcp_ack, rows[i].ack);
		assert_int_equal(p.payload_len, rows[i].len);
	}
	source_close(s);
}

static void test_scenario_errors(void **state)
{
	(void)state;
	assert_bad("udp 1.1.1.1:1 > 2.2.2.2:2\n\nfly\n", "case.scn:3: no such statement: \"fly\"");
	assert_bad("udp 1.1.1.1 2.2.2.2:2\n", "case.scn:1: > or <> expected after the first address");
	assert_bad("udp gone:1 > 2.2.2.2:2\n", "case.scn:1: no such host: \"gone\"");
	assert_bad("udp 1.1.1.1:70000 > 2.2.2.2:2\n", "case.scn:1: HOST:PORT expected, not \"1.1.1.1:70000\"");
	assert_bad("udp 1.1.1.1:1 > [fd00::1]:2\n", "case.scn:1: one address is IPv4 and the other IPv6");
	assert_bad("udp 1.1.1.1:1 > 2.2.2.2:2 hex 123\n", "case.scn:1: \"hex\": odd number of hexadecimal digits");
	assert_bad("udp 1.1.1.1:1 > 2.2.2.2:2 text \"x\n", "case.scn:1: the quote does not end");
	assert_bad("udp 1.1.1.1:1 > 2.2.2.2:2 zero 65535\n", "case.scn:1: packet too long");
	assert_bad("udp 1.1.1.1:1 > 2.2.2.2:2 zero 65535 zero 1\n", "case.scn:1: \"zero\": payload too long");
	assert_bad("udp 1.1.1.1:1 > 2.2.2.2:2 <<X\nabc\n", "case.scn:2: \"<<X\": the text after << does not end");
	assert_bad("send 1.1.1.1:1 > 2.2.2.2:2 text x\n", "case.scn:1: no such connection: `open` comes first");
	assert_bad("at soon\n", "case.scn:1: at: time expected, such as 0.5 or 20ms");
	assert_bad("rules\nblock media\n", "case.scn:2: rules without end");
	assert_null(source_scenario("/nonexistent/x.scn", error));
	assert_string_equal(error, "/nonexistent/x.scn: No such file or directory");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, folder_make, folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_plain), TEST(test_swapped), TEST(test_truncated_pcap), TEST(test_damaged_pcap),
		TEST(test_damaged_pcapng), TEST(test_pcapng_links_differ), TEST(test_gzip), TEST(test_zstd),
		TEST(test_stamps), TEST(test_stamp_huge), TEST(test_short_length_raised), TEST(test_folder), TEST(test_folder_without_captures),
		TEST(test_named_must_be_capture), TEST(test_link_unknown), TEST(test_filter),
		TEST(test_standard_input), TEST(test_progress), TEST(test_long_name_keeps_its_end),
		TEST(test_close_null), TEST(test_scenario_udp), TEST(test_scenario_clock),
		TEST(test_scenario_rtp), TEST(test_scenario_here_text), TEST(test_scenario_places),
		TEST(test_scenario_tcp), TEST(test_scenario_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
