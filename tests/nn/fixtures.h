// What the tests of modules share: memory for parameters, packed rows, gradients against central
// differences of a forward pass in double.
#pragma once

#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/columns_case.h"
#include "nn/context.h"
#include "nn/linear.h"

namespace r1 {

using Doubles = std::vector<double>;
using Values = std::map<std::string, Doubles>;

inline Launch best_launch(int n_threads = 2) {
  return {available_backends().back(), test_pool(n_threads)};
}

inline Doubles widened(const Floats& x) { return {x.begin(), x.end()}; }
inline Floats floats_of(Tensor t) { return {t.f32(), t.f32() + t.numel()}; }

/// A context with an arena of its own.
struct Bench {
  Arena arena;
  Context ctx;
  explicit Bench(Launch launch = best_launch()) : ctx{launch, arena} {}

  Tensor put(const Floats& values, int64_t rows) {
    Tensor t = arena.f32({rows, static_cast<int64_t>(values.size()) / rows});
    std::memcpy(t.data, values.data(), values.size() * sizeof(float));
    return t;
  }
};

/// Sequences of these lengths one after the other, each from position 0, pages in order.
struct PackedRows {
  std::vector<int64_t> lengths;
  std::vector<int32_t> offsets{0}, positions, page_table, tokens;
  int64_t max_pages = 0, n_pages = 0;

  explicit PackedRows(std::vector<int64_t> of_lengths) : lengths(std::move(of_lengths)) {
    for (int64_t n : lengths) max_pages = std::max(max_pages, (n + kPageSize - 1) / kPageSize);
    for (int64_t n : lengths) {
      for (int64_t t = 0; t < n; ++t) positions.push_back(static_cast<int32_t>(t));
      offsets.push_back(static_cast<int32_t>(positions.size()));
      for (int64_t p = 0; p < max_pages; ++p) {
        page_table.push_back(p * kPageSize < n ? static_cast<int32_t>(n_pages++) : 0);
      }
    }
  }
  int64_t n_rows() const { return static_cast<int64_t>(positions.size()); }
  Rows rows() const {
    Rows r;
    r.batch = {n_rows(), static_cast<int64_t>(lengths.size()), offsets.data(), positions.data()};
    r.tokens = tokens.data();
    r.page_table = page_table.data();
    r.max_pages = max_pages;
    r.n_pages = n_pages;
    return r;
  }
};

/// Gives the parameters of some modules their memory, random weights and packed panels.
class Home {
 public:
  template <class Part>
  void add(const std::string& name, Part& part) {
    if constexpr (std::is_same_v<Part, Parameter>) {
      part.name = name;
      parameters_.push_back(&part);
    } else {
      part.weight.name = name;
      parameters_.push_back(&part.weight);
    }
    if constexpr (std::is_same_v<Part, Linear>) {
      linears_.push_back(&part);
      if (part.bias.shape.empty()) return;
      part.bias.name = name + ".bias";
      parameters_.push_back(&part.bias);
    }
  }
  void add_all(auto& module) {
    module.visit([this](const std::string& name, auto& part) { add(name, part); });
  }

  void build(const Launch& launch, Dtype dtype = Dtype::kF32, float scale = 0.4f) {
    store_.allocate(parameters_, dtype, StoreUse::kTraining);
    uint64_t stream = 1000;
    for (Parameter* p : parameters_) {
      const Floats x = normals(p->numel(), stream++, scale);
      for (int64_t i = 0; i < p->numel(); ++i) {
        const Tensor values = p->buffer ? p->weight : p->master;
        values.f32()[i] = x[i] + (p->shape.size() == 1 ? p->first_value : 0.0f);
      }
    }
    for (Linear* linear : linears_) {
      panels_.push_back(std::make_unique<Arena>());
      Tensor memory = panels_.back()->f32({linear->packed_size(dtype, true) / 4 + 1});
      linear->place_panels(static_cast<std::byte*>(memory.data), dtype, true);
    }
    refresh(launch);
  }
  void refresh(const Launch& launch) {
    store_.round_weights(*launch.pool);
    for (Linear* linear : linears_) linear->pack(launch);
  }

  Values values() const {
    Values v;
    for (const Parameter* p : parameters_) {
      v[p->name] = widened(floats_of(p->buffer ? p->weight : p->master));
    }
    return v;
  }
  std::map<std::string, Floats> gradients() const {
    std::map<std::string, Floats> g;
    for (const Parameter* p : parameters_) {
      if (!p->buffer) g[p->name] = floats_of(p->grad);
    }
    return g;
  }
  ParameterStore& store() { return store_; }

 private:
  std::vector<Parameter*> parameters_;
  std::vector<Linear*> linears_;
  std::vector<std::unique_ptr<Arena>> panels_;
  ParameterStore store_;
};

/// Each gradient against (loss(x + h) − loss(x − h)) / 2h in double, element by element.
inline void expect_gradients(Values at, const std::map<std::string, Floats>& gradients,
                             const std::function<double(const Values&)>& loss,
                             double tolerance = 2e-5) {
  for (const auto& [name, gradient] : gradients) {
    SCOPED_TRACE(name);
    const Floats here(at[name].begin(), at[name].end());
    const auto slopes = central_differences(here, [&](const std::vector<double>& x) {
      Values moved = at;
      moved[name] = x;
      return loss(moved);
    });
    expect_near_all(gradient, slopes, tolerance);
  }
}

}  // namespace r1
