/* Plays CUDA's part for g++, so that the kernels run on the CPU, one thread of a block after the other: a thread runs
   to its next barrier, then the next one does. Blocks follow one another. With `reversed` the last thread comes first:
   results that differ then show a missing barrier. A barrier that some threads reach and others pass by is an error. */
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
#define __syncthreads() md_barrier()
#define __clz(x) __builtin_clz((unsigned)(x))

struct md_index {
    unsigned x, y, z;
};
static md_index threadIdx, blockIdx, blockDim, gridDim;

struct md_fiber {
    std::vector<char> stack;
    ucontext_t context;
    jmp_buf place;
    bool begun, ended;
};
static std::vector<md_fiber> md_fibers;
static std::function<void()> md_body;
static jmp_buf md_scheduler;
static unsigned md_current;

/* Stacks are switched by longjmp, which, unlike swapcontext, asks nothing of the kernel. */
static void md_barrier() {
    if (!_setjmp(md_fibers[md_current].place)) _longjmp(md_scheduler, 1);
}

static void md_entry() {
    md_body();
    md_fibers[md_current].ended = true;
    _longjmp(md_scheduler, 1);
}

static void md_resume(unsigned t) {
    md_current = t;
    threadIdx.x = t;
    if (_setjmp(md_scheduler)) return;
    if (md_fibers[t].begun) _longjmp(md_fibers[t].place, 1);
    md_fibers[t].begun = true;
    setcontext(&md_fibers[t].context);
}

static int md_block(unsigned threads, bool reversed) {
    for (unsigned t = 0; t < threads; t++) {
        md_fiber &f = md_fibers[t];
        f.begun = f.ended = false;
        f.stack.resize(1 << 16);
        getcontext(&f.context);
        f.context.uc_stack.ss_sp = f.stack.data();
        f.context.uc_stack.ss_size = f.stack.size();
        f.context.uc_link = nullptr;
        makecontext(&f.context, md_entry, 0);
    }
    for (;;) {
        unsigned ended = 0;
        for (unsigned n = 0; n < threads; n++) {
            unsigned t = reversed ? threads - 1 - n : n;
            md_resume(t);
            ended += md_fibers[t].ended;
        }
        if (ended == threads) return 0;
        if (ended > 0) return 1;
    }
}

static int md_launch(unsigned x, unsigned y, unsigned threads, int reversed, std::function<void()> body) {
    if (md_fibers.size() < threads) md_fibers.resize(threads);
    md_body = body;
    gridDim = {x, y, 1};
    blockDim = {threads, 1, 1};
    for (unsigned j = 0; j < y; j++)
        for (unsigned i = 0; i < x; i++) {
            blockIdx = {i, j, 0};
            if (md_block(threads, reversed)) return 1;
        }
    return 0;
}
