#include "train/rollout_model.h"

#include <algorithm>
#include <cstring>

#include "models/model_io.h"
#include "tensor/quant.h"

namespace r1 {
namespace {

/// Elements begin … of a weight of the learner, as floats.
void read_floats(const Parameter& from, int64_t begin, int64_t n, float* to) {
  if (from.weight.dtype == Dtype::kF32) {
    std::memcpy(to, from.weight.f32() + begin, static_cast<size_t>(n) * sizeof(float));
    return;
  }
  for (int64_t i = 0; i < n; ++i) to[i] = bf16_to_f32(from.weight.u16()[begin + i]);
}

/// Floats in the type of a panel: elements, or GGML blocks of whole rows.
std::vector<std::byte> rounded(const std::vector<float>& values, Dtype dtype) {
  const auto n = static_cast<int64_t>(values.size());
  if (is_quantised(dtype)) {
    const BlockFormat format = dtype == Dtype::kQ8_0 ? BlockFormat::kQ8_0 : BlockFormat::kQ4_0;
    std::vector<std::byte> blocks(
        static_cast<size_t>(n / block_elements(format) * block_bytes(format)));
    quantize(format, values.data(), blocks.data(), n);
    return blocks;
  }
  std::vector<std::byte> bytes(static_cast<size_t>(n * dtype_size(dtype)));
  for (int64_t i = 0; i < n; ++i) {
    std::byte* to = bytes.data() + i * dtype_size(dtype);
    const uint16_t half = dtype == Dtype::kF16 ? f32_to_f16(values[i]) : f32_to_bf16(values[i]);
    if (dtype == Dtype::kF32) {
      std::memcpy(to, &values[i], sizeof(float));
    } else {
      std::memcpy(to, &half, sizeof half);
    }
  }
  return bytes;
}

void copy_panels(const Parameter& to, const Parameter& from, const Launch& launch) {
  for (const PanelGroup& group : to.groups()) {
    const PackedMatrix& panels = group.panels;
    const int64_t n_panels = (panels.N + kPanel - 1) / kPanel;
    launch.pool->parallel_for(n_panels, 1, [&](int64_t begin, int64_t end) {
      std::vector<float> values;
      for (int64_t panel = begin; panel < end; ++panel) {
        const int64_t n = std::min(kPanel, panels.N - panel * kPanel);
        values.resize(static_cast<size_t>(n * panels.K));
        const int64_t row = group.first_row + panel * kPanel;
        read_floats(from, row * panels.K, n * panels.K, values.data());
        const std::vector<std::byte> rows = rounded(values, panels.dtype);
        gemm_pack_panel(launch.backend, panels, panel, rows.data(), n);
      }
    });
  }
}

void copy_rows(const Parameter& to, const Parameter& from, const Launch& launch) {
  launch.pool->parallel_for(to.numel(), 1 << 16, [&](int64_t begin, int64_t end) {
    if (to.weight.dtype == Dtype::kF32) {
      return read_floats(from, begin, end - begin, to.weight.f32() + begin);
    }
    std::vector<float> values(static_cast<size_t>(end - begin));
    read_floats(from, begin, end - begin, values.data());
    for (int64_t i = begin; i < end; ++i) to.weight.u16()[i] = f32_to_bf16(values[i - begin]);
  });
}

}  // namespace

Result<std::unique_ptr<Transformer>> make_rollout_model(const Transformer& learner,
                                                        const std::string& dtype, bool with_mtp) {
  if (learner.adapted()) {
    return fail(
        "rollout_dtype {} is for runs that train all weights: an adapter's base is held in fewer "
        "bits with --quantize, in sampler and trainer alike",
        dtype);
  }
  ModelConfig config = learner.config();
  if (dtype == "fp8") {
    if (config.fp8.enabled) {
      return fail("rollout_dtype fp8, and dtype is fp8 already: leave rollout_dtype out");
    }
    R1_RETURN_IF_ERROR(set_fp8(config, "fp8", "1x128"));
    return std::make_unique<Transformer>(config, Dtype::kBF16, StoreUse::kReference,
                                         Transformer::Packing{}, with_mtp);
  }
  const auto parsed = parse_dtype(dtype);
  if (!parsed || *parsed == Dtype::kF32) {
    return fail("rollout_dtype is '{}'; known: bf16, f16, q8_0, q4_0, fp8", dtype);
  }
  config.fp8.enabled = false;
  if (!is_quantised(*parsed)) {
    return std::make_unique<Transformer>(config, *parsed, StoreUse::kInference,
                                         Transformer::Packing{}, with_mtp);
  }
  const Transformer::Packing packing = [blocks = *parsed](const Parameter& p) {
    if (!p.quantizes) return Dtype::kF32;
    const bool words = p.name == "model.embed_tokens.weight" || p.name == "lm_head.weight";
    return words ? Dtype::kQ8_0 : blocks;
  };
  return std::make_unique<Transformer>(config, Dtype::kF32, StoreUse::kInference, packing,
                                       with_mtp);
}

void copy_rounded(Transformer& to, const Transformer& learner, const Launch& launch) {
  const auto& from = learner.store().parameters();
  const auto& copies = to.store().parameters();
  CHECK(from.size() >= copies.size(), "models of {} and {} parameters", from.size(), copies.size());
  for (size_t i = 0; i < copies.size(); ++i) {
    CHECK(copies[i]->name == from[i]->name && copies[i]->shape == from[i]->shape, "{}",
          copies[i]->name);
    if (copies[i]->only_panels()) {
      copy_panels(*copies[i], *from[i], launch);
    } else {
      copy_rows(*copies[i], *from[i], launch);
    }
  }
  to.refresh(launch);
}

}  // namespace r1
