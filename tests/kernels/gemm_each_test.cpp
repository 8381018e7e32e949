// Many products in one loop: the bits of the same products one after the other, whatever their
// sizes, threads and backend.
#include "kernels/columns_case.h"
#include "kernels/gemm.h"

namespace r1 {
namespace {

/// Products of these row counts, each with a weight of its own; K and N differ from job to job.
struct Jobs {
  struct One {
    int64_t M, K, N;
    Floats weights, panels, x, y, dy, dw, dx;
    PackedMatrix b;
  };
  std::vector<One> all;

  Jobs(const Launch& launch, const std::vector<int64_t>& rows, bool same_shape, Dtype dtype) {
    all.resize(rows.size());
    uint64_t stream = 1;
    for (size_t i = 0; i < rows.size(); ++i) {
      One& one = all[i];
      const int64_t more = same_shape ? 0 : static_cast<int64_t>(i);
      one.M = rows[i], one.K = 33 + more, one.N = 70 - 9 * more;
      one.weights = normals(one.K * one.N, stream++);
      one.x = normals(one.M * one.K, stream++), one.dy = normals(one.M * one.N, stream++);
      one.y = normals(one.M * one.N, stream++), one.dx = normals(one.M * one.K, stream++);
      one.dw = normals(one.N * one.K, stream++);
      one.panels.resize(packed_bytes(one.K, one.N, Dtype::kF32) / 4);
      one.b = {one.panels.data(), dtype, one.K, one.N};
      std::vector<uint16_t> halves;
      for (float w : one.weights) halves.push_back(f32_to_bf16(w));
      void* data = dtype == Dtype::kF32 ? static_cast<void*>(one.weights.data()) : halves.data();
      gemm_pack(launch, one.b, Tensor(data, dtype, {one.N, one.K}), true);
    }
  }
  Tensor with(Floats& values, int64_t rows, int64_t cols) {
    return Tensor(values.data(), Dtype::kF32, {rows, cols});
  }
  Floats outputs() const {
    Floats out;
    for (const One& one : all) out = joined({out, one.y, one.dx, one.dw});
    return out;
  }
};

Floats one_by_one(const Launch& launch, const std::vector<int64_t>& rows, bool same, Dtype dtype) {
  Jobs jobs(launch, rows, same, dtype);
  bool accumulate = false;
  for (Jobs::One& o : jobs.all) {
    const Tensor x = jobs.with(o.x, o.M, o.K), dy = jobs.with(o.dy, o.M, o.N);
    gemm(launch, jobs.with(o.y, o.M, o.N), x, o.b, accumulate);
    gemm_transposed(launch, jobs.with(o.dx, o.M, o.K), dy, o.b, accumulate);
    gemm_weight_gradient(launch, jobs.with(o.dw, o.N, o.K), dy, x);
    accumulate = !accumulate;
  }
  return jobs.outputs();
}

Floats side_by_side(const Launch& launch, const std::vector<int64_t>& rows, bool same,
                    Dtype dtype) {
  Jobs jobs(launch, rows, same, dtype);
  std::vector<GemmJob> forward, backward;
  std::vector<GradientJob> gradients;
  bool accumulate = false;
  for (Jobs::One& o : jobs.all) {
    const Tensor x = jobs.with(o.x, o.M, o.K), dy = jobs.with(o.dy, o.M, o.N);
    forward.push_back({jobs.with(o.y, o.M, o.N), x, &o.b, accumulate});
    backward.push_back({jobs.with(o.dx, o.M, o.K), dy, &o.b, accumulate});
    gradients.push_back({jobs.with(o.dw, o.N, o.K), dy, x});
    accumulate = !accumulate;
  }
  gemm_each(launch, forward);
  gemm_transposed_each(launch, backward);
  gemm_weight_gradient_each(launch, gradients);
  return jobs.outputs();
}

TEST(GemmEach, EqualsTheSameProductsOneAfterTheOther) {
  const std::vector<std::vector<int64_t>> cases{
      {1}, {1, 1}, {2, 0, 1}, {40, 3, 0, 17, 1}, {0, 0}, {130, 5}, {12, 12, 12, 12, 12, 12}};
  for (const auto& rows : cases) {
    for (bool same : {true, false}) {
      for (Dtype dtype : {Dtype::kF32, Dtype::kBF16}) {
        const Floats expected = one_by_one(reference_launch(), rows, same, dtype);
        for (Backend backend : available_backends()) {
          for (int n_threads : {1, 3}) {
            const Launch launch{backend, test_pool(n_threads)};
            EXPECT_TRUE(equal_bits(side_by_side(launch, rows, same, dtype), expected))
                << backend_name(backend) << " " << n_threads << " threads, " << rows.size()
                << " jobs";
          }
        }
      }
    }
  }
}

TEST(GemmEach, DoesNothingWithoutJobs) {
  for (Backend backend : available_backends()) {
    gemm_each({backend, test_pool(2)}, {});
    gemm_weight_gradient_each({backend, test_pool(2)}, {});
  }
}

TEST(GemmEachDeathTest, RefusesShapesThatDoNotMeet) {
  const Launch launch = reference_launch();
  Floats x(6), y(6), panels(64);
  const PackedMatrix b{panels.data(), Dtype::kF32, 2, 2};
  EXPECT_DEATH(gemm_each(launch, {{matrix(y, 2), matrix(x, 2), &b}}), "gemm: x");
}

}  // namespace
}  // namespace r1
