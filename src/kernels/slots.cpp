#include "kernels/slots.h"

#include <cmath>
#include <cstring>

#include "kernels/columns.h"
#include "kernels/lanes.h"

namespace r1 {
namespace {

void gather(const Launch& launch, Tensor to, Tensor x, const int32_t* rows) {
  launch.pool->parallel_for(to.rows(), 64, [&](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; ++s) {
      std::memcpy(to.row(s), x.row(rows[s]), sizeof(float) * x.cols());
    }
  });
}

void combine(const Launch& launch, Tensor y, Tensor ys, const int32_t* slots, int64_t K,
             Tensor weights, bool accumulate) {
  launch.pool->parallel_for(y.rows(), 16, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      for (int64_t c = 0; c < y.cols(); ++c) {
        float acc = accumulate ? y.row(n)[c] : 0.0f;
        for (int64_t k = 0; k < K; ++k) {
          const float w = weights.empty() ? 1.0f : weights.row(n)[k];
          acc = std::fmaf(w, ys.row(slots[n * K + k])[c], acc);
        }
        y.row(n)[c] = acc;
      }
    }
  });
}

void combine_backward(const Launch& launch, Tensor dys, Tensor dweights, Tensor dy, Tensor ys,
                      const int32_t* slots, Tensor weights) {
  const int64_t K = weights.cols();
  launch.pool->parallel_for(dy.rows(), 16, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      for (int64_t k = 0; k < K; ++k) {
        const int32_t slot = slots[n * K + k];
        LaneSum dot;
        for (int64_t c = 0; c < dy.cols(); ++c) {
          dot.fma(c, dy.row(n)[c], ys.row(slot)[c]);
          dys.row(slot)[c] = weights.row(n)[k] * dy.row(n)[c];
        }
        dweights.row(n)[k] = dot.fold();
      }
    }
  });
}

constexpr SlotKernels kReference{gather, combine, combine_backward};

}  // namespace

const SlotKernels& slot_kernels(Backend backend) {
  return R1_PICK(backend, kReference, slot_column);
}

void gather_slots(const Launch& launch, Tensor to, Tensor x, Tensor rows) {
  CHECK(to.cols() == x.cols() && rows.numel() == to.rows(), "gather: to {} x {} rows {}",
        to.shape_text(), x.shape_text(), rows.shape_text());
  if (launch.plans()) return;
  slot_kernels(launch.backend).gather(launch, to, x, rows.i32());
}

void combine_slots(const Launch& launch, Tensor y, Tensor ys, Tensor slots, Tensor weights,
                   bool accumulate) {
  CHECK(y.cols() == ys.cols() && slots.rows() == y.rows() &&
            (weights.empty() || weights.numel() == slots.numel()),
        "combine: y {} ys {} slots {} weights {}", y.shape_text(), ys.shape_text(),
        slots.shape_text(), weights.shape_text());
  if (launch.plans()) return;
  slot_kernels(launch.backend)
      .combine(launch, y, ys, slots.i32(), slots.cols(), weights, accumulate);
}

void combine_slots_backward(const Launch& launch, Tensor dys, Tensor dweights, Tensor dy, Tensor ys,
                            Tensor slots, Tensor weights) {
  CHECK(dys.cols() == dy.cols() && ys.cols() == dy.cols() && dys.rows() == ys.rows() &&
            slots.rows() == dy.rows() && weights.numel() == slots.numel() &&
            dweights.numel() == slots.numel(),
        "combine backward: dys {} dy {} slots {}", dys.shape_text(), dy.shape_text(),
        slots.shape_text());
  if (launch.plans()) return;
  slot_kernels(launch.backend)
      .combine_backward(launch, dys, dweights, dy, ys, slots.i32(), weights);
}

}  // namespace r1
