# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# cython: freethreading_compatible=True
"""dSprites' images (Matthey et al., 2017), drawn the way the original was: polygons, a hard edge, no smoothing.

The sizes, the numbers of vertices and the grid the vertices are rounded to were fitted to frames of the original, which
come out exactly (tests/data/test_data_sprites.py). An image is told by five classes, each with a value:

    shape        0, 1, 2    square, ellipse, heart
    scale        0 .. 5     s = 0.5 + 0.1 class
    orientation  0 .. 39    t = 2 pi class / 39, anticlockwise; 39 is a whole turn and gives the image of 0
    position X   0 .. 31    p = class / 31, rightwards
    position Y   0 .. 31    p = class / 31, downwards

Image number i of the set has the classes of i's mixed-radix digits, position Y being the last and fastest.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from libc.math cimport cos, sin
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memset

CLASSES = (3, 6, 40, 32, 32)
IMAGES = 3 * 6 * 40 * 32 * 32

cdef enum:
    FACTORS = 5
    SIDE = 64           # pixels
    IMAGE = 512         # bytes, one bit per pixel
    MOST_VERTICES = 150
    UNIT = 256          # vertices lie on a grid of 1/256 pixel; pixel j's centre is at UNIT * j + HALF
    HALF = 128

BYTES = IMAGE
cdef double TURN = 6.283185307179586
cdef int64_t[5] classes = CLASSES


cdef struct Outline:
    # In pixels, at scale 1 and without rotation, from the centre of rotation: u to the right, v down.
    int n
    double[MOST_VERTICES] u
    double[MOST_VERTICES] v


cdef Outline[3] outlines


cdef void set_outlines() noexcept:
    """With h = 0.15 * 64 = 9.6, half the square's side, and t evenly spaced over a turn:

        square    u = +-h                 v = +-h
        ellipse   u = 1.33 h cos t        v = h / 1.33 sin t
        heart     u = h sin^3 t           v = -h ((13 cos t - 5 cos 2t - 2 cos 3t - cos 4t) / 14.5 + 0.15)
    """
    cdef Outline* square = &outlines[0]
    cdef Outline* ellipse = &outlines[1]
    cdef Outline* heart = &outlines[2]
    cdef double h = 9.6, t
    cdef int k
    square.n, ellipse.n, heart.n = 4, 100, MOST_VERTICES
    for k in range(4):
        square.u[k] = h if k == 1 or k == 2 else -h
        square.v[k] = h if k >= 2 else -h
    for k in range(ellipse.n):
        t = TURN * k / ellipse.n
        ellipse.u[k] = 1.33 * h * cos(t)
        ellipse.v[k] = h / 1.33 * sin(t)
    for k in range(heart.n):
        t = TURN * k / heart.n
        heart.u[k] = h * sin(t) ** 3
        heart.v[k] = -h * ((13 * cos(t) - 5 * cos(2 * t) - 2 * cos(3 * t) - cos(4 * t)) / 14.5 + 0.15)


set_outlines()


cdef void draw(const int64_t* factors, uint8_t* out) noexcept nogil:
    """One image: 64 rows of 64 bits, the leftmost pixel first.

    A pixel is lit if its centre is inside the polygon: left of it, the outline crosses its row an odd number of times.
    A centre on the outline itself counts as inside at a left or a top edge, not at a right or a bottom one; the known
    frames leave that open. Every shape ends two pixels before the image does, so nothing is clipped.
    """
    cdef const Outline* outline = &outlines[factors[0]]
    cdef double s = UNIT * (0.5 + 0.1 * factors[1])
    # The modulus makes a whole turn exactly 0.
    cdef double angle = TURN * (factors[2] % 39) / 39
    cdef double c = s * cos(angle), d = s * sin(angle)
    # The centre of rotation is at 16 + 32 p pixels on each axis; + 0.5 turns truncation into rounding.
    cdef double x = UNIT * (16 + 32 * factors[3] / 31.0) + 0.5
    cdef double y = UNIT * (16 + 32 * factors[4] / 31.0) + 0.5
    cdef int32_t[MOST_VERTICES + 1] xs
    cdef int32_t[MOST_VERTICES + 1] ys
    cdef uint64_t[SIDE] rows
    cdef int32_t top, bottom, rise, run, step
    cdef int k, low, high, row, column, n = outline.n
    # No vertex of the whole set is within 2e-7 of a tie between two integers, so every libm rounds to the same ones.
    for k in range(n):
        xs[k] = <int32_t>(x + c * outline.u[k] + d * outline.v[k])
        ys[k] = <int32_t>(y - d * outline.u[k] + c * outline.v[k])
    xs[n], ys[n] = xs[0], ys[0]
    memset(rows, 0, sizeof(rows))
    for k in range(n):
        low = k if ys[k] < ys[k + 1] else k + 1
        high = 2 * k + 1 - low
        # The rows whose centres are at y_low <= y < y_high.
        top, bottom = (ys[low] + HALF - 1) // UNIT, (ys[high] + HALF - 1) // UNIT
        if top == bottom:
            continue
        rise, run = ys[high] - ys[low], UNIT * (xs[high] - xs[low])
        # The first column whose centre is at or right of the crossing x = x_low + (y - y_low) (x_high - x_low) / rise
        # is ceil((x - HALF) / UNIT) = floor(step / (UNIT rise)), in whole numbers below 2^31.
        step = (xs[low] - HALF + UNIT) * rise + (UNIT * top + HALF - ys[low]) * (xs[high] - xs[low]) - 1
        for row in range(top, bottom):
            column = step // (UNIT * rise)
            rows[row] ^= ~<uint64_t>0 >> column
            step += run
    for row in range(SIDE):
        for k in range(8):
            out[8 * row + k] = <uint8_t>(rows[row] >> (56 - 8 * k))


def render(factors, out):
    """Draw the images of `factors` (N, 5), int64, classes as above, into `out` (N, 512), uint8, packed like numpy.packbits:

        numpy.unpackbits(out, axis=1).reshape(N, 64, 64)

    ValueError for arrays of another shape or type, and for a class that there is not.
    """
    cdef Py_buffer given, made
    cdef Py_ssize_t i, n
    cdef int k
    cdef const int64_t* row
    take(factors, &given, "factors", "lq", sizeof(int64_t), -1, FACTORS, False)
    try:
        n = given.shape[0]
        row = <const int64_t*>given.buf
        for i in range(n):
            for k in range(FACTORS):
                if not 0 <= row[FACTORS * i + k] < classes[k]:
                    name = ("shape", "scale", "orientation", "position X", "position Y")[k]
                    raise ValueError(f"row {i}: {name} class {row[FACTORS * i + k]} is not in 0 .. {classes[k] - 1}")
        take(out, &made, "out", "B", 1, n, IMAGE, True)
        try:
            # The images must not overwrite the classes, which have been checked.
            if <char*>made.buf < <char*>given.buf + given.len and <char*>given.buf < <char*>made.buf + made.len:
                raise ValueError("factors and out share memory")
            with nogil:
                for i in range(n):
                    draw(row + FACTORS * i, <uint8_t*>made.buf + IMAGE * i)
        finally:
            PyBuffer_Release(&made)
    finally:
        PyBuffer_Release(&given)


def render_range(int64_t first, out):
    """Draw the images first, first + 1, ... of the set into `out` (N, 512), packed as `render` does."""
    cdef Py_buffer made
    cdef Py_ssize_t i, n
    cdef int64_t number
    cdef int64_t[FACTORS] factors
    cdef int k
    take(out, &made, "out", "B", 1, -1, IMAGE, True)
    try:
        n = made.shape[0]
        if not 0 <= first <= IMAGES - n:
            raise ValueError(f"images {first} .. {first + n - 1} are not all in 0 .. {IMAGES - 1}")
        with nogil:
            for i in range(n):
                number = first + i
                for k in range(FACTORS - 1, -1, -1):
                    factors[k] = number % classes[k]
                    number = number // classes[k]
                draw(factors, <uint8_t*>made.buf + IMAGE * i)
    finally:
        PyBuffer_Release(&made)


cdef int take(
    array, Py_buffer* view, str name, str kinds, Py_ssize_t size, Py_ssize_t rows, Py_ssize_t width, bint writable
) except -1:
    """An array's buffer, which has to be C-contiguous, (rows, width), and of one of the kinds, a letter each; rows -1 is any.

    Typed memoryviews would say the same in a line, and make this module three times as large.
    """
    PyObject_GetBuffer(array, view, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS | (PyBUF_WRITABLE if writable else 0))
    shape = tuple([view.shape[i] for i in range(view.ndim)])
    kind = view.format.decode()
    if view.itemsize != size or kind not in kinds:
        PyBuffer_Release(view)
        raise ValueError(f"{name} must have {size} bytes a number, of kind {kinds}, not {view.itemsize} of {kind}")
    if view.ndim != 2 or view.shape[1] != width or (rows >= 0 and view.shape[0] != rows):
        PyBuffer_Release(view)
        raise ValueError(f"{name} must be ({rows if rows >= 0 else 'N'}, {width}), got {shape}")
    return 0
