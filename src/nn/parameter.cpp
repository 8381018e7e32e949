#include "nn/parameter.h"

#include <cstring>

namespace r1 {

int64_t Parameter::numel() const {
  int64_t n = 1;
  for (int64_t d : shape) n *= d;
  return n;
}

int64_t Parameter::n_groups() const {
  const int64_t both = row_groups[0] + row_groups[1];
  return both == 0 ? 1 : 2 * shape[0] / both;
}

PanelGroup Parameter::group(int64_t i) const {
  if (n_groups() == 1) return {panels, 0};
  const auto [a, b] = row_groups;
  const int64_t pair_bytes =
      packed_bytes(panels.K, a, panels.dtype) + packed_bytes(panels.K, b, panels.dtype);
  int64_t offset = i / 2 * pair_bytes;
  if (i % 2 == 1) offset += packed_bytes(panels.K, a, panels.dtype);
  std::byte* data = static_cast<std::byte*>(panels.data);
  return {{data ? data + offset : nullptr, panels.dtype, panels.K, i % 2 == 0 ? a : b},
          i / 2 * (a + b) + (i % 2 == 0 ? 0 : a)};
}

std::vector<PanelGroup> Parameter::groups() const {
  std::vector<PanelGroup> all;
  for (int64_t i = 0; i < n_groups(); ++i) all.push_back(group(i));
  return all;
}

int64_t Parameter::group_bytes(Dtype dtype) const {
  if (n_groups() == 1) return packed_bytes(shape[1], shape[0], dtype);
  return n_groups() / 2 *
         (packed_bytes(shape[1], row_groups[0], dtype) +
          packed_bytes(shape[1], row_groups[1], dtype));
}

ParameterStore::~ParameterStore() {
  for (auto& [data, bytes] : blocks_) free_pages(data, bytes);
}

Tensor ParameterStore::take(Dtype dtype, int64_t n, bool plan) {
  const int64_t bytes = n * dtype_size(dtype);
  n_bytes_ += bytes;
  if (plan || n == 0) return Tensor(nullptr, dtype, {n});
  blocks_.emplace_back(allocate_pages(static_cast<size_t>(bytes)), static_cast<size_t>(bytes));
  return Tensor(blocks_.back().first, dtype, {n});
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

/// The array that holds a parameter's weight.
enum class Home { kFlat, kKept, kPanels };

Home home_of(const Parameter& p, Dtype dtype, StoreUse use) {
  if (use == StoreUse::kInference) return p.packs ? Home::kPanels : Home::kKept;
  return p.buffer || (p.keep_f32 && dtype != Dtype::kF32) ? Home::kKept : Home::kFlat;
}

}  // namespace

void ParameterStore::allocate(const std::vector<Parameter*>& parameters, Dtype dtype,
                              StoreUse use) {
  CHECK(parameters_.empty(), "a store is allocated once");
  const bool plan = use == StoreUse::kPlan, trains = plan || use == StoreUse::kTraining;
  CHECK(dtype == Dtype::kF32 || dtype == Dtype::kBF16 || use == StoreUse::kInference,
        "weights in {}", dtype_name(dtype));
  parameters_ = parameters;
  dtype_ = dtype;
  int64_t n_flat = 0, n_kept = 0;
  for (const Parameter* p : parameters) {
    const Home home = home_of(*p, dtype, use);
    if (use != StoreUse::kInference && !p->buffer) n_flat += padded(p->numel());
    if (home == Home::kKept) n_kept += padded(p->numel());
  }
  weights_ = take(dtype == Dtype::kBF16 ? dtype : Dtype::kF32, n_flat, plan);
  kept_ = take(Dtype::kF32, n_kept, plan);
  if (trains) {
    numel_ = n_flat;
    masters_ = dtype == Dtype::kF32 ? weights_ : take(Dtype::kF32, n_flat, plan);
    grads_ = take(Dtype::kF32, n_flat, plan);
  }
  int64_t offset = 0, kept_offset = 0;
  for (Parameter* p : parameters) {
    switch (home_of(*p, dtype, use)) {
      case Home::kFlat:
        p->weight = place(weights_, offset, *p);
        break;
      case Home::kKept:
        p->weight = place(kept_, kept_offset, *p);
        kept_offset += padded(p->numel());
        break;
      case Home::kPanels:
        p->weight = place(Tensor(nullptr, dtype, {0}), 0, *p);
        continue;
    }
    if (use == StoreUse::kInference || p->buffer) continue;
    if (trains) {
      p->master = place(masters_, offset, *p);
      p->grad = place(grads_, offset, *p);
    }
    offset += padded(p->numel());
  }
}

void ParameterStore::zero_grads() const {
  if (grads_.data) std::memset(grads_.data, 0, static_cast<size_t>(grads_.nbytes()));
}

void ParameterStore::round_weights(ThreadPool& pool) const {
  if (dtype_ != Dtype::kBF16) return;
  for (const Parameter* p : parameters_) {
    if (!p->weight.data || p->buffer) continue;
    pool.parallel_for(p->numel(), 1 << 16, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        if (p->weight.dtype == Dtype::kF32) {
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
