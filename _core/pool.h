/* A small thread pool: md_pool_run(pool, f, context, tasks) calls f(context, 0 .. tasks - 1), each exactly once.

   A run is published as one 64-bit word: the run's number, and the first and the last of the unclaimed tasks. A claim is
   a compare-and-swap of that word; every other thread takes tasks from the end, so that a thread's cache is likely to
   hold what it needs in the next run. A claim fails for a worker that slept through the end of a run, and a finished
   run has no tasks left, so no stale function is ever called. */
#ifndef MD_POOL_H
#define MD_POOL_H

#include <stdint.h>
#include <stdlib.h>

#include "codes.h"
#include "compiler.h"

#ifdef _WIN32
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>
#else
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>
#endif

/* Waking a sleeping thread costs about 10 us; the serial parts of a step are shorter than this. */
#define MD_POOL_SPIN_NS 50000
#define MD_POOL_STACK (1 << 20)

typedef void (*md_task)(void *context, int64_t task);

/* ---- atomics, all sequentially consistent ---- */
#if defined(__GNUC__)
#define md_atomic_load(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define md_atomic_store(p, x) __atomic_store_n((p), (x), __ATOMIC_SEQ_CST)
#define md_atomic_add(p, x) __atomic_add_fetch((p), (x), __ATOMIC_SEQ_CST)
#define md_atomic_exchange(p, x) __atomic_exchange_n((p), (x), __ATOMIC_SEQ_CST)
/* f, context and tasks are read together with the word and used only if the claim then succeeds. */
#define md_relaxed_load(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define md_relaxed_store(p, x) __atomic_store_n((p), (x), __ATOMIC_RELAXED)
MD_INLINE int md_atomic_claim(int64_t *p, int64_t old, int64_t new_) {
    return __atomic_compare_exchange_n(p, &old, new_, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}
#else
#define md_atomic_load(p) InterlockedCompareExchange64((volatile LONG64 *)(p), 0, 0)
#define md_atomic_store(p, x) InterlockedExchange64((volatile LONG64 *)(p), (x))
#define md_atomic_add(p, x) (InterlockedExchangeAdd64((volatile LONG64 *)(p), (x)) + (x))
#define md_atomic_exchange(p, x) InterlockedExchange64((volatile LONG64 *)(p), (x))
#define md_relaxed_load(p) (*(p))
#define md_relaxed_store(p, x) (*(p) = (x))
MD_INLINE int md_atomic_claim(int64_t *p, int64_t old, int64_t new_) {
    return InterlockedCompareExchange64((volatile LONG64 *)p, new_, old) == old;
}
#endif

/* ---- threads ---- */
#ifdef _WIN32
typedef HANDLE md_thread;
typedef SRWLOCK md_mutex;
typedef CONDITION_VARIABLE md_condition;
#define MD_THREAD_RESULT DWORD WINAPI
#define md_mutex_init(m) InitializeSRWLock(m)
#define md_mutex_destroy(m) ((void)0)
#define md_lock(m) AcquireSRWLockExclusive(m)
#define md_unlock(m) ReleaseSRWLockExclusive(m)
#define md_condition_init(c) InitializeConditionVariable(c)
#define md_condition_destroy(c) ((void)0)
#define md_wait(c, m) SleepConditionVariableSRW(c, m, INFINITE, 0)
#define md_signal(c) WakeConditionVariable(c)
#define md_broadcast(c) WakeAllConditionVariable(c)
#define md_process() ((int64_t)0)

MD_INLINE int md_cpus(void) {
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return (int)info.dwNumberOfProcessors;
}

MD_INLINE int64_t md_nanoseconds(void) {
    LARGE_INTEGER t, f;
    QueryPerformanceCounter(&t);
    QueryPerformanceFrequency(&f);
    return (int64_t)((double)t.QuadPart * 1e9 / (double)f.QuadPart);
}

MD_INLINE int md_thread_start(md_thread *thread, LPTHREAD_START_ROUTINE f, void *argument) {
    *thread = CreateThread(NULL, MD_POOL_STACK, f, argument, 0, NULL);
    return *thread != NULL;
}

MD_INLINE void md_thread_join(md_thread thread) {
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
}
#else
typedef pthread_t md_thread;
typedef pthread_mutex_t md_mutex;
typedef pthread_cond_t md_condition;
#define MD_THREAD_RESULT void *
#define md_mutex_init(m) pthread_mutex_init(m, NULL)
#define md_mutex_destroy(m) pthread_mutex_destroy(m)
#define md_lock(m) pthread_mutex_lock(m)
#define md_unlock(m) pthread_mutex_unlock(m)
#define md_condition_init(c) pthread_cond_init(c, NULL)
#define md_condition_destroy(c) pthread_cond_destroy(c)
#define md_wait(c, m) pthread_cond_wait(c, m)
#define md_signal(c) pthread_cond_signal(c)
#define md_broadcast(c) pthread_cond_broadcast(c)
#define md_process() ((int64_t)getpid())

MD_INLINE int md_cpus(void) {
    int64_t n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}

MD_INLINE int64_t md_nanoseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Python's threads keep all signals; the default stacks of musl and macOS are too small for a BLAS. */
MD_INLINE int md_thread_start(md_thread *thread, void *(*f)(void *), void *argument) {
    pthread_attr_t attributes;
    sigset_t all, before;
    int failed;
    if (pthread_attr_init(&attributes)) return 0;
    pthread_attr_setstacksize(&attributes, MD_POOL_STACK);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(thread, &attributes, f, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return !failed;
}

MD_INLINE void md_thread_join(md_thread thread) { pthread_join(thread, NULL); }
#endif

MD_INLINE void md_pause(void) {
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
    __builtin_ia32_pause();
#elif defined(__GNUC__) && defined(__aarch64__)
    __asm__ __volatile__("isb" ::: "memory");
#elif defined(_WIN32)
    YieldProcessor();
#endif
}

/* This thread's index in its pool; 0 for the caller. Tasks that run at the same time have different indices. */
#ifdef _MSC_VER
static __declspec(thread) int md_thread_index;
#else
static __thread int md_thread_index;
#endif

static MD_UNUSED int md_pool_me(void) { return md_thread_index; }

/* ---- the pool ---- */
typedef struct md_pool md_pool;

typedef struct {
    md_pool *pool;
    int index;
} md_worker;

struct md_pool {
    int64_t word; /* run | end of the unclaimed tasks | their first */
    char pad0[120];
    int64_t done; /* tasks of this run that have ended */
    char pad1[120];
    md_task f;
    void *context;
    int64_t tasks;
    int64_t busy, stop, sleepers, caller_sleeps;
    int64_t spin;
    int64_t process;
    int threads;
    md_mutex mutex;
    md_condition work, finished;
    md_thread workers[MAX_THREADS];
    md_worker arguments[MAX_THREADS];
};

#define MD_POOL_MOST_TASKS 0x3ffff
#define MD_RUN(word) ((word) >> 36)
#define MD_END(word) ((word) >> 18 & MD_POOL_MOST_TASKS)
#define MD_FIRST(word) ((word) & MD_POOL_MOST_TASKS)
#define MD_WORD(run, end) ((int64_t)(run) << 36 | (int64_t)(end) << 18)

/* Runs tasks of the current run until none is left; returns that run's word. */
static MD_UNUSED int64_t md_pool_work(md_pool *pool) {
    int from_end = md_thread_index & 1;
    for (;;) {
        int64_t word = md_atomic_load(&pool->word), task = from_end ? MD_END(word) - 1 : MD_FIRST(word);
        md_task f = md_relaxed_load(&pool->f);
        void *context = md_relaxed_load(&pool->context);
        int64_t tasks = md_relaxed_load(&pool->tasks);
        if (MD_FIRST(word) == MD_END(word)) return word;
        if (!md_atomic_claim(&pool->word, word, from_end ? word - MD_WORD(0, 1) : word + 1)) continue;
        f(context, (int64_t)task);
        if (md_atomic_add(&pool->done, 1) == tasks && md_atomic_load(&pool->caller_sleeps)) {
            md_lock(&pool->mutex);
            md_broadcast(&pool->finished);
            md_unlock(&pool->mutex);
        }
    }
}

static MD_UNUSED MD_THREAD_RESULT md_pool_worker(void *argument) {
    md_pool *pool = ((md_worker *)argument)->pool;
    int64_t run = 0;
    md_thread_index = ((md_worker *)argument)->index;
    while (!md_atomic_load(&pool->stop)) {
        int64_t until = md_nanoseconds() + pool->spin;
        while (MD_RUN(md_atomic_load(&pool->word)) == run && !md_atomic_load(&pool->stop)) {
            int i;
            for (i = 0; i < 32 && MD_RUN(md_atomic_load(&pool->word)) == run; i++) md_pause();
            if (i < 32 || md_nanoseconds() < until) continue;
            /* The caller stores the word, then reads sleepers; here the order is the reverse, so one sees the other. */
            md_lock(&pool->mutex);
            md_atomic_add(&pool->sleepers, 1);
            while (MD_RUN(md_atomic_load(&pool->word)) == run && !md_atomic_load(&pool->stop))
                md_wait(&pool->work, &pool->mutex);
            md_atomic_add(&pool->sleepers, -1);
            md_unlock(&pool->mutex);
        }
        run = MD_RUN(md_pool_work(pool));
    }
    return 0;
}

static MD_UNUSED int md_pool_threads(const md_pool *pool) { return pool->threads; }

static MD_UNUSED void md_pool_free(md_pool *pool) {
    int i;
    if (!pool) return;
    /* After a fork, the workers exist only in the parent. */
    if (pool->process == md_process()) {
        md_lock(&pool->mutex);
        md_atomic_store(&pool->stop, 1);
        md_broadcast(&pool->work);
        md_unlock(&pool->mutex);
        for (i = 0; i < pool->threads - 1; i++) md_thread_join(pool->workers[i]);
        md_condition_destroy(&pool->work);
        md_condition_destroy(&pool->finished);
        md_mutex_destroy(&pool->mutex);
    }
    free(pool);
}

static MD_UNUSED md_pool *md_pool_new(int threads) {
    md_pool *pool = (md_pool *)calloc(1, sizeof(md_pool));
    if (!pool) return NULL;
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    md_mutex_init(&pool->mutex);
    md_condition_init(&pool->work);
    md_condition_init(&pool->finished);
    pool->process = md_process();
    pool->spin = threads <= md_cpus() ? MD_POOL_SPIN_NS : 0;
    for (pool->threads = 1; pool->threads < threads; pool->threads++) {
        md_worker *argument = &pool->arguments[pool->threads - 1];
        argument->pool = pool;
        argument->index = pool->threads;
        if (!md_thread_start(&pool->workers[pool->threads - 1], md_pool_worker, argument)) {
            md_pool_free(pool);
            return NULL;
        }
    }
    return pool;
}

static MD_UNUSED void md_pool_run(md_pool *pool, md_task f, void *context, int64_t tasks) {
    int64_t run, until, sleepers;
    int64_t i;
    /* Also serial: a forked child, a run within a run, a second thread on this pool. */
    if (pool->threads == 1 || tasks <= 1 || tasks > MD_POOL_MOST_TASKS || pool->process != md_process() ||
        md_atomic_exchange(&pool->busy, 1)) {
        for (i = 0; i < tasks; i++) f(context, i);
        return;
    }
    md_relaxed_store(&pool->f, f);
    md_relaxed_store(&pool->context, context);
    md_relaxed_store(&pool->tasks, (int64_t)tasks);
    md_atomic_store(&pool->done, 0);
    run = (MD_RUN(md_atomic_load(&pool->word)) + 1) & 0x7ffffff;
    md_atomic_store(&pool->word, MD_WORD(run, tasks));
    sleepers = md_atomic_load(&pool->sleepers);
    if (sleepers) {
        if (sleepers > tasks - 1) sleepers = tasks - 1;
        md_lock(&pool->mutex);
        while (sleepers--) md_signal(&pool->work);
        md_unlock(&pool->mutex);
    }
    md_pool_work(pool);
    until = md_nanoseconds() + pool->spin;
    while (md_atomic_load(&pool->done) != tasks) {
        for (i = 0; i < 32 && md_atomic_load(&pool->done) != tasks; i++) md_pause();
        if (i < 32 || md_nanoseconds() < until) continue;
        md_lock(&pool->mutex);
        md_atomic_store(&pool->caller_sleeps, 1);
        while (md_atomic_load(&pool->done) != tasks) md_wait(&pool->finished, &pool->mutex);
        md_atomic_store(&pool->caller_sleeps, 0);
        md_unlock(&pool->mutex);
    }
    md_atomic_store(&pool->busy, 0);
}

#endif
