// What r1 plan --device this and --recipe ask: a run on this machine.
#pragma once

#include "cli/plan_config.h"
#include "train/forecast.h"
#include "train/pretrain.h"

namespace r1 {

struct MachineRequest {
  std::string name;  // of the recipe or the model
  StepPlan plan;
  int64_t steps = 0;  // 0: not said
};

/// What weights of a new model are held in: f32 for auto, bf16 for fp8.
Result<Dtype> held_dtype(const std::string& dtype);

/// A file for r1 pretrain --config.
Result<MachineRequest> read_recipe(const std::string& file);

/// The same of options that were read already; a model to go on from must be there.
Result<MachineRequest> plan_request(const PretrainConfig& stage, const std::string& name);

/// Memory, the measurement, and what it says of a step and of the run.
Result<std::vector<Section>> machine_sections(const MachineRequest& request, double seconds,
                                              int threads);

}  // namespace r1
