// The options of r1 plan, and the sections that answer them.
#pragma once

#include <optional>

#include "base/fields.h"
#include "cli/plan_sheet.h"
#include "models/plan_cost.h"

namespace r1 {

struct PlanConfig {
  std::string model, config_json, recipe;
  std::string tokens;
  std::string device = "h800";
  double flops = 0, memory = 0, bandwidth = 0, price = -1;
  int64_t gpus = 0, pp = 1, ep = 1, dp = 0, tp = 1;
  int zero = 1;
  std::string schedule = "1f1b", recompute = "selective";
  std::string dtype = "bf16", moments = "f32", gradients = "f32";
  int64_t sequence_length = 4096, batch = 0, micro_batch = 1;
  double cache_bits = 16;
  std::vector<std::string> compare;
  double efficiency = 0, hours_per_trillion = 0;
  std::vector<std::string> extension;
  double extension_hours = 0, other_hours = 0;
  double seconds = 2;
  int threads = 0;
  bool explain = false, json = false;

  void visit(auto&& f) {
    f("model", model, "MODEL: a published name (deepseek-v3), a model folder or a config.json");
    f("config_json", config_json, "the same: a folder or a config.json");
    f("recipe", recipe, "a file for r1 pretrain --config, planned for this machine");
    f("tokens", tokens, "tokens to train on: 14.8T, 300B, 50M");
    f("device", device,
      "h800, h100, h200, a100, b200, 4090, custom, or this (also laptop): measured");
    f("flops", flops, "custom: bf16 TFLOP/s of one device");
    f("memory", memory, "custom: GB (10^9 bytes) of one device");
    f("bandwidth", bandwidth, "custom: GB/s of its memory");
    f("price", price, "dollars of one device for one hour; -1: as the device's source says");
    f("gpus", gpus, "devices; 0: not said, and one is counted");
    f("pp", pp, "pipeline stages");
    f("ep", ep, "devices that share the experts of a layer");
    f("dp", dp, "data-parallel replicas; 0: gpus / (pp x tp)");
    f("tp", tp, "devices that share the heads and columns of a layer");
    f("zero", zero, "sharded over dp: 0 nothing, 1 masters and moments, 2 gradients, 3 weights");
    f("schedule", schedule, "of the pipeline: 1f1b, zb1p or dualpipe");
    f("recompute", recompute, "activations kept: none, selective (as DeepSeek-V3) or full");
    f("dtype", dtype, "weights and arithmetic: f32, bf16 or fp8 (with f32 masters)");
    f("moments", moments, "AdamW's two states: f32 or bf16");
    f("gradients", gradients, "f32 or bf16");
    f("sequence_length", sequence_length, "tokens of a sequence");
    f("batch", batch, "sequences of one optimizer step; 0: not said");
    f("micro_batch", micro_batch, "sequences computed at once");
    f("cache_bits", cache_bits, "bits of one element of the KV cache");
    f("compare", compare, "published models whose caches stand beside it, in 16 bits");
    f("efficiency", efficiency, "share of the bf16 peak; 0: that of the nearest published run");
    f("hours_per_trillion", hours_per_trillion,
      "device hours for 10^12 tokens, if known: then the efficiency follows");
    f("extension", extension, "context extension: STEPSxSEQUENCESxLENGTH, …");
    f("extension_hours", extension_hours, "its device hours, if known; 0: from FLOPs");
    f("other_hours", other_hours, "device hours after that, as stated: post-training");
    f("seconds", seconds, "device this: how long to measure");
    f("threads", threads, "device this: threads; 0: every core");
    f("explain", explain, "each figure with its formula, its numbers and its source");
    f("json", json, "one JSON object instead of text");
  }
};

/// The options, understood.
struct PlanRequest {
  PlanConfig options;
  std::string name;  // of the model
  double tokens = 0;
  Device device = {};
  Layout layout = {};
  std::vector<PhaseSize> phases = {};
  Figure share = {};  // of peak, whole square
};

/// What its makers say of its size, and how that is to be read.
std::vector<std::string> published_readings(const std::string& name);
Section parameter_section(const ModelShape& shape);
Result<Section> cache_section(const ModelShape& shape, const PlanRequest& request);
/// Share of peak: given, from hours per trillion tokens, or of the nearest published run.
Result<Figure> share_figure(const ModelShape& shape, const PlanRequest& request);
Section flop_section(const ModelShape& shape, const PlanRequest& request);
Section memory_section(const ModelShape& shape, const PlanRequest& request);
Section pipeline_section(const PlanRequest& request);
Section speed_section(const ModelShape& shape, const PlanRequest& request);
Section cost_section(const ModelShape& shape, const PlanRequest& request);

}  // namespace r1
