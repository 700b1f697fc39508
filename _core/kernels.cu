/* The GPU engine's kernels (minidecomp/engines/gpu.py launches them). They share formulas.h with the CPU engine.

   Compiled by NVRTC with MINIDECOMP_REAL set to float or double, or by g++ with tests/support/cuda_on_cpu.h. A block has a
   power of two of threads, 32 to GPU_BLOCK. No sum uses atomics: the order of sums depends only on the shapes, so
   the same numbers give the same bits. Sizes: B points in the batch, K posterior samples, D latent dimensions, dx the
   data's width; arrays are C-contiguous, and rows are points. */

#include "gpu/common.cuh"
#include "gpu/packs.cuh"
#include "gpu/warps.cuh"
#include "gpu/random.cuh"
#include "gpu/points.cuh"
#include "gpu/activations.cuh"
#include "gpu/batch.cuh"
#include "gpu/layers.cuh"
#include "gpu/posterior.cuh"
#include "gpu/prior.cuh"
#include "gpu/kl.cuh"
#include "gpu/likelihood.cuh"
#include "gpu/mmd.cuh"
#include "gpu/inclusive_kl.cuh"
#include "gpu/end_of_step.cuh"
#if defined(SMALL_ALONE) || !defined(__CUDACC__)
#include "gpu/small_network.cuh"
#include "gpu/small_step.cuh"
#endif
#include "gpu/use.cuh"
