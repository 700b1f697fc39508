# Random numbers (minidecomp/randomness/philox.py): any part of a stream, drawn where it is needed.

cdef md_cloned_void fill_normal(real* out, int64_t start, int64_t stop, uint64_t seed, uint32_t purpose, uint64_t step) noexcept nogil:
    """out[0 .. stop - start) = normal numbers start .. stop of a stream; a block of four words gives four."""
    cdef uint32_t w[4]
    cdef real z[4]
    cdef int64_t block, i, first = (start + 3) // 4, last = stop // 4
    if first > last:
        first = last = start // 4
        for i in range(start, stop):
            md_philox(<uint32_t>(i // 4), step, purpose, seed, w)
            md_normal_pair(w[i % 4 // 2 * 2], w[i % 4 // 2 * 2 + 1], &z[0], &z[1])
            out[i - start] = z[i % 2]
        return
    if start % 4:
        md_philox(<uint32_t>(start // 4), step, purpose, seed, w)
        md_normal_pair(w[0], w[1], &z[0], &z[1])
        md_normal_pair(w[2], w[3], &z[2], &z[3])
        for i in range(start % 4, 4):
            out[start // 4 * 4 + i - start] = z[i]
    cdef real* whole = out + (4 * first - start)
    for block in range(last - first):
        md_philox(<uint32_t>(first + block), step, purpose, seed, w)
        md_normal_pair(w[0], w[1], &whole[4 * block], &whole[4 * block + 1])
        md_normal_pair(w[2], w[3], &whole[4 * block + 2], &whole[4 * block + 3])
    if stop % 4:
        md_philox(<uint32_t>(last), step, purpose, seed, w)
        md_normal_pair(w[0], w[1], &z[0], &z[1])
        md_normal_pair(w[2], w[3], &z[2], &z[3])
        for i in range(stop % 4):
            out[4 * last + i - start] = z[i]


cdef md_cloned_void fill_student_t(real* out, int64_t start, int64_t stop, real df, uint64_t seed, uint32_t purpose, uint64_t step) noexcept nogil:
    cdef uint32_t w[4]
    cdef int64_t i
    for i in range(start, stop):
        md_philox(<uint32_t>(i // 2), step, purpose, seed, w)
        out[i - start] = md_student_t(w[2] if i % 2 else w[0], w[3] if i % 2 else w[1], df)


cdef md_cloned_void fill_uniform(real* out, int64_t start, int64_t stop, uint64_t seed, uint32_t purpose, uint64_t step) noexcept nogil:
    """out[0 .. stop - start) = uniform numbers start .. stop of a stream."""
    cdef uint32_t w[4]
    cdef int64_t block, i, first = min(stop, (start + 3) // 4 * 4), last = max(first, stop // 4 * 4)
    cdef real* whole = out + (first - start)
    for i in range(start, first):
        md_philox(<uint32_t>(i // 4), step, purpose, seed, w)
        out[i - start] = md_open_unit(w[i % 4])
    for block in range((last - first) // 4):
        md_philox(<uint32_t>(first // 4 + block), step, purpose, seed, w)
        whole[4 * block] = md_open_unit(w[0])
        whole[4 * block + 1] = md_open_unit(w[1])
        whole[4 * block + 2] = md_open_unit(w[2])
        whole[4 * block + 3] = md_open_unit(w[3])
    for i in range(last, stop):
        md_philox(<uint32_t>(i // 4), step, purpose, seed, w)
        out[i - start] = md_open_unit(w[i % 4])


def normal(int64_t start, int64_t stop, uint64_t seed, uint32_t purpose, uint64_t step, real[::1] out not None):
    """Normal numbers start .. stop of a stream into out (stop - start,)."""
    if out.shape[0] != stop - start or not 0 <= start < stop:
        raise ValueError(f"out holds {out.shape[0]} numbers, {stop - start} are asked for")
    with nogil:
        fill_normal(&out[0], start, stop, seed, purpose, step)


def student_t(int64_t start, int64_t stop, real df, uint64_t seed, uint32_t purpose, uint64_t step, real[::1] out not None):
    """Student-t numbers start .. stop of a stream into out (stop - start,)."""
    if out.shape[0] != stop - start or not 0 <= start < stop:
        raise ValueError(f"out holds {out.shape[0]} numbers, {stop - start} are asked for")
    with nogil:
        fill_student_t(&out[0], start, stop, df, seed, purpose, step)


cdef void shuffle(int64_t* order, int64_t n, uint64_t seed, uint32_t purpose, uint64_t step) noexcept nogil:
    """For i = n-1 .. 1, j = floor(w_i (i + 1) / 2^32), swap i and j."""
    cdef int64_t i, j, held, block = -1
    cdef uint32_t w[4]
    for i in range(n):
        order[i] = i
    for i in range(n - 1, 0, -1):
        if i // 4 != block:
            block = i // 4
            md_philox(<uint32_t>block, step, purpose, seed, w)
        j = <int64_t>((<uint64_t>w[i % 4] * <uint64_t>(i + 1)) >> 32)
        held = order[i]
        order[i] = order[j]
        order[j] = held


def permutation(int64_t[::1] order not None, uint64_t seed, uint32_t purpose, uint64_t step):
    """A random order of 0 .. n-1 into order (n,)."""
    if order.shape[0] > 0:
        with nogil:
            shuffle(&order[0], order.shape[0], seed, purpose, step)


def permutations(int64_t[:, ::1] orders not None, uint64_t seed, uint32_t purpose, uint64_t step):
    """Random orders of 0 .. n-1, of as many steps from `step` on, into orders (E, n)."""
    cdef int64_t e
    if orders.shape[1] > 0:
        with nogil:
            for e in range(orders.shape[0]):
                shuffle(&orders[e, 0], orders.shape[1], seed, purpose, step + <uint64_t>e)
