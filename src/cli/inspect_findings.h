// What r1 inspect found out about a model, before it is words or JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/describe.h"
#include "models/describe_files.h"
#include "models/describe_tensors.h"

namespace r1 {

struct InspectConfig {
  std::string model;
  bool tensors = false;
  std::string filter;
  bool json = false;

  void visit(auto&& f) {
    f("model", model,
      "MODEL: a Hugging Face folder, a PEFT folder, a .gguf or .safetensors file, a config.json");
    f("tensors", tensors, "list every tensor instead of one line for all layers");
    f("filter", filter, "only tensors whose names hold this");
    f("json", json, "one JSON object instead of text");
  }
};

struct TokenizerFindings {
  std::string kind;      // "byte-level BPE"; or why there is none
  int64_t n_tokens = 0;  // 0: none that r1 reads
  bool has_chat_template = false;
};

struct MemoryFindings {
  NamedBytes run;                         // weights by the type of the matrices
  int64_t kv_bf16 = 0, kv_f32 = 0;        // of 1000 tokens
  NamedBytes train;                       // without activations
  int64_t activations = 0, n_tokens = 0;  // of a micro-batch, with gradient checkpointing
};

struct Findings {
  std::string path;
  ModelLook look;
  TokenizerFindings tokenizer;
  std::vector<PartCount> parts;  // empty: no config
  int64_t n_mtp = 0;             // parameters of MTP modules
  bool stores_mtp = false;       // whether the files hold them
  std::optional<MemoryFindings> memory;
  int64_t n_fp8 = 0, fp8_rows = 0, fp8_cols = 0;  // matrices in FP8 blocks, and their size
  std::vector<TensorGroup> tensors;
};

std::string inspect_text(const Findings& findings);
std::string inspect_json(const Findings& findings);

}  // namespace r1
