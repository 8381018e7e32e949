// The words of r1 inspect: columns for a terminal.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/log.h"
#include "cli/inspect_findings.h"

namespace r1 {
namespace {

constexpr int kNameColumn = 16;

std::string line(const std::string& name, const std::string& value) {
  return fmt::format("{:<{}}{}\n", name, kNameColumn, value);
}

std::string bytes_text(int64_t bytes) { return human_bytes(static_cast<double>(bytes)); }

/// "1,777,088,000 (1.8B)"
std::string count_text(int64_t n) {
  if (n < 1000) return std::to_string(n);
  return fmt::format("{} ({})", with_commas(n), human_count(static_cast<double>(n)));
}

std::string shape_text(const std::vector<int64_t>& shape) {
  return shape.empty() ? "scalar" : fmt::format("{}", fmt::join(shape, " x "));
}

std::string tokenizer_text(const TokenizerFindings& t) {
  std::string text = t.kind;
  if (t.n_tokens > 0) text += fmt::format(", {} tokens", with_commas(t.n_tokens));
  return text + (t.has_chat_template ? "; chat template" : "; no chat template");
}

/// Name, total, what one token meets; the last column only where experts make a difference.
std::string parameters_text(const Findings& f) {
  const PartCount sum = sum_of(f.parts);
  const bool sparse = sum.activated != sum.total;
  std::string text = fmt::format("\n{:<{}}{:>20}{}\n", "parameters", kNameColumn, "total",
                                 sparse ? fmt::format("{:>20}", "per token") : "");
  std::vector<PartCount> rows = f.parts;
  rows.push_back(sum);
  for (const PartCount& row : rows) {
    text += fmt::format("  {:<{}}{:>20}", row.name, kNameColumn - 2, with_commas(row.total));
    if (sparse) text += fmt::format("{:>20}", with_commas(row.activated));
    if (row.name == sum.name) {
      text += fmt::format("   {}", human_count(static_cast<double>(sum.total)));
      if (sparse)
        text += fmt::format(", {} per token", human_count(static_cast<double>(sum.activated)));
    }
    text += "\n";
  }
  if (f.n_mtp == 0) return text;
  return text + fmt::format("  {:<{}}{:>20}   for multi-token prediction; not counted above{}\n",
                            "MTP", kNameColumn - 2, with_commas(f.n_mtp),
                            f.look.weights && !f.stores_mtp ? ", nor in these files" : "");
}

std::string stored_text(const Findings& f) {
  if (!f.look.weights) return "\nno weights here: only what config.json says\n";
  std::string text =
      fmt::format("\n{:<{}}{:>20}{:>20}\n", "stored", kNameColumn, "tensors", "size");
  int64_t n_tensors = 0, n_bytes = 0;
  const auto row = [&](const std::string& name, int64_t n, int64_t bytes) {
    text += fmt::format("  {:<{}}{:>20}{:>20}\n", name, kNameColumn - 2, with_commas(n),
                        bytes_text(bytes));
  };
  const auto totals = stored_totals(*f.look.weights);
  for (const StoredTotal& t : totals) {
    row(stored_dtype_name(t.dtype), t.n_tensors, t.n_bytes);
    n_tensors += t.n_tensors;
    n_bytes += t.n_bytes;
  }
  if (totals.size() != 1) row("all", n_tensors, n_bytes);
  if (f.n_fp8 > 0) {
    text += fmt::format("  {} matrices in FP8, one scale for each block of {} x {}\n",
                        with_commas(f.n_fp8), f.fp8_rows, f.fp8_cols);
  }
  if (f.parts.empty()) {
    text += fmt::format("  {} elements\n", count_text(stored_elements(*f.look.weights)));
  }
  return text;
}

std::string memory_text(const MemoryFindings& m) {
  const auto row = [](const std::string& name, int64_t bytes) {
    return fmt::format("  {:<34}{:>12}\n", name, bytes_text(bytes));
  };
  std::string text = "\nmemory to run\n";
  for (const auto& [name, bytes] : m.run) text += row("weights in " + name, bytes);
  text += row("1000 tokens of KV cache in bf16", m.kv_bf16);
  text += row("1000 tokens of KV cache in f32", m.kv_f32);
  text += "\nmemory to train\n";
  for (const auto& [name, bytes] : m.train) text += row(name, bytes);
  std::string activations =
      row(fmt::format("+ activations of {} tokens", m.n_tokens), m.activations);
  activations.back() = ' ';
  return text + activations + " with --gradient_checkpointing\n";
}

std::string tensors_text(const std::vector<TensorGroup>& tensors) {
  if (tensors.empty()) return "\nno tensor has such a name\n";
  size_t name_width = 0, shape_width = 0, dtype_width = 0;
  for (const TensorGroup& t : tensors) {
    name_width = std::max(name_width, t.name.size());
    shape_width = std::max(shape_width, shape_text(t.shape).size());
    dtype_width = std::max(dtype_width, std::string(stored_dtype_name(t.dtype)).size());
  }
  std::string text = "\ntensors\n";
  for (const TensorGroup& t : tensors) {
    text +=
        fmt::format("  {:<{}}  {:>{}}  {:<{}}  {:>10}{}\n", t.name, name_width, shape_text(t.shape),
                    shape_width, stored_dtype_name(t.dtype), dtype_width, bytes_text(t.n_bytes),
                    t.n_tensors > 1 ? fmt::format("  in {}", with_commas(t.n_tensors)) : "");
  }
  return text;
}

std::string adapter_text(const ModelLook& look) {
  const LoraConfig& lora = *look.adapter;
  const std::string& base = lora.base_model_name_or_path;
  std::set<std::string> kinds;  // last parts of the modules' names
  for (const std::string& module : look.adapted) kinds.insert(module.substr(module.rfind('.') + 1));
  return line("base", base.empty() ? "not named" : base) +
         line("adapter",
              fmt::format("LoRA, r {}, lora_alpha {}: scale {:.4g}{}", lora.r, lora.lora_alpha,
                          lora.scale(), lora.use_rslora ? " (rank-stabilised)" : "")) +
         line("on", fmt::format("{} modules: {}", look.adapted.size(), fmt::join(kinds, ", ")));
}

}  // namespace

std::string inspect_text(const Findings& f) {
  std::string text = line("model", f.path) + line("form", f.look.kind);
  if (f.look.adapter) text += adapter_text(f.look);
  if (f.look.plan) {
    for (const auto& [name, words] : describe_config(f.look.config())) text += line(name, words);
  }
  const bool is_config_alone = !f.look.weights && f.look.assets.size() == 1;
  if (!f.look.assets.empty() && !is_config_alone) {
    text += line("tokenizer", tokenizer_text(f.tokenizer));
  }
  if (!f.parts.empty()) text += parameters_text(f);
  text += stored_text(f);
  if (f.memory) text += memory_text(*f.memory);
  if (f.look.weights) text += tensors_text(f.tensors);
  return text;
}

}  // namespace r1
