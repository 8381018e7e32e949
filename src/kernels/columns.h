// The SIMD columns of every op's table: kernels/cpu/*.cpp compiled once per instruction set.
#pragma once

#include "kernels/adamw.h"
#include "kernels/attention.h"
#include "kernels/cross_entropy.h"
#include "kernels/gemm.h"
#include "kernels/pointwise.h"
#include "kernels/rmsnorm.h"
#include "kernels/sampling.h"
#include "kernels/slots.h"

namespace r1 {

#define R1_DECLARE_COLUMNS(isa)                          \
  namespace isa {                                        \
  extern const GemmKernels gemm_column;                  \
  extern const AttentionKernels attention_column;        \
  extern const RmsNormKernels rmsnorm_column;            \
  extern const PointwiseKernels pointwise_column;        \
  extern const CrossEntropyKernels cross_entropy_column; \
  extern const AdamWKernels adamw_column;                \
  extern const SamplingKernels sampling_column;          \
  extern const SlotKernels slot_column;                  \
  }
R1_DECLARE_COLUMNS(generic)
R1_DECLARE_COLUMNS(avx2)
R1_DECLARE_COLUMNS(avx512)
#undef R1_DECLARE_COLUMNS

#if defined(__x86_64__)
#define R1_PICK(backend, reference, name) \
  pick(backend, reference, generic::name, avx2::name, avx512::name)
#else
#define R1_PICK(backend, reference, name) \
  pick(backend, reference, generic::name, generic::name, generic::name)
#endif

}  // namespace r1
