/* How many of the points have both of two bits, for every pair of bits: X^T X of bits, by counting the ones of words.

       counts[i, j] = sum_n x[n, i] x[n, j] = sum_w popcount(word[w, i] & word[w, j])

   A block of 4096 points is transposed to 64 words a column, one bit a point; 32 columns that follow each other are a
   tile, which stays in the innermost cache while all columns up to it are counted against it:

       tiles [tile][w][lane]        word w of column 32 tile + lane
       listed[column][k]            the column's words that are not 0, each with its place in a tile
       counts[tile][column][lane]   of column <= 32 tile + 31 with column 32 tile + lane

   Images are mostly dark and neighbours in the data alike, so most words are 0: of dSprites', four in five. The counts
   are whole numbers and one task alone adds to a tile's, so they are exact with any number of threads. */
#ifndef MD_POPCOUNT_H
#define MD_POPCOUNT_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compiler.h"
#include "pool.h"

#define MD_BLOCK_WORDS 64
#define MD_BLOCK_POINTS (64 * MD_BLOCK_WORDS)
#define MD_TILE 32
#define MD_TILE_WORDS (MD_BLOCK_WORDS * MD_TILE)

typedef struct {
    uint64_t word;
    int64_t place; /* of lane 0 of the word in a tile */
} md_listed;

/* ---- the ones that some words of a column have in common with each column of a tile ---- */

/* Sums of 2, 4 and 8 neighbouring bits, then of the bytes. */
MD_INLINE uint64_t md_ones_portable(uint64_t x) {
    x -= x >> 1 & UINT64_C(0x5555555555555555);
    x = (x & UINT64_C(0x3333333333333333)) + (x >> 2 & UINT64_C(0x3333333333333333));
    x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    x += x >> 8;
    x += x >> 16;
    x += x >> 32;
    return x & 127;
}

/* `together` columns at a time, as many as there are registers for. */
#define MD_COUNT_TILE(ones, together)                                                        \
    int64_t lane, l, k;                                                                      \
    for (lane = 0; lane < MD_TILE; lane += (together)) {                                     \
        uint64_t sums[together] = {0};                                                       \
        for (k = 0; k < words; k++) {                                                        \
            const uint64_t *other = tile + listed[k].place + lane;                           \
            uint64_t word = listed[k].word;                                                  \
            for (l = 0; l < (together); l++) sums[l] += (uint64_t)ones(word & other[l]);     \
        }                                                                                    \
        for (l = 0; l < (together); l++) counts[lane + l] += (uint32_t)sums[l];              \
    }

#define MD_COUNT_ARGUMENTS const md_listed *listed, int64_t words, const uint64_t *tile, uint32_t *counts
typedef void (*md_count)(MD_COUNT_ARGUMENTS);

static void md_count_portable(MD_COUNT_ARGUMENTS) { MD_COUNT_TILE(md_ones_portable, 8) }

#if defined(__GNUC__) && defined(__x86_64__)
__attribute__((target("popcnt"))) static void md_count_popcnt(MD_COUNT_ARGUMENTS) {
    MD_COUNT_TILE(__builtin_popcountll, 8)
}

__attribute__((target("avx512vpopcntdq"))) static void md_count_avx512(MD_COUNT_ARGUMENTS) {
    MD_COUNT_TILE(__builtin_popcountll, MD_TILE)
}
#endif

/* The best variant first. */
#define MD_COUNT_VARIANTS 3

static md_count md_count_variant(int variant) {
#if defined(__GNUC__) && defined(__x86_64__)
    __builtin_cpu_init();
    if (variant == 0 && __builtin_cpu_supports("avx512vpopcntdq")) return md_count_avx512;
    if (variant == 1 && __builtin_cpu_supports("popcnt")) return md_count_popcnt;
#endif
    return variant == 2 ? md_count_portable : NULL;
}

/* ---- all pairs ---- */
typedef struct {
    md_pool *pool;
    md_count count;
    int64_t bytes, groups, tiles; /* of a point; of 64 and of MD_TILE columns each */
    const uint8_t *packed;        /* the block */
    int64_t points;
    uint64_t *words;
    md_listed *listed;
    int64_t *listed_words; /* of each column */
    uint32_t *counts;
} md_pairs;

static void md_pairs_free(md_pairs *pairs) {
    if (!pairs) return;
    if (pairs->pool) md_pool_free(pairs->pool);
    free(pairs->words);
    free(pairs->listed);
    free(pairs->listed_words);
    free(pairs->counts);
    free(pairs);
}

/* NULL without enough memory; variant is one that the machine has. */
static md_pairs *md_pairs_new(int64_t bytes, int threads, int variant) {
    md_pairs *pairs = (md_pairs *)calloc(1, sizeof(md_pairs));
    size_t columns;
    if (!pairs) return NULL;
    pairs->bytes = bytes;
    pairs->groups = (bytes + 7) / 8;
    pairs->tiles = pairs->groups * (64 / MD_TILE);
    columns = (size_t)(64 * pairs->groups);
    pairs->count = md_count_variant(variant);
    pairs->pool = md_pool_new(threads);
    pairs->words = (uint64_t *)malloc(columns * MD_BLOCK_WORDS * sizeof(uint64_t));
    pairs->listed = (md_listed *)malloc(columns * MD_BLOCK_WORDS * sizeof(md_listed));
    pairs->listed_words = (int64_t *)malloc(columns * sizeof(int64_t));
    pairs->counts = (uint32_t *)calloc((columns + MD_TILE) * columns / 2, sizeof(uint32_t));
    if (pairs->pool && pairs->words && pairs->listed && pairs->listed_words && pairs->counts) return pairs;
    md_pairs_free(pairs);
    return NULL;
}

/* Counts of column 0 with a tile: before them are 32, 64, ... columns of the tiles before. */
MD_INLINE uint32_t *md_pairs_tile(const md_pairs *pairs, int64_t tile) {
    return pairs->counts + MD_TILE * MD_TILE * (tile * (tile + 1) / 2);
}

/* bit c of row r <-> bit r of row c, by exchanging halves, quarters, ... */
static void md_transpose_64(uint64_t *rows) {
    uint64_t mask = UINT64_C(0x00000000ffffffff), both;
    int step, r;
    for (step = 32; step; step >>= 1, mask ^= mask << step) {
        for (r = 0; r < 64; r = ((r | step) + 1) & ~step) {
            both = (rows[r] >> step ^ rows[r | step]) & mask;
            rows[r | step] ^= both;
            rows[r] ^= both << step;
        }
    }
}

/* 64 columns of 64 points, the last column first; 0 beyond the width and after the last point. */
static void md_columns(const md_pairs *pairs, int64_t group, int64_t first, uint64_t *columns) {
    int64_t p, b, bytes = pairs->bytes - 8 * group, points = pairs->points - first;
    if (bytes > 8) bytes = 8;
    if (points > 64) points = 64;
    memset(columns, 0, 64 * sizeof(uint64_t));
    for (p = 0; p < points; p++) {
        const uint8_t *from = pairs->packed + (first + p) * pairs->bytes + 8 * group;
        for (b = 0; b < bytes; b++) columns[p] |= (uint64_t)from[b] << (56 - 8 * b);
    }
    md_transpose_64(columns);
}

static void md_pairs_transpose(void *context, int64_t group) {
    const md_pairs *pairs = (const md_pairs *)context;
    int64_t w, c;
    for (c = 64 * group; c < 64 * (group + 1); c++) pairs->listed_words[c] = 0;
    for (w = 0; w < MD_BLOCK_WORDS; w++) {
        uint64_t columns[64];
        md_columns(pairs, group, 64 * w, columns);
        for (c = 64 * group; c < 64 * (group + 1); c++) {
            uint64_t word = columns[63 - c % 64];
            md_listed next;
            next.word = word;
            next.place = w * MD_TILE;
            pairs->words[c / MD_TILE * MD_TILE_WORDS + w * MD_TILE + c % MD_TILE] = word;
            if (word) pairs->listed[c * MD_BLOCK_WORDS + pairs->listed_words[c]++] = next;
        }
    }
}

static void md_pairs_count(void *context, int64_t tile) {
    const md_pairs *pairs = (const md_pairs *)context;
    const uint64_t *words = pairs->words + tile * MD_TILE_WORDS;
    uint32_t *counts = md_pairs_tile(pairs, tile);
    int64_t c;
    for (c = 0; c < MD_TILE * (tile + 1); c++) {
        int64_t listed = pairs->listed_words[c];
        if (listed) pairs->count(pairs->listed + c * MD_BLOCK_WORDS, listed, words, counts + c * MD_TILE);
    }
}

/* Adds at most MD_BLOCK_POINTS points, (points, bytes), as numpy.packbits gives them. */
static void md_pairs_add(md_pairs *pairs, const uint8_t *packed, int64_t points) {
    pairs->packed = packed;
    pairs->points = points;
    md_pool_run(pairs->pool, md_pairs_transpose, pairs, pairs->groups);
    md_pool_run(pairs->pool, md_pairs_count, pairs, pairs->tiles);
}

/* Adds the counts to both halves of out (width, width) and clears them. */
static void md_pairs_move(md_pairs *pairs, double *out) {
    int64_t width = 8 * pairs->bytes, tile, i, j;
    for (tile = 0; tile < pairs->tiles; tile++) {
        uint32_t *counts = md_pairs_tile(pairs, tile);
        for (i = 0; i < MD_TILE * (tile + 1) && i < width; i++) {
            for (j = MD_TILE * tile; j < MD_TILE * (tile + 1) && j < width; j++) {
                double count = counts[i * MD_TILE + j % MD_TILE];
                if (j < i) continue;
                out[i * width + j] += count;
                if (j > i) out[j * width + i] += count;
            }
        }
        memset(counts, 0, (size_t)(MD_TILE * MD_TILE * (tile + 1)) * sizeof(uint32_t));
    }
}

#endif
