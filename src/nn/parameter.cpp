#include "nn/parameter.h"

#include <cstring>

namespace r1 {

int64_t Parameter::numel() const {
  int64_t n = 1;
  for (int64_t d : shape) n *= d;
  return n;
}

ParameterStore::~ParameterStore() {
  for (auto& [data, bytes] : blocks_) free_pages(data, bytes);
}

std::byte* ParameterStore::take(int64_t bytes) {
  n_bytes_ += bytes;
  blocks_.emplace_back(allocate_pages(static_cast<size_t>(bytes)), static_cast<size_t>(bytes));
  return blocks_.back().first;
}

namespace {

int64_t padded(int64_t n) { return (n + 15) / 16 * 16; }

/// The part of a flat array that belongs to one parameter.
Tensor place(const Tensor& flat, int64_t offset, const Parameter& parameter) {
  Tensor view = flat;
  if (flat.data) view.data = static_cast<std::byte*>(flat.data) + offset * dtype_size(flat.dtype);
  view.rank = static_cast<int>(parameter.shape.size());
  for (int i = 0; i < view.rank; ++i) view.shape[i] = parameter.shape[i];
  return view;
}

}  // namespace

void ParameterStore::allocate(const std::vector<Parameter*>& parameters, Dtype dtype,
                              StoreUse use) {
  CHECK(parameters_.empty(), "a store is allocated once");
  CHECK(dtype == Dtype::kF32 || dtype == Dtype::kBF16, "weights in {}", dtype_name(dtype));
  parameters_ = parameters;
  int64_t n_kept = 0;
  for (Parameter* p : parameters) {
    numel_ += padded(p->numel());
    if (p->keep_f32) n_kept += padded(p->numel());
  }
  const bool training = use != StoreUse::kInference;
  const auto flat = [&](Dtype type, int64_t n = -1) {
    if (n < 0) n = numel_;
    const int64_t bytes = n * dtype_size(type);
    if (use == StoreUse::kPlan) {
      n_bytes_ += bytes;
      return Tensor(nullptr, type, {n});
    }
    return Tensor(take(bytes), type, {n});
  };
  weights_ = flat(dtype);
  if (dtype == Dtype::kF32) masters_ = weights_;
  if (dtype != Dtype::kF32) kept_ = flat(Dtype::kF32, n_kept);
  if (dtype != Dtype::kF32 && training) masters_ = flat(Dtype::kF32);
  if (training) grads_ = flat(Dtype::kF32);
  int64_t offset = 0, kept_offset = 0;
  for (Parameter* p : parameters) {
    p->weight = place(weights_, offset, *p);
    if (p->keep_f32 && dtype != Dtype::kF32) {
      p->weight = place(kept_, kept_offset, *p);
      kept_offset += padded(p->numel());
    }
    if (!masters_.empty()) p->master = place(masters_, offset, *p);
    if (!grads_.empty()) p->grad = place(grads_, offset, *p);
    offset += padded(p->numel());
  }
}

void ParameterStore::zero_grads() const {
  if (grads_.data) std::memset(grads_.data, 0, static_cast<size_t>(grads_.nbytes()));
}

void ParameterStore::round_weights(ThreadPool& pool) const {
  for (const Parameter* p : parameters_) {
    if (weights_.dtype == Dtype::kF32 || !p->weight.data) continue;
    pool.parallel_for(p->numel(), 1 << 16, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        if (p->keep_f32) {
          const float x = p->master.empty() ? p->weight.f32()[i] : p->master.f32()[i];
          p->weight.f32()[i] = bf16_to_f32(f32_to_bf16(x));
        } else if (!p->master.empty()) {
          p->weight.u16()[i] = f32_to_bf16(p->master.f32()[i]);
        }
      }
    });
  }
}

}  // namespace r1
