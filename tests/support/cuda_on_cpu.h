/* Plays CUDA's part for g++, so that the kernels run on the CPU, one thread after the other: a thread runs to its next
   barrier, then the next one does. A barrier is of a warp, a block or the whole grid. Without barriers of the grid,
   blocks follow one another; with them, a block runs until all its threads wait for the grid, and then the next one
   does, so that what `__shared__` memory holds is lost at a barrier of the grid. With `reversed` the last thread of a
   block, and the last block of a grid, come first: results that differ then show a missing barrier. Threads that wait for
   different barriers, with none that can go on, are an error. */
#pragma once
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <math.h>
#include <ucontext.h>
#include <vector>

#define __global__
#define __device__
#define __shared__ static
#define __forceinline__ inline
#define __syncthreads() md_wait(OF_BLOCK)
#define __syncwarp() md_wait(OF_WARP)

struct md_index {
    unsigned x, y, z;
};
static md_index threadIdx, blockIdx, blockDim, gridDim;

enum md_barrier { NO_BARRIER, OF_WARP, OF_BLOCK, OF_GRID, ENDED };

struct md_fiber {
    std::vector<char> stack;
    ucontext_t context;
    jmp_buf place;
    bool begun;
    md_barrier waits;
};
static std::vector<md_fiber> md_fibers;
static std::function<void()> md_body;
static jmp_buf md_scheduler;
static md_fiber *md_current;

/* Stacks are switched by longjmp, which, unlike swapcontext, asks nothing of the kernel. */
static void md_wait(md_barrier barrier) {
    md_current->waits = barrier;
    if (!_setjmp(md_current->place)) _longjmp(md_scheduler, 1);
}

/* A lane's value for the other lanes of its warp: all write, then all read. */
template <typename T> T md_exchange(T x, unsigned lane) {
    static T lanes[1024];
    unsigned first = threadIdx.x / 32 * 32;
    lanes[threadIdx.x] = x;
    md_wait(OF_WARP);
    T other = lanes[first + lane % 32];
    md_wait(OF_WARP);
    return other;
}
template <typename T> T __shfl_xor_sync(unsigned, T x, int step) { return md_exchange(x, threadIdx.x ^ (unsigned)step); }
template <typename T> T __shfl_sync(unsigned, T x, int lane) { return md_exchange(x, (unsigned)lane); }

#define MD_GRID_BARRIER
[[maybe_unused]] static void grid_barrier(int64_t *, int64_t *) { md_wait(OF_GRID); }

static void md_entry() {
    md_body();
    md_current->waits = ENDED;
    _longjmp(md_scheduler, 1);
}

static void md_resume(md_fiber *f) {
    md_current = f;
    f->waits = NO_BARRIER;
    if (_setjmp(md_scheduler)) return;
    if (f->begun) _longjmp(f->place, 1);
    f->begun = true;
    setcontext(&f->context);
}

static void md_begin(md_fiber &f) {
    f.begun = false;
    f.waits = NO_BARRIER;
    f.stack.resize(1 << 16);
    getcontext(&f.context);
    f.context.uc_stack.ss_sp = f.stack.data();
    f.context.uc_stack.ss_size = f.stack.size();
    f.context.uc_link = nullptr;
    makecontext(&f.context, md_entry, 0);
}

/* Whether all of these threads wait for the barrier; if so, they need not any more. */
static bool md_release(md_fiber *first, unsigned count, md_barrier barrier) {
    for (unsigned t = 0; t < count; t++)
        if (first[t].waits != barrier) return false;
    for (unsigned t = 0; t < count; t++) first[t].waits = NO_BARRIER;
    return true;
}

/* Runs a block until all its threads have ended, or wait for the grid; false if they never will. */
static bool md_run_block(md_fiber *first, unsigned threads, bool reversed) {
    for (;;) {
        for (unsigned n = 0; n < threads; n++) {
            unsigned t = reversed ? threads - 1 - n : n;
            threadIdx.x = t;
            if (first[t].waits == NO_BARRIER) md_resume(first + t);
        }
        bool on = md_release(first, threads, OF_BLOCK);
        for (unsigned t = 0; t < threads; t += 32) on |= md_release(first + t, threads - t < 32 ? threads - t : 32, OF_WARP);
        if (on) continue;
        for (unsigned t = 1; t < threads; t++)
            if (first[t].waits != first[0].waits) return false;
        return first[0].waits == ENDED || first[0].waits == OF_GRID;
    }
}

static int md_launch(unsigned x, unsigned y, unsigned threads, int reversed, int together, std::function<void()> body) {
    unsigned blocks = x * y, at_once = together ? blocks : 1;
    if (md_fibers.size() < threads * at_once) md_fibers.resize(threads * at_once);
    md_body = body;
    gridDim = {x, y, 1};
    blockDim = {threads, 1, 1};
    for (unsigned group = 0; group < blocks; group += at_once) {
        for (unsigned t = 0; t < threads * at_once; t++) md_begin(md_fibers[t]);
        do {
            for (unsigned n = 0; n < at_once; n++) {
                unsigned i = reversed ? at_once - 1 - n : n, block = group + i;
                blockIdx = {block % x, block / x, 0};
                if (!md_run_block(&md_fibers[threads * i], threads, reversed)) return 1;
            }
        } while (together && md_release(&md_fibers[0], threads * blocks, OF_GRID));
        for (unsigned t = 0; t < threads * at_once; t++)
            if (md_fibers[t].waits != ENDED) return 1;
    }
    return 0;
}
