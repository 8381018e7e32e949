// Nothing allocates inside a step: after a first call, the ops of every column leave the heap
// alone.
#include <atomic>
#include <cstdlib>
#include <new>

#include "kernels/adamw.h"
#include "kernels/columns_case.h"
#include "kernels/cross_entropy.h"
#include "kernels/pointwise.h"
#include "kernels/rmsnorm.h"
#include "kernels/sampling.h"

namespace {

std::atomic<int64_t> n_allocations{0};

void* counted(size_t size) {
  ++n_allocations;
  return std::malloc(size);
}

void* counted_or_throw(size_t size) {
  if (void* memory = counted(size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

// All forms, so that no library mixes its own with ours; out of line, so that no compiler sees a
// mix.
#define R1_OUT_OF_LINE __attribute__((noinline))
R1_OUT_OF_LINE void* operator new(size_t size) { return counted_or_throw(size); }
R1_OUT_OF_LINE void* operator new[](size_t size) { return counted_or_throw(size); }
R1_OUT_OF_LINE void* operator new(size_t size, const std::nothrow_t&) noexcept {
  return counted(size);
}
R1_OUT_OF_LINE void* operator new[](size_t size, const std::nothrow_t&) noexcept {
  return counted(size);
}
R1_OUT_OF_LINE void operator delete(void* memory) noexcept { std::free(memory); }
R1_OUT_OF_LINE void operator delete[](void* memory) noexcept { std::free(memory); }
R1_OUT_OF_LINE void operator delete(void* memory, size_t) noexcept { std::free(memory); }
R1_OUT_OF_LINE void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

namespace r1 {
namespace {

TEST(Allocation, RowWiseOpsDoNotAllocateAfterTheirFirstCall) {
  const int64_t N = 64, V = 3000;
  Floats logits = normals(N * V, 1), y = logits, rstd(N), weight(V, 1.0f), out(4 * N),
         scale(N, 1.0f);
  std::vector<int32_t> tokens(N, 7);
  std::vector<SampleRow> rows(N);
  for (int64_t n = 0; n < N; ++n) {
    rows[n].stream = static_cast<uint64_t>(n);
    rows[n].top_k = n % 2 == 0 ? 40 : 0;
    rows[n].top_p = n % 3 == 0 ? 0.9f : 1.0f;
  }
  const AdamWStep step{0.1f, 0.9f, 0.99f, 1e-8f, 0.1f, 1.0f, 1.0f, 1.0f};
  auto part = [&](int64_t i) { return Tensor(out.data() + i * N, Dtype::kF32, {N}); };
  for (Backend backend : available_backends()) {
    if (backend == Backend::kReference) continue;  // the definition of sampling may allocate
    const Launch launch{backend,
                        test_pool(1)};  // scratch is per thread: one that comes late is new
    int64_t before = 0;
    for (int call = 0; call < 2; ++call) {
      before = n_allocations;
      rmsnorm_forward(launch, matrix(y, N), row_vector(rstd), matrix(logits, N), row_vector(weight),
                      1e-6f);
      swiglu_forward(launch, matrix(y, N), matrix(logits, N), matrix(logits, N));
      cross_entropy_forward(launch, part(0), part(1), part(2), matrix(logits, N), tokens.data(),
                            scale.data());
      sample_rows(launch, tokens.data(), matrix(logits, N), rows.data());
      adamw_step(launch, row_vector(y), row_vector(y), row_vector(y), row_vector(logits), step);
      sum_of_squares(launch, row_vector(logits));
    }
    EXPECT_EQ(n_allocations - before, 0) << backend_name(backend);
  }
}

}  // namespace
}  // namespace r1
