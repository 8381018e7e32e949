// The options of every verb that runs a model: which, with what adapter, in what types.
#pragma once

#include <optional>
#include <string>

#include "engine/chat.h"
#include "models/peft.h"

namespace r1 {

struct ModelOptions {
  std::string model;
  std::string adapter;
  std::string dtype = "auto";
  std::string quantize;
  std::string kv_dtype = "auto";
  std::string mla_form = "expanded";

  void visit(auto&& f) {
    f("model", model, "model folder, PEFT folder or .gguf file");
    f("adapter", adapter, "PEFT folder, on top of model");
    f("dtype", dtype, "weights: auto (as stored), f32, bf16 or f16");
    f("quantize", quantize, "hold the matrices in q8_0 or q4_0");
    f("kv_dtype", kv_dtype, "keys and values: auto (as the weights), f32 or bf16");
    f("mla_form", mla_form, "latent attention: expanded, or absorbed (a small cache)");
  }
};

/// A model that is ready to run.
struct OpenModel {
  LoadedModel loaded;
  Path words;  // where its tokenizer is
  Dtype kv_dtype = Dtype::kF32;

  const Transformer& model() const { return *loaded.model; }
  Result<Chat> chat() const { return Chat::open(words, model().config()); }
};

/// with_mtp: with its modules of multi-token prediction, which speculation needs.
Result<OpenModel> open_model(const ModelOptions& options, const Launch& launch,
                             bool with_mtp = false);

}  // namespace r1
