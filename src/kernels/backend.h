// The columns of the kernel tables, and all that a kernel may know of the world.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/thread_pool.h"
#include "tensor/arena.h"
#include "tensor/tensor.h"

namespace r1 {

/// plan does nothing (shapes and memory only); reference is the scalar definition; the others are
/// the same source compiled once per instruction set. All but plan give equal bits.
enum class Backend { kPlan, kReference, kGeneric, kAvx2, kAvx512 };

const char* backend_name(Backend backend);
Result<Backend> parse_backend(const std::string& name);

/// What this machine can run, best last; never plan.
std::vector<Backend> available_backends();
/// The best available, unless R1_BACKEND names another.
Result<Backend> default_backend();

struct Launch {
  Backend backend;
  ThreadPool* pool;  // never null except on plan

  bool plans() const { return backend == Backend::kPlan; }
};

/// Picks the column of one op's table. An ISA that was not built falls back to its left neighbour.
template <class Kernels>
const Kernels& pick(Backend backend, const Kernels& reference, const Kernels& generic,
                    const Kernels& avx2, const Kernels& avx512) {
  switch (backend) {
    case Backend::kAvx512:
      return avx512;
    case Backend::kAvx2:
      return avx2;
    case Backend::kGeneric:
      return generic;
    default:
      return reference;
  }
}

}  // namespace r1
