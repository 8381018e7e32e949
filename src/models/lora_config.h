// What a low-rank adapter is made of; names as in PEFT's adapter_config.json.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace r1 {

struct LoraConfig {
  int64_t r = 0;  // rank; 0: no adapter
  double lora_alpha = 16.0;
  bool use_rslora = false;
  /// Last parts of the names of linear layers ("q_proj"), or "all-linear": every one but lm_head
  /// and the router.
  std::vector<std::string> target_modules{"all-linear"};
  double lora_dropout =
      0;  // of an adapter that was read: dropout is not implemented, see adapters.h
  std::string base_model_name_or_path = {};  // what it sits on; no option: it is the model

  float scale() const {
    const double rank = static_cast<double>(r);
    return static_cast<float>(lora_alpha / (use_rslora ? std::sqrt(rank) : rank));
  }

  void visit(auto&& f) {
    f("r", r, "rank of a new adapter, which alone learns; 0: all weights learn");
    f("lora_alpha", lora_alpha, "the adapter's product is scaled by lora_alpha / r");
    f("use_rslora", use_rslora, "scale by lora_alpha / sqrt(r) instead");
    f("target_modules", target_modules,
      "linear layers by the last parts of their names: q_proj,v_proj; or all-linear");
  }
};

}  // namespace r1
